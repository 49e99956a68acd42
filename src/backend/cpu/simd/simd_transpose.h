/* simd_transpose.h: transposing small squares of elements in registers. */
#ifndef SIMD_TRANSPOSE_H
#define SIMD_TRANSPOSE_H

#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#define SHUFFLE(a, b, kind, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, kind, ...) __builtin_shuffle(a, b, (kind){__VA_ARGS__})
#endif

typedef uint32_t row4 __attribute__((vector_size(32))); /* 8 elements of 4 bytes */
typedef uint64_t row8 __attribute__((vector_size(32))); /* 4 elements of 8 bytes */

/* dst row i = column i of 8 rows at src; strides in bytes. Pairs, then pairs of pairs, then halves change places. */
static inline void transpose_8x8(char *dst, int64_t dst_stride, const char *src, int64_t src_stride)
{
    row4 r[8], t[8];
    for (int i = 0; i < 8; i++) memcpy(&r[i], src + i * src_stride, sizeof r[i]);
    for (int i = 0; i < 8; i += 2) {
        t[i] = SHUFFLE(r[i], r[i + 1], row4, 0, 8, 1, 9, 4, 12, 5, 13);
        t[i + 1] = SHUFFLE(r[i], r[i + 1], row4, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            r[i + 2 * j] = SHUFFLE(t[i + j], t[i + j + 2], row4, 0, 1, 8, 9, 4, 5, 12, 13);
            r[i + 2 * j + 1] = SHUFFLE(t[i + j], t[i + j + 2], row4, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) {
        t[i] = SHUFFLE(r[i], r[i + 4], row4, 0, 1, 2, 3, 8, 9, 10, 11);
        t[i + 4] = SHUFFLE(r[i], r[i + 4], row4, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; i++) memcpy(dst + i * dst_stride, &t[i], sizeof t[i]);
}

static inline void transpose_4x4(char *dst, int64_t dst_stride, const char *src, int64_t src_stride)
{
    row8 r[4], t[4];
    for (int i = 0; i < 4; i++) memcpy(&r[i], src + i * src_stride, sizeof r[i]);
    for (int i = 0; i < 4; i += 2) {
        t[i] = SHUFFLE(r[i], r[i + 1], row8, 0, 4, 2, 6);
        t[i + 1] = SHUFFLE(r[i], r[i + 1], row8, 1, 5, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        r[i] = SHUFFLE(t[i], t[i + 2], row8, 0, 1, 4, 5);
        r[i + 2] = SHUFFLE(t[i], t[i + 2], row8, 2, 3, 6, 7);
    }
    for (int i = 0; i < 4; i++) memcpy(dst + i * dst_stride, &r[i], sizeof r[i]);
}

#endif
