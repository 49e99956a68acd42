# tools/genops reads the operator tables (src/op/*.def) and writes the name registry, which is compiled in, and the public
# header ops.h. The header is also committed, for people to read, and the committed one is what is compiled against;
# `./run check` compares the two, and the target update-ops-header copies the new one over the old.
set(TESSERA_GENERATED_SOURCES "")
file(GLOB genops_sources CONFIGURE_DEPENDS tools/genops/*.c)
file(GLOB op_tables CONFIGURE_DEPENDS src/op/*.def)
if(NOT genops_sources OR NOT op_tables)
    return()
endif()

add_executable(genops ${genops_sources})
target_compile_options(genops PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes)

set(committed_header ${CMAKE_CURRENT_SOURCE_DIR}/include/tessera/ops.h)
set(new_header ${CMAKE_BINARY_DIR}/gen/ops.h)
set(registry ${CMAKE_BINARY_DIR}/gen/op_registry.c)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gen)
add_custom_command(OUTPUT ${registry} ${new_header}
    COMMAND genops --header ${new_header} --registry ${registry} ${op_tables}
    COMMAND ${CMAKE_COMMAND} -E compare_files ${new_header} ${committed_header} ||
            ${CMAKE_COMMAND} -E echo "include/tessera/ops.h is out of date: cmake --build ${CMAKE_BINARY_DIR} --target update-ops-header"
    DEPENDS genops ${op_tables}
    COMMENT "Reading the operator tables"
    VERBATIM)
add_custom_target(update-ops-header
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${new_header} ${committed_header}
    DEPENDS ${new_header})
set(TESSERA_GENERATED_SOURCES ${registry})
