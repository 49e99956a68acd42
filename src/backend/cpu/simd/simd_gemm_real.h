/* simd_gemm_real.h: the matrix product of simd_gemm.c for float or double; included twice. */
#include "backend/cpu/simd/simd_total_real.h"

/* ---- the kernel: up to 6 rows of NR columns, in registers ------------------------------------------------------- */

#undef NR
#undef BLOCK_REALS
#define BLOCK_REALS (BLOCK_BYTES / (int64_t)sizeof(REAL))
#define NR (TILE_VECTORS * LANES)

/* What a kernel works on: k steps; a(i, p) at a[i * a_row + p * a_step], b's row p of NR elements at b[p * b_step]. */
typedef struct F(tile) {
    int64_t k, a_row, a_step, b_step, c_row;
    const REAL *a, *b, *start; /* start: what the sums start from (a bias), or NULL */
    REAL *c;                   /* rows of NR adjacent elements */
    REAL alpha, beta;
} F(tile);

VECTOR_INLINE void F(put)(REAL *c, VEC sum, REAL alpha, REAL beta)
{
    VEC y = sum * alpha;
    if (beta != 0) y = F(load)(c) * beta + y;
    F(store)(c, y);
}

/* Registers are named, not an array, because compilers spill arrays. R is a row, V a vector in it. */
#define VECTORS_1(DO, R) DO(R, 0)
#define VECTORS_2(DO, R) VECTORS_1(DO, R) DO(R, 1)
#define VECTORS_3(DO, R) VECTORS_2(DO, R) DO(R, 2)
#define VECTORS_4(DO, R) VECTORS_3(DO, R) DO(R, 3)
#define ROWS_1(DO, VECTORS) DO(0, VECTORS)
#define ROWS_2(DO, VECTORS) ROWS_1(DO, VECTORS) DO(1, VECTORS)
#define ROWS_3(DO, VECTORS) ROWS_2(DO, VECTORS) DO(2, VECTORS)
#define ROWS_4(DO, VECTORS) ROWS_3(DO, VECTORS) DO(3, VECTORS)
#define ROWS_5(DO, VECTORS) ROWS_4(DO, VECTORS) DO(4, VECTORS)
#define ROWS_6(DO, VECTORS) ROWS_5(DO, VECTORS) DO(5, VECTORS)

#define SUM(R, V) VEC c##R##V = t->start ? F(load)(t->start + V * LANES) : F(splat)(0);
#define SUMS(R, VECTORS)                                                                                               \
    __builtin_prefetch(t->c + R * t->c_row, 1);                                                                        \
    VECTORS(SUM, R)
#define LOAD(R, V) VEC b##V = F(load)(b + V * LANES);
#define FUSE(R, V) c##R##V += x##R * b##V;
#define STEP(R, VECTORS)                                                                                               \
    VEC x##R = F(splat)(a[R * row]);                                                                                   \
    VECTORS(FUSE, R)
#define PUT(R, V) F(put)(t->c + R * t->c_row + V * LANES, c##R##V, t->alpha, t->beta);
#define PUTS(R, VECTORS) VECTORS(PUT, R)

/* Steps of a packed a that are fetched ahead, since between two tiles it has left the first-level cache. */
#define AHEAD 64

#define KERNEL(rows, vectors)                                                                                          \
    static void F(kernel_##rows##_##vectors##_)(const F(tile) * t)                                                     \
    {                                                                                                                  \
        const REAL *a = t->a, *b = t->b;                                                                               \
        const int64_t row = t->a_row, step = t->a_step, b_step = t->b_step;                                            \
        ROWS_##rows(SUMS, VECTORS_##vectors) _Pragma("GCC unroll 2") for (int64_t p = t->k; p > 0; p--)                \
        {                                                                                                              \
            fetch_ahead(a, AHEAD *step *(int64_t)sizeof(REAL));                                                        \
            VECTORS_##vectors(LOAD, 0) ROWS_##rows(STEP, VECTORS_##vectors) a += step;                                 \
            b += b_step;                                                                                               \
        }                                                                                                              \
        ROWS_##rows(PUTS, VECTORS_##vectors)                                                                           \
    }
#define KERNELS(vectors)                                                                                               \
    KERNEL(1, vectors)                                                                                                 \
    KERNEL(2, vectors)                                                                                                 \
    KERNEL(3, vectors)                                                                                                 \
    KERNEL(4, vectors)                                                                                                 \
    KERNEL(5, vectors)                                                                                                 \
    KERNEL(6, vectors)
#define KERNEL_NAMES(vectors)                                                                                          \
    {                                                                                                                  \
        NULL, F(kernel_1_##vectors##_), F(kernel_2_##vectors##_), F(kernel_3_##vectors##_), F(kernel_4_##vectors##_),  \
            F(kernel_5_##vectors##_), F(kernel_6_##vectors##_)                                                         \
    }

KERNELS(1)
KERNELS(2)
#if TILE_VECTORS == 4
KERNELS(3)
KERNELS(4)
#endif

/* [vectors][rows] */
static void (*const F(kernels)[][TILE_ROWS + 1])(const F(tile) *) = {
    {NULL},          KERNEL_NAMES(1), KERNEL_NAMES(2),
#if TILE_VECTORS == 4
    KERNEL_NAMES(3), KERNEL_NAMES(4),
#endif
};

/* ---- packing ------------------------------------------------------------------------------------------------------- */

#if REAL_BITS == 32
#define SQUARE 8
#define TRANSPOSE transpose_8x8
#else
#define SQUARE 4
#define TRANSPOSE transpose_4x4
#endif

/* Columns [j, n) of pack(), each contiguous in b; squares of them are transposed in registers. */
static void F(pack_columns)(REAL *panel, const REAL *b, int64_t column, int64_t k, int64_t n, int64_t width)
{
    const int64_t bytes = sizeof(REAL);
    int64_t whole_n = n / SQUARE * SQUARE, whole_k = k / SQUARE * SQUARE;
    for (int64_t j = 0; j < whole_n; j += SQUARE)
        for (int64_t p = 0; p < whole_k; p += SQUARE)
            TRANSPOSE((char *)(panel + p * width + j), width * bytes, (const char *)(b + j * column + p),
                      column * bytes);
    for (int64_t j = 0; j < n; j++)
        for (int64_t p = j < whole_n ? whole_k : 0; p < k; p++) panel[p * width + j] = b[j * column + p];
}

/* panel[p][j] = b(p, j) for k rows and n <= width columns; the rest of the width is 0. */
static void F(pack)(REAL *panel, const REAL *b, int64_t row, int64_t column, int64_t k, int64_t n, int64_t width)
{
    if (n < width) memset(panel, 0, (size_t)(k * width) * sizeof(REAL));
    if (row == 1 && column != 1) {
        F(pack_columns)(panel, b, column, k, n, width);
    } else if (column == 1 && n == NR) {
        for (int64_t p = 0; p < k; p++) memcpy(panel + p * NR, b + p * row, NR * sizeof(REAL));
    } else {
        for (int64_t p = 0; p < k; p++)
            for (int64_t j = 0; j < n; j++) panel[p * width + j] = b[p * row + j * column];
    }
}

/* Panel after panel, of n columns in all. Rows of b that are contiguous are read as such. */
static void F(pack_group)(REAL *panels, const REAL *b, int64_t row, int64_t column, int64_t k, int64_t n)
{
    int64_t whole = column == 1 ? n / NR * NR : 0;
    for (int64_t p = 0; p < k && whole > 0; p++)
        for (int64_t x = 0; x < whole; x += NR) memcpy(panels + x * k + p * NR, b + p * row + x, NR * sizeof(REAL));
    for (int64_t x = whole; x < n; x += NR) {
        int64_t wide = n - x < NR ? n - x : NR, width = (wide + LANES - 1) / LANES * LANES;
        F(pack)(panels + x * k, b + x * column, row, column, k, wide, width);
    }
}

/* packed[i / 6][p][i % 6] = a(i, p), where a's columns are contiguous: some of them at a time, since where they lie far
   apart, all at once would push each other out of the cache. */
static void F(pack_rows_of_columns)(REAL *packed, const REAL *a, int64_t column, int64_t m, int64_t k)
{
    for (int64_t p0 = 0; p0 < k; p0 += SQUARE)
        for (int64_t i = 0; i < m; i += TILE_ROWS) {
            int64_t rows = m - i < TILE_ROWS ? m - i : TILE_ROWS, end = k - p0 < SQUARE ? k : p0 + SQUARE;
            REAL *to = packed + i * k;
            if (rows == TILE_ROWS)
                for (int64_t p = p0; p < end; p++)
                    memcpy(to + p * TILE_ROWS, a + p * column + i, TILE_ROWS * sizeof(REAL));
            else
                for (int64_t p = p0; p < end; p++)
                    for (int64_t r = 0; r < rows; r++) to[p * TILE_ROWS + r] = a[p * column + i + r];
        }
}

/* The same for contiguous rows, of which at least SQUARE are left: squares are transposed in registers. A square of more
   rows than a tile leaves the next tile's first elements behind its own, which that tile writes again. */
static int64_t F(pack_squares)(REAL *to, const REAL *a, int64_t row, int64_t k)
{
    const int64_t bytes = sizeof(REAL), whole = k / SQUARE * SQUARE;
    for (int64_t p = 0; p < whole; p += SQUARE) {
        int64_t r = 0;
        /* The next tile, or what lies behind the last, is on its way from memory meanwhile. */
        for (int64_t next = TILE_ROWS; next < 2 * TILE_ROWS; next++) fetch_ahead(a, (next * row + p) * bytes);
        do {
            TRANSPOSE((char *)(to + p * TILE_ROWS + r), TILE_ROWS * bytes, (const char *)(a + r * row + p),
                      row * bytes);
        } while ((r += 2) <= TILE_ROWS - SQUARE);
    }
    return whole;
}

/* The same for any strides. */
static void F(pack_rows)(REAL *packed, const REAL *a, int64_t row, int64_t column, int64_t m, int64_t k)
{
    if (row == 1) {
        F(pack_rows_of_columns)(packed, a, column, m, k);
        return;
    }
    for (int64_t i = 0; i < m; i += TILE_ROWS, packed += TILE_ROWS * k, a += TILE_ROWS * row) {
        int64_t rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;
        bool squares = column == 1 && m - i >= TILE_ROWS && m - i >= SQUARE;
        int64_t done = squares ? F(pack_squares)(packed, a, row, k) : 0;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t p = done; p < k; p++) packed[p * TILE_ROWS + r] = a[r * row + p * column];
    }
}

/* ---- blocks -------------------------------------------------------------------------------------------------------- */

/* A block of c: rows [m0, m1), columns [n0, n1) of one matrix. */
typedef struct F(block) {
    const gemm *g;
    const REAL *a, *b, *panels; /* panels: b's rows [k0, k1) packed, or NULL */
    REAL *c;
    int64_t m0, m1, n0, n1, k0, k1, depth;
} F(block);

/* The part of a that a panel is multiplied by: k steps from p on, packed or as it lies. */
typedef struct F(slice) {
    const REAL *a;                  /* of row m0 */
    int64_t tile_step, row, column; /* from one tile's rows to the next's; within a tile */
    int64_t p, k;
} F(slice);

/* A tile whose width is no whole number of vectors, or whose columns are not adjacent in c, goes through a buffer. */
static void F(run_partial)(const F(block) * b, F(tile) t, int64_t rows, int64_t i, int64_t j, int64_t n)
{
    const gemm *g = b->g;
    REAL buffer[TILE_ROWS * NR], alpha = t.alpha, beta = t.beta;
    t.c = buffer, t.c_row = NR, t.alpha = 1, t.beta = 0;
    F(kernels)[(n + LANES - 1) / LANES][rows](&t);
    for (int64_t r = 0; r < rows; r++) {
        REAL *c = b->c + (i + r) * g->c.row + j * g->c.column;
        for (int64_t x = 0; x < n; x++) {
            REAL old = beta != 0 ? c[x * g->c.column] * beta : 0;
            c[x * g->c.column] = old + buffer[r * NR + x] * alpha;
        }
    }
}

/* Columns [j, j + n) of the block; `panel` is b's part, b_step apart. */
static void F(run_panel)(const F(block) * b, const F(slice) * s, const REAL *panel, int64_t b_step, int64_t j,
                         int64_t n)
{
    const gemm *g = b->g;
    REAL start[NR];
    F(tile) t = {.k = s->k, .a_row = s->row, .a_step = s->column, .b_step = b_step, .c_row = g->c.row, .b = panel};
    bool whole = n % LANES == 0 && g->c.column == 1;
    t.alpha = (REAL)g->alpha;
    t.beta = s->p == 0 ? (REAL)g->beta : 1;
    if (g->bias && s->p == 0) {
        memset(start, 0, sizeof start);
        memcpy(start, (const REAL *)g->bias + j, (size_t)n * sizeof(REAL));
        t.start = start;
    }
    t.a = s->a;
    for (int64_t i = b->m0; i < b->m1; i += TILE_ROWS, t.a += s->tile_step) {
        int64_t rows = b->m1 - i < TILE_ROWS ? b->m1 - i : TILE_ROWS;
        t.c = b->c + i * g->c.row + j;
        if (whole) F(kernels)[n / LANES][rows](&t);
        else F(run_partial)(b, t, rows, i, j, n);
    }
}

/* Columns [j, j + n) of b, several panels wide, packed on the stack: a row's part is then long enough to stream. */
static void F(run_group)(const F(block) * b, const F(slice) * s, int64_t j, int64_t n)
{
    const gemm *g = b->g;
    _Alignas(64) REAL panels[PANEL_GROUP * DEPTH * NR];
    const REAL *from = b->b + s->p * g->b.row + j * g->b.column;
    F(pack_group)(panels, from, g->b.row, g->b.column, s->k, n);
    for (int64_t x = 0; x < n; x += NR) {
        int64_t wide = n - x < NR ? n - x : NR;
        F(run_panel)(b, s, panels + x * s->k, (wide + LANES - 1) / LANES * LANES, j + x, wide);
    }
}

static void F(run_panels)(const F(block) * b, const F(slice) * s)
{
    const gemm *g = b->g;
    bool direct = g->b.column == 1 && b->m1 - b->m0 <= 2 * TILE_ROWS; /* packing would not pay */
    for (int64_t j = b->n0; j < b->n1;) {
        int64_t n = b->n1 - j < NR ? b->n1 - j : NR, width = (n + LANES - 1) / LANES * LANES;
        if (b->panels) {
            F(run_panel)(b, s, b->panels + j * (b->k1 - b->k0) + (s->p - b->k0) * width, width, j, n);
        } else if (direct && n == width) {
            F(run_panel)(b, s, b->b + s->p * g->b.row + j, g->b.row, j, n);
        } else {
            n = b->n1 - j < PANEL_GROUP * NR ? b->n1 - j : PANEL_GROUP * NR;
            F(run_group)(b, s, j, n);
        }
        j += n;
    }
}

static void F(run_block_packed)(const F(block) * b, F(slice) s)
{
    _Alignas(64) REAL packed[BLOCK_REALS + TILE_ROWS * DEPTH];
    F(pack_rows)(packed, s.a, s.row, s.column, b->m1 - b->m0, s.k);
    s.a = packed, s.tile_step = TILE_ROWS * s.k, s.row = 1, s.column = TILE_ROWS;
    F(run_panels)(b, &s);
}

/* a is packed where many columns of b share the cost, and they outweigh reading it from rows far apart. */
static void F(run_block)(const F(block) * b)
{
    const gemm *g = b->g;
    bool packed = b->n1 - b->n0 >= (g->a.row == 1 ? PACK_TRANSPOSED : PACK_COLUMNS) && b->m1 - b->m0 > TILE_ROWS;
    for (int64_t p = b->k0; p < b->k1; p += b->depth) {
        F(slice) s = {.tile_step = TILE_ROWS * g->a.row, .row = g->a.row, .column = g->a.column, .p = p};
        s.a = b->a + b->m0 * g->a.row + p * g->a.column;
        s.k = tsr_min_i64(b->k1 - p, b->depth);
        if (packed) F(run_block_packed)(b, s);
        else F(run_panels)(b, &s);
    }
}

/* ---- few rows against a transposed b: dot products ---------------------------------------------------------------- */

/* Four columns of b, each contiguous, times up to 3 rows of a, also contiguous. */
#define DOT_SUM(R, V) VEC c##R##V = F(splat)(0);
#define DOT_SUMS(R, VECTORS) DOT_SUM(R, 0) DOT_SUM(R, 1) DOT_SUM(R, 2) DOT_SUM(R, 3)
#define DOT_STEP(R, LOAD)                                                                                              \
    VEC x##R = LOAD(a + R * row + p);                                                                                  \
    c##R##0 += x##R * b0;                                                                                              \
    c##R##1 += x##R * b1;                                                                                              \
    c##R##2 += x##R * b2;                                                                                              \
    c##R##3 += x##R * b3;
#define DOT_STEPS(rows, LOAD, LOAD_B)                                                                                  \
    VEC b0 = LOAD_B(b[0] + p), b1 = LOAD_B(b[1] + p), b2 = LOAD_B(b[2] + p), b3 = LOAD_B(b[3] + p);                    \
    ROWS_##rows(DOT_STEP, LOAD)
#define DOT_PUTS(R, VECTORS) F(four_totals)(sum[R], c##R##0, c##R##1, c##R##2, c##R##3);
#define LOAD_REST(from) F(load_some)(from, k - p)

/* b's elements are of TYPE. The columns that come next are asked for from memory meanwhile: from `next` on, `stride` bytes a
   step. */
#define DOTS(name, rows, TYPE, LOAD_B, REST_B)                                                                         \
    static void F(name##_##rows##_)(REAL sum[3][4], const REAL *a, int64_t row, const void *const *columns, int64_t k, \
                                    const char *next, int64_t stride)                                                  \
    {                                                                                                                  \
        const TYPE *b[4] = {columns[0], columns[1], columns[2], columns[3]};                                           \
        int64_t p = 0;                                                                                                 \
        ROWS_##rows(DOT_SUMS, )(void) row;                                                                             \
        for (; p + LANES <= k; p += LANES, next += stride) {                                                           \
            __builtin_prefetch(next);                                                                                  \
            __builtin_prefetch(next + 64);                                                                             \
            DOT_STEPS(rows, F(load), LOAD_B)                                                                           \
        }                                                                                                              \
        if (p < k) {                                                                                                   \
            DOT_STEPS(rows, LOAD_REST, REST_B)                                                                         \
        }                                                                                                              \
        ROWS_##rows(DOT_PUTS, )                                                                                        \
    }

DOTS(dots, 1, REAL, F(load), LOAD_REST)
DOTS(dots, 2, REAL, F(load), LOAD_REST)
DOTS(dots, 3, REAL, F(load), LOAD_REST)

typedef void F(dots)(REAL sum[3][4], const REAL *a, int64_t row, const void *const *columns, int64_t k,
                     const char *next, int64_t stride);

#if REAL_BITS == 32

/* bf16 is the upper half of f32. */
VECTOR_INLINE vec32 load_bf16(const uint16_t *from)
{
    typedef uint16_t halves __attribute__((vector_size(VECTOR_BYTES / 2)));
    typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES)));
    halves h;
    memcpy(&h, from, sizeof h);
    return (vec32)(__builtin_convertvector(h, words) << 16);
}

VECTOR_INLINE vec32 load_some_bf16(const uint16_t *from, int64_t n)
{
    uint16_t some[LANES32] = {0};
    memcpy(some, from, (size_t)n * sizeof *some);
    return load_bf16(some);
}

#define REST_BF16(from) load_some_bf16(from, k - p)
DOTS(half_dots, 1, uint16_t, load_bf16, REST_BF16)
DOTS(half_dots, 2, uint16_t, load_bf16, REST_BF16)
DOTS(half_dots, 3, uint16_t, load_bf16, REST_BF16)

static F(dots) * F(dots_for)(const gemm *g, int64_t rows)
{
    static F(dots) *const real[] = {NULL, dots_1_32, dots_2_32, dots_3_32};
    static F(dots) *const half[] = {NULL, half_dots_1_32, half_dots_2_32, half_dots_3_32};
    return g->b_is_bf16 ? half[rows] : real[rows];
}

static size_t F(b_size)(const gemm *g) { return g->b_is_bf16 ? sizeof(uint16_t) : sizeof(REAL); }

#else

static F(dots) * F(dots_for)(const gemm *g, int64_t rows)
{
    static F(dots) *const real[] = {NULL, dots_1_64, dots_2_64, dots_3_64};
    (void)g;
    return real[rows];
}

static size_t F(b_size)(const gemm *g) { return (void)g, sizeof(REAL); }

#endif

/* One row of a times one column of b: four sums side by side, since one would wait for itself. */
static REAL F(single_dot)(const REAL *a, const REAL *b, int64_t k)
{
    VEC sum[4] = {{0}};
    int64_t p = 0;
    for (; p + 4 * LANES <= k; p += 4 * LANES)
        for (int i = 0; i < 4; i++) sum[i] += F(load)(a + p + i * LANES) * F(load)(b + p + i * LANES);
    for (; p < k; p += LANES) sum[0] += F(load_some)(a + p, k - p) * F(load_some)(b + p, k - p);
    return F(total)((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static void F(put_dots)(const F(block) * b, REAL sum[3][4], int64_t i, int64_t rows, int64_t j, int64_t n)
{
    const gemm *g = b->g;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t x = 0; x < n; x++) {
            REAL *c = b->c + (i + r) * g->c.row + (j + x) * g->c.column;
            REAL old = g->bias ? ((const REAL *)g->bias)[j + x] : g->beta != 0 ? *c * (REAL)g->beta : 0;
            *c = old + sum[r][x] * (REAL)g->alpha;
        }
    }
}

static void F(run_dots)(const F(block) * b)
{
    const gemm *g = b->g;
    int64_t groups = (b->m1 - b->m0 + 2) / 3; /* of rows, each of which asks for its part of the next columns */
    int64_t size = (int64_t)F(b_size)(g), column = g->b.column * size, share = 4 * size / groups;
    for (int64_t j = b->n0; j < b->n1; j += 4) {
        int64_t n = b->n1 - j < 4 ? b->n1 - j : 4;
        const void *columns[4];
        const char *first = (const char *)b->b + j * column, *next = first + 4 * column;
        for (int64_t x = 0; x < 4; x++) columns[x] = first + (x < n ? x : 0) * column;
        for (int64_t i = b->m0; i < b->m1; i += 3, next += share * g->k) {
            REAL sum[3][4];
            int64_t rows = b->m1 - i < 3 ? b->m1 - i : 3;
            const REAL *a = b->a + i * g->a.row;
            if (rows == 1 && n == 1 && !g->b_is_bf16) sum[0][0] = F(single_dot)(a, columns[0], g->k);
            else F(dots_for)(g, rows)(sum, a, g->a.row, columns, g->k, next, share * LANES);
            F(put_dots)(b, sum, i, rows, j, n);
        }
    }
}

/* ---- cutting into tasks -------------------------------------------------------------------------------------------- */

typedef struct F(job) {
    gemm g;
    bool dots;
    int64_t m_block, n_block, m_blocks, n_blocks;
    int64_t k0, k1; /* the steps of k that are done now */
    int64_t depth;  /* at a time */
    REAL *panels;
} F(job);

static void F(run_tasks)(int64_t begin, int64_t end, void *user)
{
    const F(job) *j = user;
    const gemm *g = &j->g;
    for (int64_t i = begin; i < end; i++) {
        int64_t item = i / (j->m_blocks * j->n_blocks), m = i / j->n_blocks % j->m_blocks, n = i % j->n_blocks;
        F(block) b = {.g = g, .m0 = m * j->m_block, .n0 = n * j->n_block, .k0 = j->k0, .k1 = j->k1};
        b.a = (const REAL *)g->a.data + item * g->a.batch;
        b.b = (const REAL *)g->b.data + item * g->b.batch;
        b.c = (REAL *)g->c.data + item * g->c.batch;
        b.panels = j->panels, b.depth = j->depth;
        b.m1 = tsr_min_i64(b.m0 + j->m_block, g->m);
        b.n1 = tsr_min_i64(b.n0 + j->n_block, g->n);
        if (j->dots) F(run_dots)(&b);
        else F(run_block)(&b);
    }
}

/* Panels [begin, end) of b's rows [k0, k1). */
static void F(pack_panels)(int64_t begin, int64_t end, void *user)
{
    const F(job) *j = user;
    const gemm *g = &j->g;
    for (int64_t i = begin; i < end; i += PANEL_GROUP) {
        int64_t first = i * NR, n = tsr_min_i64(tsr_min_i64(i + PANEL_GROUP, end) * NR, g->n) - first;
        const REAL *b = (const REAL *)g->b.data + j->k0 * g->b.row + first * g->b.column;
        F(pack_group)(j->panels + first * (j->k1 - j->k0), b, g->b.row, g->b.column, j->k1 - j->k0, n);
    }
}

/* Blocks of about `size` items each, as many as a multiple of `parts` where that is possible; a block's size is a multiple
   of `unit`. */
static int64_t F(block_size)(int64_t items, int64_t size, int64_t unit, int64_t parts)
{
    int64_t blocks = (items + size - 1) / size;
    if (items >= parts * unit * 2) blocks = (blocks + parts - 1) / parts * parts;
    int64_t each = (items + blocks - 1) / blocks;
    return (each + unit - 1) / unit * unit;
}

/* Half the depth where one block then holds all rows, so that b's panels are packed once. */
static void F(cut)(F(job) * j)
{
    const gemm *g = &j->g;
    int64_t threads = g->batch > 1 ? 1 : tsr_num_threads(), panels = (g->n + NR - 1) / NR;
    j->depth = g->m > BLOCK_REALS / DEPTH && g->m <= 2 * BLOCK_REALS / DEPTH ? DEPTH / 2 : DEPTH;
    j->dots = g->m <= GEMM_FEW_ROWS && g->b.row == 1 && g->a.column == 1;
    if (j->dots) {
        j->m_block = g->m;
        j->n_block = F(block_size)(g->n, 64, 4, threads);
    } else {
        int64_t rows = BLOCK_REALS / tsr_min_i64(j->depth, g->k), most = tsr_min_i64(rows, BLOCK_ROWS);
        bool by_columns = g->n >= threads * NR && (g->n > g->m || g->m < threads * TILE_ROWS * 2);
        j->m_block = F(block_size)(g->m, most, TILE_ROWS, by_columns ? 1 : threads);
        j->n_block = by_columns ? F(block_size)(g->n, (g->n + threads - 1) / threads, NR, threads) : panels * NR;
    }
    j->m_blocks = (g->m + j->m_block - 1) / j->m_block;
    j->n_blocks = (g->n + j->n_block - 1) / j->n_block;
}

/* b is packed for all threads where several blocks of rows use it. */
static bool F(packs_b)(const F(job) * j)
{
    return !j->dots && j->m_blocks > 1 && j->g.batch == 1 && j->g.n * j->g.k >= PACK_ALL;
}

static void F(run_all)(F(job) * j)
{
    const gemm *g = &j->g;
    int64_t blocks = j->m_blocks * j->n_blocks, work = g->m * g->n * (j->k1 - j->k0) / blocks;
    tsr_parallel_for(g->batch * blocks, tsr_max_i64(1, GRAIN / tsr_max_i64(work, 1)), F(run_tasks), j);
}

/* Some steps of k at a time: as much of b as stays in the cache until it is used. */
static bool F(run_packed)(F(job) * j)
{
    const gemm *g = &j->g;
    int64_t panels = (g->n + NR - 1) / NR, most = PACKED / (panels * NR) / DEPTH * DEPTH;
    int64_t steps = tsr_min_i64(g->k, tsr_max_i64(most, DEPTH));
    j->panels = tsr_alloc((size_t)(panels * NR * steps) * sizeof(REAL));
    if (!j->panels) return false;
    for (j->k0 = 0; j->k0 < g->k; j->k0 = j->k1) {
        j->k1 = tsr_min_i64(j->k0 + steps, g->k);
        tsr_parallel_for(panels, tsr_max_i64(1, GRAIN / (NR * (j->k1 - j->k0))), F(pack_panels), j);
        F(run_all)(j);
    }
    tsr_free(j->panels);
    return true;
}

static bool F(gemm_whole)(const gemm *g)
{
    F(job) j = {.g = *g, .k1 = g->k};
    F(cut)(&j);
    if (F(packs_b)(&j)) return F(run_packed)(&j);
    F(run_all)(&j);
    return true;
}

/* ---- few results with long sums (a weight's gradient): slices of the sum, which threads share out, and then their sum ---- */

/* Results depend on the shape alone, not on the threads. */
static int64_t F(slices)(const gemm *g)
{
    bool few = g->batch == 1 && g->m * g->n <= SLICED_RESULTS && g->m > GEMM_FEW_ROWS && !g->bias;
    return few && g->k >= 2 * SLICE ? tsr_min_i64(g->k / SLICE, MOST_SLICES) : 1;
}

/* c = beta c + alpha sum of the slices */
static void F(join_slices)(const gemm *g, const REAL *part, int64_t slices)
{
    int64_t each = g->m * g->n;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            const REAL *from = part + i * g->n + j;
            REAL *c = (REAL *)g->c.data + i * g->c.row + j * g->c.column, sum = 0;
            for (int64_t s = 0; s < slices; s++) sum += from[s * each];
            *c = (g->beta != 0 ? *c * (REAL)g->beta : 0) + sum * (REAL)g->alpha;
        }
}

static bool F(gemm_sliced)(const gemm *g, int64_t slices)
{
    gemm part = *g, rest = *g;
    part.batch = slices;
    part.k = g->k / slices;
    part.a.batch = part.k * g->a.column;
    part.b.batch = part.k * g->b.row;
    part.c = (gemm_matrix){tsr_alloc((size_t)(slices * g->m * g->n) * sizeof(REAL)), g->m * g->n, g->n, 1};
    part.alpha = 1, part.beta = 0;
    bool ok = part.c.data && F(gemm_whole)(&part);
    if (ok) F(join_slices)(g, part.c.data, slices);
    tsr_free(part.c.data);
    rest.k = g->k - slices * part.k;
    rest.a.data = (REAL *)g->a.data + slices * part.a.batch;
    rest.b.data = (REAL *)g->b.data + slices * part.b.batch;
    rest.beta = 1;
    return ok && (rest.k == 0 || F(gemm_whole)(&rest));
}

static bool F(gemm_run)(const gemm *g)
{
    int64_t slices = F(slices)(g);
    return slices > 1 ? F(gemm_sliced)(g, slices) : F(gemm_whole)(g);
}

#undef SQUARE
#undef TRANSPOSE
