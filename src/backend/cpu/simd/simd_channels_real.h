/* simd_channels_real.h: group norm and batch norm are sums over rows of channels and maps over them; these are the rows'
   kernels, for float or double; included twice by simd_norm.c.

   A picture is rows of c contiguous channels. Work is cut into chunks of rows whose size depends on the shape alone, each
   with sums of its own that are added up in order, so that results do not depend on the number of threads. Where there
   are enough pictures a thread takes a whole one, which then stays in its cache between the two passes.

   Sums of squares are of deviations from the picture's first row, and are carried from float to double every few rows:
   a mean that is large against the deviation does no harm. */
#include "backend/cpu/simd/simd_real.h"

/* Rows whose sums stay in REAL. */
#define BLOCK_ROWS 16
/* Vectors of a cache line: sums take whole lines of each row, which are then read once. */
#define LINE (64 / VECTOR_BYTES)

typedef struct F(channels) {
    const REAL *x, *grad; /* grad: NULL in forward */
    REAL *out;            /* the result, or the gradient of x; NULL: only the sums are wanted */
    int64_t images, rows, c;
    int64_t chunk, chunks;      /* rows of a chunk, chunks of a picture */
    REAL *mean, *scale, *shift; /* y = (x - mean) scale + shift, each of `stride` a picture */
    REAL *slope, *offset;       /* backward: grad_x = grad_y scale + (x - mean) slope + offset */
    int64_t stride;             /* c, or 0 where all pictures share them */
    double *sums;               /* [images, chunks + 1, 2, c]: of each chunk, then of the picture */
    bool silu;
    /* Between the passes: turns the sums of one picture into the parameters above. */
    void (*between)(const struct F(channels) * j, int64_t image, void *user);
    void *user;
} F(channels);

/* Adds the lanes of the first `left` channels of some vectors. */
VECTOR_INLINE void F(add_lanes)(double *to, const VEC *v, int vectors, int64_t left)
{
    for (int u = 0; u < vectors; u++)
        for (int k = 0; k < (left < LANES ? (int)left : LANES); k++) to[u * LANES + k] += (double)v[u][k];
}

/* `vectors` whole vectors of channels (a cache line has LINE of them), or the `left` of one, of n rows: adds
   sum(x - first) and sum((x - first)^2). */
VECTOR_INLINE void F(sum_strip)(const REAL *x, int64_t n, int64_t c, int vectors, int64_t left, const REAL *first,
                                double *sum, double *squares)
{
    VEC a[2][LINE] = {{{0}}}, b[2][LINE] = {{{0}}}, pivot[LINE] = {{0}};
    for (int u = 0; u < vectors; u++) pivot[u] = F(load_some)(first + u * LANES, left);
    int64_t i = 0;
    for (; i + 2 <= n; i += 2)
        for (int k = 0; k < 2; k++) {
            fetch_ahead(x, (i + k + BLOCK_ROWS) * c * (int64_t)sizeof *x);
            for (int u = 0; u < vectors; u++) {
                VEC d = F(load_some)(x + (i + k) * c + u * LANES, left) - pivot[u];
                a[k][u] += d;
                b[k][u] += d * d;
            }
        }
    for (int u = 0; u < vectors; u++) {
        if (i < n) {
            VEC d = F(load_some)(x + i * c + u * LANES, left) - pivot[u];
            a[0][u] += d;
            b[0][u] += d * d;
        }
        a[0][u] += a[1][u];
        b[0][u] += b[1][u];
    }
    F(add_lanes)(sum, a[0], vectors, left);
    F(add_lanes)(squares, b[0], vectors, left);
}

static void F(sum_rows)(const REAL *x, int64_t rows, int64_t c, const REAL *first, double *sums)
{
    for (int64_t r = 0; r < rows; r += BLOCK_ROWS) {
        int64_t n = tsr_min_i64(rows - r, BLOCK_ROWS), i = 0;
        const REAL *from = x + r * c;
        for (; i + LINE * LANES <= c; i += LINE * LANES)
            F(sum_strip)(from + i, n, c, LINE, LANES, first + i, sums + i, sums + c + i);
        for (; i + LANES <= c; i += LANES) F(sum_strip)(from + i, n, c, 1, LANES, first + i, sums + i, sums + c + i);
        if (i < c) F(sum_strip)(from + i, n, c, 1, c - i, first + i, sums + i, sums + c + i);
    }
}

/* A picture's rows from one on, and its parameters. */
typedef struct F(rows) {
    const REAL *x, *grad;
    REAL *out;
    int64_t n, c;
    const REAL *mean, *scale, *shift, *slope, *offset;
} F(rows);

static F(rows) F(rows_at)(const F(channels) * j, int64_t image, int64_t row, int64_t n)
{
    int64_t at = (image * j->rows + row) * j->c, p = image * j->stride;
    F(rows) r = {.x = j->x + at, .n = n, .c = j->c, .mean = j->mean + p, .scale = j->scale + p, .shift = j->shift + p};
    if (j->out) r.out = j->out + at;
    if (!j->grad) return r;
    r.grad = j->grad + at;
    r.slope = j->slope + p;
    r.offset = j->offset + p;
    return r;
}

/* Adds sum(grad_y) and sum(grad_y (x - mean)) of a strip from channel i on, as sum_strip. grad_y, where it was passed back
   through SiLU, is left in `out` for the map. */
VECTOR_INLINE void F(grad_sum_strip)(const F(rows) * r, int64_t i, int vectors, int64_t left, bool silu, double *sums)
{
    VEC a[LINE] = {{0}}, b[LINE] = {{0}}, mean[LINE] = {{0}}, scale[LINE] = {{0}}, shift[LINE] = {{0}};
    for (int u = 0; u < vectors; u++) {
        mean[u] = F(load_some)(r->mean + i + u * LANES, left);
        scale[u] = F(load_some)(r->scale + i + u * LANES, left);
        shift[u] = F(load_some)(r->shift + i + u * LANES, left);
    }
    const REAL *x = r->x, *grad = r->grad;
    REAL *out = r->out;
    for (int64_t row = 0, c = r->c, end = r->n; row < end; row++)
        for (int u = 0; u < vectors; u++) {
            int64_t at = row * c + i + u * LANES;
            VEC d = F(load_some)(x + at, left) - mean[u], g = F(load_some)(grad + at, left);
            if (silu) {
                g = F(silu_grad)(g, d * scale[u] + shift[u]);
                if (out) F(store_some)(out + at, g, left);
            }
            a[u] += g;
            b[u] += g * d;
        }
    F(add_lanes)(sums + i, a, vectors, left);
    F(add_lanes)(sums + r->c + i, b, vectors, left);
}

VECTOR_INLINE void F(grad_sum_block)(const F(rows) * r, bool silu, double *sums)
{
    int64_t i = 0;
    for (; i + LINE * LANES <= r->c; i += LINE * LANES) F(grad_sum_strip)(r, i, LINE, LANES, silu, sums);
    for (; i + LANES <= r->c; i += LANES) F(grad_sum_strip)(r, i, 1, LANES, silu, sums);
    if (i < r->c) F(grad_sum_strip)(r, i, 1, r->c - i, silu, sums);
}

static void F(grad_sum_rows)(const F(channels) * j, int64_t image, int64_t row, int64_t rows, double *sums)
{
    for (int64_t r = row; r < row + rows; r += BLOCK_ROWS) {
        F(rows) block = F(rows_at)(j, image, r, tsr_min_i64(row + rows - r, BLOCK_ROWS));
        if (j->silu) F(grad_sum_block)(&block, true, sums);
        else F(grad_sum_block)(&block, false, sums);
    }
}

/* Channels from i on of a row that starts at `at`. */
VECTOR_INLINE VEC F(map)(const F(rows) * r, int64_t at, int64_t i, int64_t left, map_kind kind)
{
    VEC d = F(load_some)(r->x + at + i, left) - F(load_some)(r->mean + i, left);
    VEC scale = F(load_some)(r->scale + i, left);
    if (kind == MAP_BACKWARD)
        return F(load_some)(r->grad + at + i, left) * scale +
               (d * F(load_some)(r->slope + i, left) + F(load_some)(r->offset + i, left));
    VEC y = d * scale + F(load_some)(r->shift + i, left);
    return kind == MAP_SILU ? F(silu)(y) : kind == MAP_SILU_WITHIN ? F(silu_within)(y) : y;
}

VECTOR_INLINE void F(map_rows)(const F(rows) * r, map_kind kind)
{
    int64_t whole = r->c / LANES * LANES;
    for (int64_t at = 0; at < r->n * r->c; at += r->c) {
        for (int64_t i = 0; i < whole; i += LANES) F(store)(r->out + at + i, F(map)(r, at, i, LANES, kind));
        if (whole < r->c) F(store_some)(r->out + at + whole, F(map)(r, at, whole, r->c - whole, kind), r->c - whole);
    }
}

/* ---- chunks, pictures and threads ---- */

static double *F(sums_of)(const F(channels) * j, int64_t image, int64_t chunk)
{
    return j->sums + (image * (j->chunks + 1) + chunk) * 2 * j->c;
}

static double *F(picture_sums)(const F(channels) * j, int64_t image) { return F(sums_of)(j, image, j->chunks); }

static void F(sum_chunk)(const F(channels) * j, int64_t image, int64_t chunk)
{
    int64_t row = chunk * j->chunk, rows = tsr_min_i64(j->chunk, j->rows - row);
    const REAL *x = j->x + image * j->rows * j->c;
    double *sums = F(sums_of)(j, image, chunk);
    memset(sums, 0, (size_t)(2 * j->c) * sizeof *sums);
    if (j->grad) F(grad_sum_rows)(j, image, row, rows, sums);
    else F(sum_rows)(x + row * j->c, rows, j->c, x, sums);
}

/* Whether all that a chunk of the forward pass gives to SiLU is within 85 on either side of 0. No square is above the sum of
   squares, and (x - mean)^2 <= 9/8 (x - first)^2 + 9 (first - mean)^2. Sums that are not finite say no. */
static bool F(silu_is_within)(const F(channels) * j, int64_t image, int64_t chunk)
{
    const double *squares = F(sums_of)(j, image, chunk) + j->c;
    const REAL *first = j->x + image * j->rows * j->c;
    int64_t p = image * j->stride, beyond = 0;
    for (int64_t i = 0; i < j->c; i++) {
        double off = (double)(first[i] - j->mean[p + i]), scale = (double)j->scale[p + i];
        double room = 85 - fabs((double)j->shift[p + i]);
        beyond += !((room > 0) & (scale * scale * (1.125 * squares[i] + 9 * off * off) <= room * room));
    }
    return !beyond;
}

static void F(map_chunk)(const F(channels) * j, int64_t image, int64_t chunk)
{
    int64_t row = chunk * j->chunk;
    F(rows) r = F(rows_at)(j, image, row, tsr_min_i64(j->chunk, j->rows - row));
    if (j->grad && j->silu) r.grad = r.out; /* grad_sum_strip left it there */
    if (j->grad) F(map_rows)(&r, MAP_BACKWARD);
    else if (!j->silu) F(map_rows)(&r, MAP_PLAIN);
    else if (REAL_BITS == 32 && F(silu_is_within)(j, image, chunk)) F(map_rows)(&r, MAP_SILU_WITHIN);
    else F(map_rows)(&r, MAP_SILU);
}

/* Add the chunks' sums up. */
static void F(gather_sums)(const F(channels) * j, int64_t image)
{
    double *total = F(picture_sums)(j, image);
    memcpy(total, F(sums_of)(j, image, 0), (size_t)(2 * j->c) * sizeof *total);
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
        for (int64_t k = j->chunks; j->out && k-- > 0;) F(map_chunk)(j, image, k); /* the last is still in the cache */
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

/* Sums, `between`, and the map over all pictures. j->sums must hold images * (chunks + 1) * 2 c. */
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
#undef LINE
