/* runtime.h: how the library runs on this machine: threads, instruction set, version. */
#ifndef TESSERA_RUNTIME_H
#define TESSERA_RUNTIME_H

#include "tessera/error.h"
#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Threads that operations use: what tsr_set_num_threads set, else the default: TSR_NUM_THREADS, else OMP_NUM_THREADS, else the
    cores that the process may use. Above 1024 a variable is ignored, with a warning. */
TSR_API int tsr_num_threads(void);

/** Use n threads from now on, 1024 at most; n < 1 means the default again. Results do not depend on it. */
TSR_API void tsr_set_num_threads(int n);

/**
 * Choose the CPU kernels: "reference" (plain C, slow, the definition of each operation), "baseline", "avx2", "avx512",
 * or NULL for what the environment variable TSR_ISA says, or, without it, the best that the machine has. TSR_ISA counts
 * for a whole process; a program that never calls this gets a warning and the best where TSR_ISA names something unknown or
 * something that the machine lacks.
 *
 * TSR_EINVAL for an unknown name, TSR_ESTATE when the machine or the build lacks it. Not while operations are running.
 */
TSR_API tsr_status tsr_set_isa(const char *isa);

/** The name of the kernels in use. */
TSR_API const char *tsr_isa(void);

/** "0.1.0" */
TSR_API const char *tsr_version_string(void);

#ifdef __cplusplus
}
#endif
#endif
