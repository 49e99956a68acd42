/* factor.c: see factor.h. A vector is described by where it starts, how many elements it has, and their distance. */
#include "factor.h"

#include <stdlib.h>
#include <string.h>

typedef struct vectors {
    int64_t count, length, step, next; /* element i of vector j is at i * step + j * next */
} vectors;

factor_vectors factor_of(const char *op, int64_t output)
{
    static const struct {
        const char *op;
        int64_t output;
        factor_vectors vectors;
    } known[] = {
        {"svd", 0, FACTOR_COLUMNS},       {"svd", 2, FACTOR_COLUMNS},    {"linalg.svd", 0, FACTOR_COLUMNS},
        {"linalg.svd", 2, FACTOR_ROWS},   {"qr", 0, FACTOR_COLUMNS},     {"qr", 1, FACTOR_ROWS},
        {"linalg.qr", 0, FACTOR_COLUMNS}, {"linalg.qr", 1, FACTOR_ROWS}, {"linalg.eigh", 1, FACTOR_COLUMNS},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].output == output && !strcmp(known[i].op, op)) return known[i].vectors;
    return FACTOR_NONE;
}

static double dot(const double *a, const double *b, const vectors *v)
{
    double sum = 0;
    for (int64_t i = 0; i < v->length; i++) sum += a[i * v->step] * b[i * v->step];
    return sum;
}

static void turn_around(double *a, const vectors *v)
{
    for (int64_t i = 0; a && i < v->length; i++) a[i * v->step] = -a[i * v->step];
}

/* got_j = sum over k of got_k (got_k . want_j), for the vectors from `first` on. */
static void project(double *got, const double *want, const vectors *v, int64_t first)
{
    double *result = calloc((size_t)(v->count * v->length) + 1, sizeof *result);
    for (int64_t j = first; result && j < v->count; j++)
        for (int64_t k = first; k < v->count; k++) {
            double share = dot(got + k * v->next, want + j * v->next, v);
            for (int64_t i = 0; i < v->length; i++) result[j * v->length + i] += share * got[k * v->next + i * v->step];
        }
    for (int64_t j = first; result && j < v->count; j++)
        for (int64_t i = 0; i < v->length; i++) got[j * v->next + i * v->step] = result[j * v->length + i];
    free(result);
}

static void align_matrix(double *got, const double *want, double *seed, const vectors *v, int64_t determined)
{
    for (int64_t j = 0; j < v->count && j < determined; j++) {
        if (dot(got + j * v->next, want + j * v->next, v) >= 0) continue;
        turn_around(got + j * v->next, v);
        turn_around(seed ? seed + j * v->next : NULL, v);
    }
    project(got, want, v, determined);
}

void factor_align(double *got, const double *want, double *seed, tsr_shape shape, factor_vectors direction,
                  int64_t determined)
{
    if (direction == FACTOR_NONE || shape.n < 2) return;
    int64_t rows = shape.v[shape.n - 2], columns = shape.v[shape.n - 1], batches = 1;
    vectors v = {columns, rows, columns, 1};
    if (direction == FACTOR_ROWS) v = (vectors){rows, columns, 1, columns};
    for (int32_t d = 0; d < shape.n - 2; d++) batches *= shape.v[d];
    for (int64_t b = 0; b < batches; b++) {
        int64_t at = b * rows * columns;
        align_matrix(got + at, want + at, seed ? seed + at : NULL, &v, determined);
    }
}
