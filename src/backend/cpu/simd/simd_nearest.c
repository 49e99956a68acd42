/* simd_nearest.c: the nearest code of each row, f32: a matrix product whose results are compared on the fly.

   Codes are packed into panels of a few vectors, [panel][d][codes of the panel]. For six rows at a time a panel's products
   stay in registers, become distances |x|^2 + |e|^2 - 2 x.e, and are compared with the best so far, lane by lane; the
   lanes meet at the end. Each product is summed over d in one order, whatever the code's place, so equal codes have equal
   distances and the first of them wins. The last panel is filled up with codes at an infinite distance.

   This defines the result. Where it pays, a filter (simd_nearest_filter.c) finds the same codes for most blocks first. */
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/simd/simd_layers_private.h"
#include "backend/cpu/simd/simd_nearest.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum { ROWS = NEAREST_GROUP, VECTORS = VECTOR_BYTES == 64 ? 4 : 2, PANEL = VECTORS * LANES32 };

typedef struct plain_job {
    nearest_job n;
    float *panels, *squares; /* packed codes, and |e|^2 of each */
    int64_t panel_count;
    int64_t *blocks; /* those to search */
} plain_job;

/* The best so far of one row, for each lane of a panel. */
typedef struct best {
    vec32 distance[VECTORS];
    mask32 panel[VECTORS];
} best;

static void pack(int64_t begin, int64_t end, void *user)
{
    const plain_job *j = user;
    int64_t d = j->n.d, count = j->n.count;
    for (int64_t k = begin * PANEL; k < end * PANEL; k++) {
        float *panel = j->panels + k / PANEL * PANEL * d + k % PANEL;
        const float *code = j->n.codes + tsr_min_i64(k, count - 1) * d;
        for (int64_t i = 0; i < d; i++) panel[i * PANEL] = code[i];
        j->squares[k] = k < count ? square_sum(code, d) : INFINITY;
    }
}

VECTOR_INLINE void compare_panel(const plain_job *j, const float *const *x, const float *xx, int64_t panel, best *b)
{
    const float *codes = j->panels + panel * PANEL * j->n.d;
    vec32 c[ROWS][VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) c[r][v] = (vec32){0};
    for (int64_t i = 0; i < j->n.d; i++) {
        vec32 e[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) e[v] = load32(codes + i * PANEL + v * LANES32);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            vec32 a = splat32(x[r][i]);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) c[r][v] = multiply_add32(a, e[v], c[r][v]);
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

/* Rows [first, first + NEAREST_BLOCK), as far as there are; missing ones repeat the last. */
static void search_block(const plain_job *j, int64_t first)
{
    best b[NEAREST_BLOCK];
    const float *x[NEAREST_BLOCK];
    float xx[NEAREST_BLOCK];
    int64_t rows = tsr_min_i64(NEAREST_BLOCK, j->n.rows - first);
    for (int r = 0; r < NEAREST_BLOCK; r++) {
        x[r] = j->n.x + (first + tsr_min_i64(r, rows - 1)) * j->n.d;
        xx[r] = square_sum(x[r], j->n.d);
        b[r] = (best){.panel = {{0}}};
        for (int v = 0; v < VECTORS; v++) b[r].distance[v] = splat32(INFINITY);
    }
    for (int64_t panel = 0; panel < j->panel_count; panel++)
        for (int r = 0; r < rows; r += ROWS) compare_panel(j, x + r, xx + r, panel, b + r);
    for (int r = 0; r < rows; r++) j->n.index[first + r] = winner(&b[r]);
}

static void search(int64_t begin, int64_t end, void *user)
{
    const plain_job *j = user;
    for (int64_t i = begin; i < end; i++) search_block(j, j->blocks[i] * NEAREST_BLOCK);
}

static bool search_blocks(const nearest_job *n, int64_t *blocks, int64_t count)
{
    plain_job j = {.n = *n, .blocks = blocks, .panel_count = (n->count + PANEL - 1) / PANEL};
    j.panels = tsr_alloc((size_t)(j.panel_count * PANEL * (n->d + 1)) * sizeof(float));
    if (!j.panels) return false;
    j.squares = j.panels + j.panel_count * PANEL * n->d;
    tsr_parallel_for(j.panel_count, tsr_max_i64(1, (1 << 15) / (PANEL * n->d)), pack, &j);
    tsr_parallel_for(count, tsr_max_i64(1, (1 << 17) / (NEAREST_BLOCK * n->d * n->count)), search, &j);
    tsr_free(j.panels);
    return true;
}

/* The filter first, then what it has left. */
static bool search_all(const nearest_job *n)
{
    int64_t count = (n->rows + NEAREST_BLOCK - 1) / NEAREST_BLOCK, left = 0;
    int64_t *blocks = tsr_alloc((size_t)count * (sizeof *blocks + sizeof(bool)));
    if (!blocks) return false;
    bool *found = (bool *)(blocks + count);
    memset(found, 0, (size_t)count * sizeof *found);
    bool ok = TIER(nearest_filter)(n, found);
    for (int64_t b = 0; b < count; b++)
        if (!found[b]) blocks[left++] = b;
    ok = ok && (left == 0 || search_blocks(n, blocks, left));
    tsr_free(blocks);
    return ok;
}

static backend below;

static bool nearest(const array *index, const array *x, const array *codes)
{
    if (x->dtype != TSR_F32 || array_numel(x) == 0 || array_numel(codes) == 0 || codes->shape[0] > INT32_MAX)
        return below.nearest(index, x, codes);
    stage sx = {0}, sc = {0}, si = {0};
    bool ok = stage_input(&sx, x, STAGE_ROW_MAJOR) && stage_input(&sc, codes, STAGE_ROW_MAJOR) &&
              stage_output(&si, index, STAGE_ROW_MAJOR) &&
              search_all(&(nearest_job){.x = sx.a.data,
                                        .codes = sc.a.data,
                                        .index = si.a.data,
                                        .rows = x->shape[0],
                                        .d = x->shape[1],
                                        .count = codes->shape[0]}) &&
              stage_deliver(&si, index);
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
