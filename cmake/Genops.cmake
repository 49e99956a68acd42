# tools/genops reads the operator tables (src/op/*.def) and the public headers, and writes the name registry, which is
# compiled in, prototypes for our code (op_gen.h), the examples that a test runs, and what is also committed, for people to
# read: the public header ops.h, the golden file of the public surface, and the reference pages. What is compiled against
# is the new ops.h, so a changed table needs no second step. The tests and `./run check` compare old and new; the targets
# update-ops-header and update-surface copy the new ones over the old.
set(TESSERA_GENERATED_SOURCES "")
file(GLOB genops_sources CONFIGURE_DEPENDS tools/genops/*.c)
file(GLOB op_tables CONFIGURE_DEPENDS src/op/*.def)
file(GLOB public_headers CONFIGURE_DEPENDS include/tessera/*.h)
list(FILTER public_headers EXCLUDE REGEX "/ops\\.h$")
if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/tools/genops/main.c OR NOT op_tables)
    return()
endif()

add_executable(genops ${genops_sources})
target_compile_options(genops PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes)

set(committed_header ${CMAKE_CURRENT_SOURCE_DIR}/include/tessera/ops.h)
set(gen ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${gen}/tessera)
# genops leaves a file alone whose text would not change, so that a new doc line does not compile everything again; the
# stamp is what tells that it ran.
add_custom_command(OUTPUT ${gen}/stamp
    BYPRODUCTS ${gen}/tessera/ops.h ${gen}/op_gen.h ${gen}/op_registry.c ${gen}/op_examples.h ${gen}/surface.txt
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${gen}/reference
    COMMAND ${CMAKE_COMMAND} -E make_directory ${gen}/reference
    COMMAND genops --header ${gen}/tessera/ops.h --prototypes ${gen}/op_gen.h --registry ${gen}/op_registry.c
        --examples ${gen}/op_examples.h --surface ${gen}/surface.txt --reference ${gen}/reference ${op_tables} ${public_headers}
    COMMAND ${CMAKE_COMMAND} -E touch ${gen}/stamp
    DEPENDS genops ${op_tables} ${public_headers}
    COMMENT "Reading the operator tables and the public headers"
    VERBATIM)
add_custom_target(generated DEPENDS ${gen}/stamp)
add_custom_target(update-ops-header COMMAND ${CMAKE_COMMAND} -E copy_if_different ${gen}/tessera/ops.h ${committed_header})
add_dependencies(update-ops-header generated)
set(reference ${CMAKE_CURRENT_SOURCE_DIR}/docs/reference)
add_custom_target(update-surface
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_SOURCE_DIR}/tests/golden
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${gen}/surface.txt ${CMAKE_CURRENT_SOURCE_DIR}/tests/golden/surface.txt
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${reference}
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${gen}/reference ${reference})
add_dependencies(update-surface generated)
set(TESSERA_GENERATED_SOURCES ${gen}/op_registry.c)
