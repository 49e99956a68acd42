/* simd_gemm.h: matrix products of any strides.

   c[m, n] = beta c + alpha a[m, k] b[k, n] + bias[n]. A result's bits depend on the shape alone: over how many threads the
   product is cut changes nothing. */
#ifndef SIMD_GEMM_H
#define SIMD_GEMM_H

#include "backend/cpu/simd/simd_private.h"

/* Element (i, j) lies at data[i * row + j * column]; item i of a batch at data + i * batch. */
typedef struct gemm_matrix {
    void *data;
    int64_t batch, row, column;
} gemm_matrix;

typedef struct gemm {
    int64_t batch, m, n, k;
    gemm_matrix a, b, c;
    const void *bias;   /* n adjacent elements, or NULL; with it alpha is 1 and beta 0 */
    double alpha, beta; /* beta 0: c is not read */
    bool b_is_bf16;     /* for gemm_f32, with few rows, contiguous ones in a and contiguous columns in b */
} gemm;

/* Up to so many rows, products are done by dot products where a's rows and b's columns are contiguous. */
enum { GEMM_FEW_ROWS = 8 };

/* All f32, or all f64; over threads. The data of a and b is only read. False: no memory. */
bool TIER(gemm_f32)(const gemm *g);
bool TIER(gemm_f64)(const gemm *g);

#endif
