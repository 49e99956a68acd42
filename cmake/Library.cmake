# libtessera.a and libtessera.so, from objects that are compiled once.
file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.c)
file(GLOB simd_sources CONFIGURE_DEPENDS src/backend/cpu/simd/*.c)
if(simd_sources)
    list(REMOVE_ITEM sources ${simd_sources})
endif()
if(NOT TESSERA_ONEDNN)
    list(FILTER sources EXCLUDE REGEX "/src/backend/cpu/onednn/")
endif()
list(APPEND sources ${TESSERA_GENERATED_SOURCES})

set(objects "")

# tessera_objects(NAME OPTIONS FILE...): object files that go into both libraries.
# gcc clears structs of more than 48 bytes by "rep stos", which takes as long to start as the rest of a small operator.
set(small_memset "")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(small_memset -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign)
endif()

function(tessera_objects name options)
    if(NOT ARGN)
        return()
    endif()
    add_library(${name} OBJECT ${ARGN})
    target_link_libraries(${name} PRIVATE tessera_flags)
    target_include_directories(${name} PRIVATE src ${CMAKE_BINARY_DIR}/gen include)
    if(TARGET generated)
        add_dependencies(${name} generated)
    endif()
    target_include_directories(${name} SYSTEM PRIVATE ${TESSERA_INCLUDE_DIRS})
    target_compile_definitions(${name} PRIVATE ${TESSERA_DEFINITIONS} TSR_VERSION="${PROJECT_VERSION}")
    target_compile_options(${name} PRIVATE ${OpenMP_C_FLAGS} -fno-semantic-interposition ${small_memset} ${options})
    set(objects ${objects} $<TARGET_OBJECTS:${name}> PARENT_SCOPE)
endfunction()

# The same files are compiled once for each instruction set; which one runs is decided at run time. A file makes its names
# different with TSR_TIER. Elsewhere than x86-64, baseline (on 64-bit ARM that includes NEON) is the only tier.
set(tiers baseline)
set(tier_baseline "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    list(APPEND tiers avx2 avx512)
    set(tier_avx2 -mavx2 -mfma -mf16c)
    set(tier_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl ${tier_avx2} -mprefer-vector-width=512)
    list(APPEND TESSERA_DEFINITIONS TSR_HAVE_AVX2=1 TSR_HAVE_AVX512=1)
    # Where gcc knows which registers a static function leaves alone, it clears no upper halves of vector registers before and
    # after calls of it. A row that ends in such a call would leave them dirty, and the next SSE instruction, and the next AVX
    # one after that, would take 50 ns each.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND tier_avx2 -fno-ipa-ra)
        list(APPEND tier_avx512 -fno-ipa-ra)
    endif()
endif()

# No fused multiply-add behind our backs: the same source gives the same number with every compiler and machine. The fast
# kernels may fuse; the reference kernels, against which they are compared, may not.
tessera_objects(tessera_core "-ffp-contract=off" ${sources})
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/src/backend/cpu/simd/simd_random.c
    PROPERTIES COMPILE_OPTIONS -ffp-contract=off) # random numbers are the same in all tiers
foreach(tier ${tiers})
    tessera_objects(tessera_simd_${tier} "-fno-math-errno;-fno-trapping-math;-DTSR_TIER=${tier};${tier_${tier}}" ${simd_sources})
endforeach()

if(NOT objects)
    message(FATAL_ERROR "there are no sources under src/")
endif()

# tessera_library(TARGET KIND EXPORTED-NAME)
function(tessera_library target kind exported)
    add_library(${target} ${kind} ${objects})
    add_library(tessera::${exported} ALIAS ${target})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME tessera EXPORT_NAME ${exported} LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/gen> $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

tessera_library(tessera_static STATIC tessera_static)
target_link_libraries(tessera_static INTERFACE ${TESSERA_LINK_LIBRARIES})

# --as-needed: a library that nothing calls is not loaded, which shows in the start-up time. nodelete: threads that used us run
# our clean-up when they end, so dlclose must not take the code away.
tessera_library(tessera_shared SHARED tessera)
target_link_libraries(tessera_shared PRIVATE ${TESSERA_LINK_LIBRARIES} $<BUILD_INTERFACE:tessera_flags>)
if(NOT APPLE)
    target_link_options(tessera_shared PRIVATE -Wl,--as-needed -Wl,-z,nodelete $<$<NOT:$<BOOL:${TESSERA_SANITIZE}>>:-Wl,-z,defs>)
    target_link_options(tessera_static INTERFACE $<BUILD_INTERFACE:-Wl,--as-needed>)
endif()
