/* simd_private.h: the parts of a tier that simd_fill.c puts together, and what they share. */
#ifndef SIMD_PRIVATE_H
#define SIMD_PRIVATE_H

#include "backend/backend.h"
#include "backend/cpu/simd/simd_vec.h"

void TIER(simd_integer_fill)(backend *b);
void TIER(simd_integer_reduce_fill)(backend *b);
void TIER(simd_copy_fill)(backend *b);
void TIER(simd_unary_fill)(backend *b);
void TIER(simd_binary_fill)(backend *b);
void TIER(simd_ternary_fill)(backend *b);
void TIER(simd_reduce_fill)(backend *b);
void TIER(simd_softmax_fill)(backend *b);
void TIER(simd_random_fill)(backend *b);
void TIER(simd_matmul_fill)(backend *b);

#endif
