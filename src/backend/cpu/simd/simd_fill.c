/* simd_fill.c: puts this tier's kernels into a table, and those that are fast in all tiers. */
#include "backend/cpu/cpu_index.h"
#include "backend/cpu/cpu_scan.h"
#include "backend/cpu/cpu_sort.h"
#include "backend/cpu/simd/simd.h"
#include "backend/cpu/simd/simd_private.h"

void TIER(simd_fill)(backend *b)
{
    TIER(simd_integer_fill)(b);
    TIER(simd_integer_reduce_fill)(b);
    TIER(simd_copy_fill)(b);
    TIER(simd_unary_fill)(b);
    TIER(simd_binary_fill)(b);
    TIER(simd_ternary_fill)(b);
    TIER(simd_reduce_fill)(b);
    TIER(simd_softmax_fill)(b);
    TIER(simd_random_fill)(b);
    TIER(simd_matmul_fill)(b);
    cpu_scan_fill(b);
    cpu_sort_fill(b);
    cpu_index_fill(b); /* whose topk is for few of many */
}
