/* simd_channels_real.h: group norm and batch norm are sums over rows of channels and maps over them; these are the rows'
   kernels, for float or double; included twice by simd_norm.c.

   A picture is rows of c contiguous channels. Work is cut into chunks of rows whose size depends on the shape alone, each
   with sums of its own that are added up in order, so that results do not depend on the number of threads. Where there
   are enough pictures a thread takes a whole one, which then stays in its cache between the two passes.

   Sums of squares are of deviations from the picture's first row, and are carried from float to double every few rows:
   a mean that is large against the deviation does no harm. */
#include "backend/cpu/simd/simd_real.h"

/* Rows whose sums stay in REAL. */
#define BLOCK_ROWS 32

typedef struct F(channels) {
    const REAL *x, *grad; /* grad: NULL in forward */
    REAL *out;            /* the result, or the gradient of x; NULL: only the sums are wanted */
    int64_t images, rows, c;
    int64_t chunk, chunks;      /* rows of a chunk, chunks of a picture */
    REAL *mean, *scale, *shift; /* y = (x - mean) scale + shift, each of `stride` a picture */
    REAL *slope, *offset;       /* backward: grad_x = grad_y scale + (x - mean) slope + offset */
    int64_t stride;             /* c, or 0 where all pictures share them */
    double *sums;               /* [images, chunks, 2, c] */
    bool silu;
    /* Between the passes: turns the sums of one picture, added up in its first chunk, into the parameters above. */
    void (*between)(const struct F(channels) * j, int64_t image, void *user);
    void *user;
} F(channels);

/* A gradient passed back through SiLU: s (1 + y (1 - s)). */
VECTOR_INLINE VEC F(through_silu)(VEC grad, VEC y)
{
    VEC s = F(sigmoid_bounded)(y);
    return grad * (s * (1 + y * (1 - s)));
}

/* Up to LANES channels of n rows: adds sum(x - first) and sum((x - first)^2). */
VECTOR_INLINE void F(sum_strip)(const REAL *x, int64_t n, int64_t c, int64_t left, VEC first, double *sum,
                                double *squares)
{
    VEC a[4] = {{0}}, b[4] = {{0}};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) {
            VEC d = F(load_some)(x + (i + k) * c, left) - first;
            a[k] += d;
            b[k] += d * d;
        }
    for (; i < n; i++) {
        VEC d = F(load_some)(x + i * c, left) - first;
        a[0] += d;
        b[0] += d * d;
    }
    VEC s = (a[0] + a[1]) + (a[2] + a[3]), q = (b[0] + b[1]) + (b[2] + b[3]);
    for (int k = 0; k < (left < LANES ? (int)left : LANES); k++) {
        sum[k] += (double)s[k];
        squares[k] += (double)q[k];
    }
}

static void F(sum_rows)(const REAL *x, int64_t rows, int64_t c, const REAL *first, double *sums)
{
    for (int64_t r = 0; r < rows; r += BLOCK_ROWS)
        for (int64_t i = 0; i < c; i += LANES) {
            int64_t n = tsr_min_i64(rows - r, BLOCK_ROWS), left = c - i;
            const REAL *from = x + r * c + i;
            if (left >= LANES) /* apart, so that its loop has no branch */
                F(sum_strip)(from, n, c, LANES, F(load)(first + i), sums + i, sums + c + i);
            else F(sum_strip)(from, n, c, left, F(load_some)(first + i, left), sums + i, sums + c + i);
        }
}

/* The parameters of up to LANES channels. */
typedef struct F(strip) {
    VEC mean, scale, shift, slope, offset;
} F(strip);

VECTOR_INLINE F(strip) F(strip_at)(const F(channels) * j, int64_t image, int64_t i, int64_t left)
{
    int64_t at = image * j->stride + i;
    F(strip) s = {F(load_some)(j->mean + at, left), F(load_some)(j->scale + at, left), {0}, {0}, {0}};
    if (j->shift) s.shift = F(load_some)(j->shift + at, left);
    if (j->slope) s.slope = F(load_some)(j->slope + at, left);
    if (j->offset) s.offset = F(load_some)(j->offset + at, left);
    return s;
}

/* Adds sum(grad_y) and sum(grad_y (x - mean)). */
VECTOR_INLINE void F(grad_sum_strip)(const REAL *x, const REAL *grad, int64_t n, int64_t c, int64_t left, F(strip) p,
                                     bool silu, double *sum, double *products)
{
    VEC a[2] = {{0}}, b[2] = {{0}};
    for (int64_t i = 0; i < n; i++) {
        VEC d = F(load_some)(x + i * c, left) - p.mean, g = F(load_some)(grad + i * c, left);
        if (silu) g = F(through_silu)(g, d * p.scale + p.shift);
        if (i & 1) {
            a[1] += g;
            b[1] += g * d;
        } else {
            a[0] += g;
            b[0] += g * d;
        }
    }
    VEC s = a[0] + a[1], q = b[0] + b[1];
    for (int k = 0; k < (left < LANES ? (int)left : LANES); k++) {
        sum[k] += (double)s[k];
        products[k] += (double)q[k];
    }
}

static void F(grad_sum_rows)(const F(channels) * j, int64_t image, int64_t row, int64_t rows, double *sums)
{
    int64_t c = j->c;
    for (int64_t r = row; r < row + rows; r += BLOCK_ROWS)
        for (int64_t i = 0; i < c; i += LANES) {
            int64_t n = tsr_min_i64(row + rows - r, BLOCK_ROWS), left = c - i, at = (image * j->rows + r) * c + i;
            F(strip) p = F(strip_at)(j, image, i, left);
            if (left < LANES)
                F(grad_sum_strip)(j->x + at, j->grad + at, n, c, left, p, j->silu, sums + i, sums + c + i);
            else if (j->silu) F(grad_sum_strip)(j->x + at, j->grad + at, n, c, LANES, p, true, sums + i, sums + c + i);
            else F(grad_sum_strip)(j->x + at, j->grad + at, n, c, LANES, p, false, sums + i, sums + c + i);
        }
}

VECTOR_INLINE VEC F(map)(const F(channels) * j, int64_t at, int64_t left, F(strip) p, bool silu, bool backward)
{
    VEC d = F(load_some)(j->x + at, left) - p.mean;
    if (!backward) {
        VEC y = d * p.scale + p.shift;
        return silu ? y * F(sigmoid_bounded)(y) : y;
    }
    VEC g = F(load_some)(j->grad + at, left);
    if (silu) g = F(through_silu)(g, d * p.scale + p.shift);
    return g * p.scale + (d * p.slope + p.offset);
}

VECTOR_INLINE void F(map_rows_as)(const F(channels) * j, int64_t image, int64_t row, int64_t rows, bool silu,
                                  bool backward)
{
    int64_t c = j->c, whole = c / LANES * LANES;
    for (int64_t r = row; r < row + rows; r++) {
        int64_t at = (image * j->rows + r) * c;
        for (int64_t i = 0; i < whole; i += LANES)
            F(store)(j->out + at + i, F(map)(j, at + i, LANES, F(strip_at)(j, image, i, LANES), silu, backward));
        if (whole < c) F(store_some)
        (j->out + at + whole, F(map)(j, at + whole, c - whole, F(strip_at)(j, image, whole, c - whole), silu, backward),
         c - whole);
    }
}

static void F(map_rows)(const F(channels) * j, int64_t image, int64_t row, int64_t rows)
{
    if (j->grad && j->silu) F(map_rows_as)(j, image, row, rows, true, true);
    else if (j->grad) F(map_rows_as)(j, image, row, rows, false, true);
    else if (j->silu) F(map_rows_as)(j, image, row, rows, true, false);
    else F(map_rows_as)(j, image, row, rows, false, false);
}

/* ---- chunks, pictures and threads ---- */

static double *F(sums_of)(const F(channels) * j, int64_t image, int64_t chunk)
{
    return j->sums + (image * j->chunks + chunk) * 2 * j->c;
}

static void F(sum_chunk)(const F(channels) * j, int64_t image, int64_t chunk)
{
    int64_t row = chunk * j->chunk, rows = tsr_min_i64(j->chunk, j->rows - row);
    const REAL *x = j->x + image * j->rows * j->c;
    double *sums = F(sums_of)(j, image, chunk);
    memset(sums, 0, (size_t)(2 * j->c) * sizeof *sums);
    if (j->grad) F(grad_sum_rows)(j, image, row, rows, sums);
    else F(sum_rows)(x + row * j->c, rows, j->c, x, sums);
}

static void F(map_chunk)(const F(channels) * j, int64_t image, int64_t chunk)
{
    int64_t row = chunk * j->chunk;
    F(map_rows)(j, image, row, tsr_min_i64(j->chunk, j->rows - row));
}

/* Add the chunks' sums up in the first. */
static void F(gather_sums)(const F(channels) * j, int64_t image)
{
    double *total = F(sums_of)(j, image, 0);
    for (int64_t k = 1; k < j->chunks; k++) {
        const double *part = F(sums_of)(j, image, k);
        for (int64_t i = 0; i < 2 * j->c; i++) total[i] += part[i];
    }
    j->between(j, image, j->user);
}

static void F(whole_images)(int64_t begin, int64_t end, void *user)
{
    const F(channels) *j = user;
    for (int64_t image = begin; image < end; image++) {
        for (int64_t k = 0; k < j->chunks; k++) F(sum_chunk)(j, image, k);
        F(gather_sums)(j, image);
        for (int64_t k = 0; j->out && k < j->chunks; k++) F(map_chunk)(j, image, k);
    }
}

static void F(sum_chunks)(int64_t begin, int64_t end, void *user)
{
    const F(channels) *j = user;
    for (int64_t i = begin; i < end; i++) F(sum_chunk)(j, i / j->chunks, i % j->chunks);
}

static void F(map_chunks)(int64_t begin, int64_t end, void *user)
{
    const F(channels) *j = user;
    for (int64_t i = begin; i < end; i++) F(map_chunk)(j, i / j->chunks, i % j->chunks);
}

static void F(set_chunks)(F(channels) * j)
{
    j->chunk = tsr_max_i64(BLOCK_ROWS, CHUNK_ELEMENTS / j->c / BLOCK_ROWS * BLOCK_ROWS);
    j->chunk = tsr_max_i64(j->chunk, (j->rows + MOST_CHUNKS - 1) / MOST_CHUNKS);
    j->chunks = tsr_max_i64((j->rows + j->chunk - 1) / j->chunk, 1);
}

/* Sums, `between`, and the map over all pictures. j->sums must hold images * chunks * 2 c. */
static void F(channels_run)(F(channels) * j)
{
    int64_t chunk_grain = tsr_max_i64(1, GRAIN / (tsr_min_i64(j->chunk, j->rows) * j->c));
    if (j->images >= tsr_num_threads()) {
        tsr_parallel_for(j->images, tsr_max_i64(1, GRAIN / (j->rows * j->c)), F(whole_images), j);
        return;
    }
    tsr_parallel_for(j->images * j->chunks, chunk_grain, F(sum_chunks), j);
    for (int64_t image = 0; image < j->images; image++) F(gather_sums)(j, image);
    if (j->out) tsr_parallel_for(j->images * j->chunks, chunk_grain, F(map_chunks), j);
}

#undef BLOCK_ROWS
