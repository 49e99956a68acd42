# What `./run install` puts where: program, libraries, headers, tessera.pc and the CMake package.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tessera)

install(TARGETS tessera_static tessera_shared EXPORT tesseraTargets)
# The installed archive is one object whose inner names are local: a program may have an op_run of its own.
if(CMAKE_OBJCOPY AND NOT APPLE)
    install(CODE "
        set(archive \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libtessera.a\")
        execute_process(COMMAND \"${CMAKE_LINKER}\" -r --whole-archive \"\${archive}\" -o \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
        execute_process(COMMAND \"${CMAKE_OBJCOPY}\" --localize-hidden \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
        file(REMOVE \"\${archive}\")
        execute_process(COMMAND \"${CMAKE_AR}\" rcs \"\${archive}\" \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
        file(REMOVE \"\${archive}.o\")")
endif()
if(TARGET tessera_program)
    install(TARGETS tessera_program)
endif()
# ops.h as the tables make it: what the library was compiled with, though the committed one should be the same.
if(TARGET generated)
    install(FILES ${CMAKE_BINARY_DIR}/gen/tessera/ops.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tessera)
endif()
install(DIRECTORY include/tessera DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN ops.h EXCLUDE)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The prefix is found from where tessera.pc lies, so that `cmake --install --prefix` and a moved folder work.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
list(JOIN TESSERA_LINK_LIBRARIES " " private_libraries)
configure_file(cmake/tessera.pc.in tessera.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tessera.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT tesseraTargets NAMESPACE tessera:: DESTINATION ${package_folder})
configure_package_config_file(cmake/tesseraConfig.cmake.in tesseraConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(tesseraConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tesseraConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tesseraConfigVersion.cmake
    DESTINATION ${package_folder})
