/* simd_gemm.c: matrix products, after Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008)
   and BLIS, with two simplifications. b is packed in panels of NR columns: small ones each time they are used, on the stack
   of the thread that uses them; large ones once for all. a is packed
   only for wide products: the kernel reads it by broadcasting single elements, for which any strides will do.

   A kernel keeps 6 rows of 2 vectors (4 with AVX-512's 32 registers) in registers. Products of few rows with a transposed
   b (a linear layer on one token) read b once, as dot products. */
#include "backend/cpu/simd/simd_gemm.h"

#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_transpose.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

#if defined(__AVX512F__)
#define TILE_VECTORS 4
#else
#define TILE_VECTORS 2
#endif

enum {
    TILE_ROWS = 6,
    DEPTH = TILE_VECTORS == 4 ? 128 : 512,   /* steps of k between updates of c: a panel of b then fits level 1 */
    BLOCK_BYTES = 192 * 1024,                /* of a, that stay in level 2; packed, they lie on the stack */
    BLOCK_ROWS = 768,                        /* at most */
    PANEL_GROUP = TILE_VECTORS == 4 ? 1 : 2, /* panels packed together on the stack */
    PACK_COLUMNS = 192,                      /* of b, from which on packing a pays */
    PACK_TRANSPOSED = 64,                    /* the same where a's columns are contiguous */
    PACK_ALL = 1 << 14,                      /* elements of b from which on it is packed once for all threads */
    PACKED = 1 << 20,                        /* elements of it packed at a time, about */
    GRAIN = 1 << 16,                         /* multiplications worth a thread */
    SLICE = 1024,                            /* steps of k, at least, where sums are cut */
    MOST_SLICES = 16,
    SLICED_RESULTS = 1 << 14 /* at most */
};

#define REAL_BITS 32
#include "backend/cpu/simd/simd_gemm_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_gemm_real.h"
#undef REAL_BITS

/* c's rows should be contiguous: otherwise compute its transpose. So too where c is a column, since one row of many columns
   has kernels of its own. */
static gemm with_rows_contiguous(const gemm *g)
{
    gemm t = *g;
    bool is_column = g->n == 1 && g->m > 1;
    if ((!is_column && (g->c.column == 1 || g->c.row != 1)) || g->bias || g->b_is_bf16) return t;
    t.m = g->n, t.n = g->m;
    t.a = g->b, t.b = g->a;
    gemm_matrix *all[] = {&t.a, &t.b, &t.c};
    for (int i = 0; i < 3; i++) {
        int64_t row = all[i]->row;
        all[i]->row = all[i]->column;
        all[i]->column = row;
    }
    return t;
}

bool TIER(gemm_f32)(const gemm *g)
{
    gemm t = with_rows_contiguous(g);
    return gemm_run32(&t);
}

bool TIER(gemm_f64)(const gemm *g)
{
    gemm t = with_rows_contiguous(g);
    return gemm_run64(&t);
}
