# One executable for each tests/**/test_*.c, in <build>/tests. `./run check` runs them (scripts/run_tests.sh); so does ctest.
enable_testing()
pkg_check_modules(cmocka REQUIRED cmocka)
file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS tests/test_*.c)
file(GLOB support_sources CONFIGURE_DEPENDS tests/support/*.c)
list(FILTER test_sources EXCLUDE REGEX "/tests/(support|consumer)/")

# Tests see the library's inside: internal headers, and through the static library every function.
add_library(test_interface INTERFACE)
target_include_directories(test_interface INTERFACE src tests ${CMAKE_BINARY_DIR}/gen)
target_include_directories(test_interface SYSTEM INTERFACE ${cmocka_INCLUDE_DIRS} ${TESSERA_INCLUDE_DIRS})
target_compile_definitions(test_interface INTERFACE ${TESSERA_DEFINITIONS} TSR_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
target_compile_options(test_interface INTERFACE ${OpenMP_C_FLAGS})
target_link_libraries(test_interface INTERFACE tessera_flags tessera_static ${cmocka_LDFLAGS})

set(support "")
if(support_sources)
    add_library(test_support STATIC EXCLUDE_FROM_ALL ${support_sources})
    target_link_libraries(test_support PUBLIC test_interface)
    set(support test_support)
endif()

add_custom_target(tests)
foreach(file ${test_sources})
    get_filename_component(name ${file} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${file})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${name} PRIVATE ${support} test_interface)
    add_dependencies(tests ${name})
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
endforeach()

# onnx_replay replays ONNX's own operator tests (docs/testing.md); test_onnx_replay runs it.
file(GLOB onnx_replay_sources CONFIGURE_DEPENDS tools/onnx_replay/*.c)
add_executable(onnx_replay EXCLUDE_FROM_ALL ${onnx_replay_sources})
set_target_properties(onnx_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(onnx_replay PRIVATE tessera_flags tessera_static)
add_dependencies(test_onnx_replay onnx_replay)

# test_load loads the shared library at run time, as other languages do.
target_compile_definitions(test_load PRIVATE TSR_SHARED_LIBRARY="$<TARGET_FILE:tessera_shared>")
target_link_libraries(test_load PRIVATE ${CMAKE_DL_LIBS})
add_dependencies(test_load tessera_shared)
