/* simd_argument.h: positions of the largest and smallest elements. */
#ifndef SIMD_ARGUMENT_H
#define SIMD_ARGUMENT_H

#include "backend/cpu/simd/simd_private.h"

bool TIER(simd_argument_takes)(int32_t dtype);
/* R_ARGMAX or R_ARGMIN of a non-empty array of such a dtype; `table` copies. False: no memory. */
bool TIER(simd_argument)(const backend *table, reduce_code code, const array *out, const array *in, uint32_t dims);

#endif
