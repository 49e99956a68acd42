# Each fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput for one parser. With the tests it becomes test_fuzz_NAME, which
# replays seeds and mutations of them. To hunt, with clang:
#   cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang -DTESSERA_FUZZ=ON && cmake --build build-fuzz --target fuzz
#   build-fuzz/fuzz/fuzz_NAME CORPUS-FOLDER tests/io/goldens
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/fuzz_*.c)

if(TESSERA_FUZZ)
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_compile_options(tessera_flags INTERFACE ${sanitizers} -fsanitize=fuzzer-no-link -fno-omit-frame-pointer -g1)
    target_link_options(tessera_flags INTERFACE ${sanitizers})
    tessera_programs(fuzz ${fuzz_sources})
    foreach(file ${fuzz_sources})
        get_filename_component(name ${file} NAME_WE)
        target_include_directories(fuzz_${name} PRIVATE src)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
endif()

if(TESSERA_TESTS)
    foreach(file ${fuzz_sources})
        get_filename_component(name ${file} NAME_WE)
        string(REPLACE "fuzz_" "" parser ${name})
        add_executable(test_${name} EXCLUDE_FROM_ALL ${file} fuzz/replay.c)
        set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
        target_compile_definitions(test_${name} PRIVATE FUZZ_NAME="${parser}")
        target_link_libraries(test_${name} PRIVATE test_interface)
        add_dependencies(tests test_${name})
        add_test(NAME test_${name} COMMAND test_${name})
    endforeach()
endif()
