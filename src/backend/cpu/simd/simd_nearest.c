/* simd_nearest.c: the nearest code of each row, f32: a matrix product whose results are compared on the fly.

   Codes are packed into panels of a few vectors, [panel][d][codes of the panel]. For six rows at a time a panel's products
   stay in registers, become distances |x|^2 + |e|^2 - 2 x.e, and are compared with the best so far, lane by lane; the
   lanes meet at the end. Each product is summed over d in one order, whatever the code's place, so equal codes have equal
   distances and the first of them wins. The last panel is filled up with codes at an infinite distance. */
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum {
    ROWS = 6,
    VECTORS = VECTOR_BYTES == 64 ? 4 : 2,
    PANEL = VECTORS * LANES32,
    ROW_BLOCK = 4 * ROWS /* rows for which a panel is used while it is in the first-level cache */
};

typedef struct nearest_job {
    const float *x;
    int64_t *index;
    float *panels, *squares; /* packed codes, and |e|^2 of each */
    int64_t rows, d, codes, panel_count;
} nearest_job;

/* The best so far of one row, for each lane of a panel. */
typedef struct best {
    vec32 distance[VECTORS];
    mask32 panel[VECTORS];
} best;

/* In one order for x and codes alike. */
static float square_sum(const float *v, int64_t n)
{
    vec32 sum = {0};
    for (int64_t i = 0; i < n; i += LANES32) {
        vec32 a = load_some32(v + i, n - i);
        sum += a * a;
    }
    float total = 0;
    for (int k = 0; k < LANES32; k++) total += sum[k];
    return total;
}

static void pack(nearest_job *j, const float *codes)
{
    for (int64_t k = 0; k < j->panel_count * PANEL; k++) {
        float *panel = j->panels + k / PANEL * PANEL * j->d + k % PANEL;
        for (int64_t i = 0; i < j->d; i++) panel[i * PANEL] = k < j->codes ? codes[k * j->d + i] : 0;
        j->squares[k] = k < j->codes ? square_sum(codes + k * j->d, j->d) : INFINITY;
    }
}

VECTOR_INLINE void compare_panel(const nearest_job *j, const float *const *x, const float *xx, int64_t panel, best *b)
{
    const float *codes = j->panels + panel * PANEL * j->d;
    vec32 c[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) c[r][v] = (vec32){0};
    for (int64_t i = 0; i < j->d; i++) {
        vec32 e[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) e[v] = load32(codes + i * PANEL + v * LANES32);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            vec32 a = splat32(x[r][i]);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) c[r][v] += a * e[v];
        }
    }
    mask32 here = (mask32){0} + (int32_t)panel;
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            vec32 sum = load32(j->squares + panel * PANEL + v * LANES32) + xx[r];
            vec32 distance = sum - 2.0f * c[r][v];
            mask32 less = distance < b[r].distance[v];
            b[r].distance[v] = choose32(less, distance, b[r].distance[v]);
            b[r].panel[v] = (less & here) | (~less & b[r].panel[v]);
        }
}

/* The smallest of the lanes; of equal ones that with the lowest code. */
static int64_t winner(const best *b)
{
    float smallest = INFINITY;
    int64_t code = 0;
    for (int v = 0; v < VECTORS; v++)
        for (int k = 0; k < LANES32; k++) {
            float distance = b->distance[v][k];
            int64_t here = (int64_t)b->panel[v][k] * PANEL + v * LANES32 + k;
            if (!(distance < smallest) && !(distance == smallest && here < code)) continue;
            smallest = distance;
            code = here;
        }
    return smallest == INFINITY ? 0 : code;
}

/* Rows [first, first + ROW_BLOCK), as far as there are; missing ones repeat the last. */
static void search_block(const nearest_job *j, int64_t first)
{
    best b[ROW_BLOCK];
    const float *x[ROW_BLOCK];
    float xx[ROW_BLOCK];
    for (int r = 0; r < ROW_BLOCK; r++) {
        x[r] = j->x + tsr_min_i64(first + r, j->rows - 1) * j->d;
        xx[r] = square_sum(x[r], j->d);
        b[r] = (best){.panel = {{0}}};
        for (int v = 0; v < VECTORS; v++) b[r].distance[v] = splat32(INFINITY);
    }
    for (int64_t panel = 0; panel < j->panel_count; panel++)
        for (int r = 0; r < ROW_BLOCK && first + r < j->rows; r += ROWS) compare_panel(j, x + r, xx + r, panel, b + r);
    for (int r = 0; r < ROW_BLOCK && first + r < j->rows; r++) j->index[first + r] = winner(&b[r]);
}

static void search(int64_t begin, int64_t end, void *user)
{
    const nearest_job *j = user;
    for (int64_t block = begin; block < end; block++) search_block(j, block * ROW_BLOCK);
}

static bool search_all(const array *index, const array *x, const array *codes)
{
    nearest_job j = {.x = x->data, .index = index->data, .rows = x->shape[0], .d = x->shape[1]};
    j.codes = codes->shape[0];
    j.panel_count = (j.codes + PANEL - 1) / PANEL;
    j.panels = tsr_alloc((size_t)(j.panel_count * PANEL * (j.d + 1)) * sizeof(float));
    if (!j.panels) return false;
    j.squares = j.panels + j.panel_count * PANEL * j.d;
    pack(&j, codes->data);
    int64_t work = ROW_BLOCK * j.d * j.codes;
    tsr_parallel_for((j.rows + ROW_BLOCK - 1) / ROW_BLOCK, tsr_max_i64(1, (1 << 17) / work), search, &j);
    tsr_free(j.panels);
    return true;
}

static backend below;

static bool nearest(const array *index, const array *x, const array *codes)
{
    if (x->dtype != TSR_F32 || array_numel(x) == 0 || array_numel(codes) == 0 || codes->shape[0] > INT32_MAX)
        return below.nearest(index, x, codes);
    stage sx = {0}, sc = {0}, si = {0};
    bool ok = stage_input(&sx, x, STAGE_ROW_MAJOR) && stage_input(&sc, codes, STAGE_ROW_MAJOR) &&
              stage_output(&si, index, STAGE_ROW_MAJOR) && search_all(&si.a, &sx.a, &sc.a) && stage_deliver(&si, index);
    stage_free(&sx);
    stage_free(&sc);
    stage_free(&si);
    return ok;
}

void TIER(simd_nearest_fill)(backend *b)
{
    if (b->nearest != nearest) below = *b;
    b->nearest = nearest;
}
