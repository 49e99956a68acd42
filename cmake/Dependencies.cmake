# The libraries we stand on. What is found here goes in one form (-l flags) to our own targets, to tessera.pc and to the
# CMake package, so that a user's static link and ours cannot differ.
find_package(PkgConfig REQUIRED)
set(TESSERA_LINK_LIBRARIES "")
set(TESSERA_INCLUDE_DIRS "")
set(TESSERA_DEFINITIONS "")

# need(MODULE PACKAGE): a library by its pkg-config name, with the Debian package that carries it for the error's text.
function(tessera_need module package)
    pkg_check_modules(${module} QUIET ${module})
    if(NOT ${module}_FOUND)
        message(FATAL_ERROR "${module} was not found: install ${package} (Debian's name), or run ./run build, which does. ${ARGN}")
    endif()
    set(TESSERA_LINK_LIBRARIES ${TESSERA_LINK_LIBRARIES} ${${module}_LDFLAGS} PARENT_SCOPE)
    set(TESSERA_INCLUDE_DIRS ${TESSERA_INCLUDE_DIRS} ${${module}_INCLUDE_DIRS} PARENT_SCOPE)
endfunction()

tessera_need(libpng libpng-dev)
tessera_need(libjpeg libjpeg-dev)
tessera_need(libzip libzip-dev)
tessera_need(zlib zlib1g-dev)
tessera_need(jansson libjansson-dev)

if(TESSERA_SLEEF)
    tessera_need(sleef libsleef-dev "-DTESSERA_SLEEF=OFF builds without it.")
    list(APPEND TESSERA_DEFINITIONS TSR_HAVE_SLEEF=1)
endif()

# oneDNN comes without a pkg-config file, and its CMake package asks for OpenCL: look for the two files ourselves.
if(TESSERA_ONEDNN)
    find_path(TESSERA_ONEDNN_INCLUDE oneapi/dnnl/dnnl.h)
    find_library(TESSERA_ONEDNN_LIBRARY dnnl)
    mark_as_advanced(TESSERA_ONEDNN_INCLUDE TESSERA_ONEDNN_LIBRARY)
    if(NOT TESSERA_ONEDNN_INCLUDE OR NOT TESSERA_ONEDNN_LIBRARY)
        message(FATAL_ERROR "oneDNN was not found: install libdnnl-dev (Debian's name), or run ./run build, which does. "
            "-DTESSERA_ONEDNN=OFF builds without it, slower.")
    endif()
    get_filename_component(folder ${TESSERA_ONEDNN_LIBRARY} DIRECTORY)
    if(NOT folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
        list(APPEND TESSERA_LINK_LIBRARIES -L${folder})
    endif()
    if(NOT TESSERA_ONEDNN_INCLUDE IN_LIST CMAKE_C_IMPLICIT_INCLUDE_DIRECTORIES)
        list(APPEND TESSERA_INCLUDE_DIRS ${TESSERA_ONEDNN_INCLUDE})
    endif()
    list(APPEND TESSERA_LINK_LIBRARIES -ldnnl)
    list(APPEND TESSERA_DEFINITIONS TSR_HAVE_ONEDNN=1)
endif()

# gcc's OpenMP library needs no path; another compiler's may lie anywhere.
find_package(OpenMP REQUIRED COMPONENTS C)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND TESSERA_LINK_LIBRARIES -lgomp)
else()
    list(APPEND TESSERA_LINK_LIBRARIES ${OpenMP_C_LIBRARIES})
endif()
list(APPEND TESSERA_LINK_LIBRARIES -lpthread -lm)
list(REMOVE_DUPLICATES TESSERA_LINK_LIBRARIES)
foreach(folder ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES}) # searched anyway
    list(REMOVE_ITEM TESSERA_LINK_LIBRARIES -L${folder})
endforeach()
list(REMOVE_DUPLICATES TESSERA_INCLUDE_DIRS)
