# tools/genops reads the operator tables (src/op/*.def) and writes the name registry, which is compiled in, prototypes for
# our code (op_gen.h), and the public header ops.h. That header is also committed, for people to read; what is compiled
# against is the new one, so a changed table needs no second step. `./run check` compares the two, and the target
# update-ops-header copies the new one over the old.
set(TESSERA_GENERATED_SOURCES "")
file(GLOB genops_sources CONFIGURE_DEPENDS tools/genops/*.c)
file(GLOB op_tables CONFIGURE_DEPENDS src/op/*.def)
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
add_custom_command(OUTPUT ${gen}/stamp BYPRODUCTS ${gen}/tessera/ops.h ${gen}/op_gen.h ${gen}/op_registry.c
    COMMAND genops --header ${gen}/tessera/ops.h --prototypes ${gen}/op_gen.h --registry ${gen}/op_registry.c ${op_tables}
    COMMAND ${CMAKE_COMMAND} -E touch ${gen}/stamp
    DEPENDS genops ${op_tables}
    COMMENT "Reading the operator tables"
    VERBATIM)
add_custom_target(generated DEPENDS ${gen}/stamp)
add_custom_target(update-ops-header COMMAND ${CMAKE_COMMAND} -E copy_if_different ${gen}/tessera/ops.h ${committed_header})
add_dependencies(update-ops-header generated)
set(TESSERA_GENERATED_SOURCES ${gen}/op_registry.c)
