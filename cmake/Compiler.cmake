# How our own code is compiled. Every target of ours links tessera_flags; none of it reaches a user's program.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or RelWithDebInfo" FORCE)
endif()
# -g1: function names and lines for backtraces and profilers, without the bulk of full debugging information.
if(CMAKE_C_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")
    set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(tessera_flags INTERFACE)
target_compile_options(tessera_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    # Never mere style, and errors of their own accord in newer compilers.
    -Werror=implicit-function-declaration -Werror=int-conversion -Werror=incompatible-pointer-types)
if(TESSERA_WERROR)
    target_compile_options(tessera_flags INTERFACE -Werror)
endif()

if(TESSERA_SANITIZE)
    # -O1 keeps the tests quick. gcc's flow warnings go wrong on instrumented code.
    # Casts of floats that do not fit an integer are not in `undefined`.
    set(sanitizers -fsanitize=address,undefined,float-cast-overflow)
    target_compile_options(tessera_flags INTERFACE ${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1
        $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(tessera_flags INTERFACE ${sanitizers})
endif()
