/* simd_nearest_filter.c: the nearest codes with most of the work in bytes, and the same result as in f32.

   Products of bytes are three times as fast as those of f32. Scores (simd_byte_codes.h) of a block of rows and a stretch of
   codes are kept; codes whose score is within the row's window of the best so far are candidates. When all codes have
   been seen and more than one is left, the distances of these are computed as the plain search does, operation by
   operation, so that ties and near ties fall as they do there.

   Where too many codes are about equally near, that would take longer than the plain search. Then the block is left to
   that, as soon as this is seen, and so are the next ones: one, and twice as many each time it happens again. */
#include <math.h>

#include "backend/cpu/simd/simd_byte_codes.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

#ifdef SIMD_HAS_BYTES

enum {
    GROUP = NEAREST_GROUP,
    BLOCK = NEAREST_BLOCK,
    STEP = 64,               /* scores looked at together */
    STRETCH = 16 * STEP,     /* codes; whole panels in every tier */
    STRIDE = STRETCH + STEP, /* of scores: no power of two, which would crowd the same sets of the cache */
    SHORT_STRETCH = 2 * STEP,
    CHAINS = 6,           /* distances computed together, so that their sums do not wait for one another */
    FEW_ROWS = 2 * BLOCK, /* below these, and above that, there is less to win than to prepare */
    FEW_CODES = 128,
    MANY_FEATURES = 2048
};

typedef struct candidate {
    int32_t code, score;
} candidate;

typedef struct workspace {
    byte_row row[BLOCK];
    vec16 best[BLOCK]; /* score so far, lane by lane */
    int64_t count[BLOCK];
    candidate *candidates; /* [row][room] */
    int32_t *pairs;        /* [group][pair][row of the group] */
    int16_t *scores;       /* [row][code of the stretch] */
} workspace;

typedef struct filter_job {
    nearest_job n;
    byte_codes codes;
    bool *found;
    char *workspaces;
    size_t workspace_bytes;
    int64_t parts, usual, room; /* candidates of a row: that pay, that there is room for */
} filter_job;

/* ---- scores --------------------------------------------------------------------------------------------------------- */

/* One section of a panel, for the rows of a group. */
typedef struct section {
    const int16_t *words;
    const int32_t *x;
    int64_t pairs;
    int16_t shift;
    const int16_t *before; /* scores of sections before it, or zeros */
    int64_t before_stride;
    const int16_t *rise; /* of the last section, else NULL */
    const byte_row *rows;
    vec16 *best;
    int16_t *scores;
} section;

/* Adds its products to the scores. After the last section these lose half of |e|^2, and the best may be better. Apart,
   because with anything more the compiler has too few registers for the loop. */
__attribute__((noinline)) static void score_section(const section *s)
{
    const int16_t *words = s->words;
    const int32_t *x = s->x;
    vec16 c[GROUP][CODE_VECTORS];
#pragma GCC unroll 6
    for (int r = 0; r < GROUP; r++)
#pragma GCC unroll 4
        for (int v = 0; v < CODE_VECTORS; v++) c[r][v] = load16(words + v * LANES16);
    for (int64_t p = s->pairs; p > 0; p--, x += GROUP) {
        vec16 e[CODE_VECTORS];
        words += CODE_PANEL;
#pragma GCC unroll 4
        for (int v = 0; v < CODE_VECTORS; v++) e[v] = load16(words + v * LANES16);
#pragma GCC unroll 6
        for (int r = 0; r < GROUP; r++) {
            vec16 a = splat_two16(x[r]);
#pragma GCC unroll 4
            for (int v = 0; v < CODE_VECTORS; v++) c[r][v] = add_wrapping16(c[r][v], multiply_bytes(a, e[v]));
        }
    }
    const int16_t *before = s->before, *rise = s->rise;
    int16_t *to = s->scores;
    int64_t stride = s->before_stride;
    int16_t shift = s->shift;
    if (!rise) {
#pragma GCC unroll 6
        for (int r = 0; r < GROUP; r++)
#pragma GCC unroll 4
            for (int v = 0; v < CODE_VECTORS; v++) {
                vec16 score = load16(before + r * stride + v * LANES16) + (c[r][v] >> shift);
                store16(to + r * STRIDE + v * LANES16, score);
            }
        return;
    }
    const byte_row *rows = s->rows;
    vec16 *best = s->best;
#pragma GCC unroll 6
    for (int r = 0; r < GROUP; r++) {
        vec16 slope = splat_two16(rows[r].slope), most = best[r];
#pragma GCC unroll 4
        for (int v = 0; v < CODE_VECTORS; v++) {
            vec16 score = load16(before + r * stride + v * LANES16) + (c[r][v] >> shift);
            score = subtract_clamped(score, multiply_fractions(load16(rise + v * LANES16), slope));
            store16(to + r * STRIDE + v * LANES16, score);
            most = larger16(most, score);
        }
        best[r] = most;
    }
}

static void score_panel(const byte_codes *c, int64_t panel, const int32_t *x, workspace *w, int first_row, int64_t at)
{
    static const int16_t zeros[CODE_PANEL];
    section s = {.words = c->words + panel * panel_words(c),
                 .x = x,
                 .shift = (int16_t)c->shift,
                 .before = zeros,
                 .rows = w->row + first_row,
                 .best = w->best + first_row,
                 .scores = w->scores + first_row * STRIDE + at};
    for (int64_t left = c->pairs; left > 0; left -= s.pairs) {
        s.pairs = tsr_min_i64(left, SECTION_PAIRS);
        s.rise = left <= SECTION_PAIRS ? c->rise + panel * CODE_PANEL : NULL;
        score_section(&s);
        s.words += CODE_PANEL * (1 + SECTION_PAIRS);
        s.x += GROUP * SECTION_PAIRS;
        s.before = s.scores;
        s.before_stride = STRIDE;
    }
}

/* ---- candidates ------------------------------------------------------------------------------------------------------ */

/* What a score must be above to count; below the range of scores where none can be ruled out. */
static int32_t threshold(const workspace *w, int r) { return lane_largest16(w->best[r]) - w->row[r].window - 1; }

static void drop_below(const filter_job *j, workspace *w, int r, int32_t bound)
{
    candidate *list = w->candidates + r * j->room;
    int64_t n = 0;
    for (int64_t i = 0; i < w->count[r]; i++)
        if (list[i].score > bound) list[n++] = list[i];
    w->count[r] = n;
}

/* Bit i: whether the i-th of STEP scores is above the bound. */
VECTOR_INLINE uint64_t above(const int16_t *scores, vec16 bounds)
{
    vec16 most = load16(scores);
    for (int k = LANES16; k < STEP; k += LANES16) most = larger16(most, load16(scores + k));
    if (!above16(most, bounds)) return 0;
    uint64_t bits = 0;
    for (int k = 0; k < STEP; k += LANES16) bits |= (uint64_t)above16(load16(scores + k), bounds) << k;
    return bits;
}

/* Adds those of a stretch to a row's candidates. False: no room. */
static bool gather(const filter_job *j, workspace *w, int r, int32_t bound, int64_t base, int64_t length)
{
    const int16_t *scores = w->scores + r * STRIDE;
    candidate *list = w->candidates + r * j->room;
    vec16 bounds = (vec16){0} + (int16_t)bound;
    int64_t n = w->count[r];
    for (int64_t s = 0; s < length; s += STEP) {
        uint64_t bits = above(scores + s, bounds);
        if (bits && n + STEP > j->room) return false;
        for (; bits; bits &= bits - 1) {
            int64_t code = s + __builtin_ctzll(bits);
            list[n] = (candidate){(int32_t)(base + code), scores[code]};
            n += code < length;
        }
    }
    w->count[r] = n;
    return true;
}

/* Codes base to base + length. False: too many candidates. */
static bool score_stretch(const filter_job *j, workspace *w, int rows, int64_t base, int64_t length)
{
    const byte_codes *c = &j->codes;
    for (int64_t k = 0; k < length; k += CODE_PANEL)
        for (int r = 0; r < rows; r += GROUP) score_panel(c, (base + k) / CODE_PANEL, w->pairs + r * c->pairs, w, r, k);
    int64_t all = 0;
    for (int r = 0; r < rows; r++) {
        int32_t bound = threshold(w, r);
        if (bound < INT16_MIN) return false;
        drop_below(j, w, r, bound);
        if (!gather(j, w, r, bound, base, length)) return false;
        all += w->count[r];
    }
    return all <= rows * j->usual;
}

/* ---- distances ------------------------------------------------------------------------------------------------------- */

static int32_t best_candidate(const filter_job *j, const workspace *w, int r)
{
    const candidate *c = w->candidates + r * j->room, *end = c + w->count[r], *best = c;
    while (++c < end)
        if (c->score > best->score) best = c;
    return best->code;
}

/* The distances that are wanted next. */
typedef struct contest {
    const filter_job *j;
    const workspace *w;
    int64_t first; /* row */
    float distance[BLOCK];
    int n, row[CHAINS];
    int64_t code[CHAINS];
} contest;

/* As in the plain search (multiply_add32): each product in the order of the features, the lower code of equals. */
static void settle(contest *t)
{
    const nearest_job *n = &t->j->n;
    const float *x[CHAINS], *e[CHAINS];
    float c[CHAINS] = {0};
    for (int i = 0; i < CHAINS; i++) {
        int from = i < t->n ? i : 0;
        x[i] = n->x + (t->first + t->row[from]) * n->d;
        e[i] = n->codes + t->code[from] * n->d;
    }
    for (int64_t k = 0; k < n->d; k++)
#pragma GCC unroll 6
        for (int i = 0; i < CHAINS; i++) c[i] = __builtin_fmaf(x[i][k], e[i][k], c[i]);
    for (int i = 0; i < t->n; i++) {
        int r = t->row[i];
        int64_t *index = &n->index[t->first + r];
        float sum = t->j->codes.squares[t->code[i]] + t->w->row[r].square, distance = sum - 2.0f * c[i];
        if (!(distance < t->distance[r]) && !(distance == t->distance[r] && t->code[i] < *index)) continue;
        t->distance[r] = distance;
        *index = t->code[i];
    }
    t->n = 0;
}

static void want(contest *t, int r, int32_t code)
{
    t->row[t->n] = r;
    t->code[t->n++] = code;
    if (t->n == CHAINS) settle(t);
}

/* What the score of a code as near as the row's best at least is. */
static int32_t least_score(const contest *t, int r)
{
    const byte_row *row = &t->w->row[r];
    double s = ((double)row->square - t->distance[r] + t->j->codes.smallest) / 2;
    double least = floor(s * row->per_unit - row->reach);
    return (int32_t)fmin(fmax(least, INT16_MIN), INT16_MAX); /* between which all scores lie */
}

/* The candidate of the best score first: few others can be as near as that. */
static void decide(const filter_job *j, const workspace *w, int64_t first, int rows)
{
    contest t = {.j = j, .w = w, .first = first};
    int32_t top[BLOCK];
    for (int r = 0; r < rows; r++) {
        top[r] = best_candidate(j, w, r);
        t.distance[r] = INFINITY;
        j->n.index[first + r] = top[r];
        if (w->count[r] > 1) want(&t, r, top[r]);
    }
    if (t.n) settle(&t);
    for (int r = 0; r < rows; r++) {
        if (w->count[r] == 1) continue;
        const candidate *list = w->candidates + r * j->room;
        int32_t least = least_score(&t, r);
        for (int64_t i = 0; i < w->count[r]; i++)
            if (list[i].score >= least && list[i].code != top[r]) want(&t, r, list[i].code);
    }
    if (t.n) settle(&t);
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */

/* Missing rows of the last group repeat the last row. */
static bool make_rows(const filter_job *j, workspace *w, int64_t first, int rows)
{
    const byte_codes *c = &j->codes;
    for (int r = 0; r < (rows + GROUP - 1) / GROUP * GROUP; r++) {
        int32_t *pairs = w->pairs + r / GROUP * GROUP * c->pairs + r % GROUP;
        const float *x = j->n.x + tsr_min_i64(first + r, j->n.rows - 1) * c->d;
        if (!TIER(byte_row_make)(&w->row[r], pairs, x, c)) return false;
        w->best[r] = (vec16){0} + (int16_t)INT16_MIN;
        w->count[r] = 0;
    }
    return true;
}

/* A block that is only tried begins with a short stretch. */
static bool search_block(const filter_job *j, workspace *w, int64_t first, bool tried)
{
    int rows = (int)tsr_min_i64(BLOCK, j->n.rows - first);
    if (!make_rows(j, w, first, rows)) return false;
    for (int64_t base = 0, length = tried ? SHORT_STRETCH : STRETCH; base < j->n.count;
         base += length, length = STRETCH)
        if (!score_stretch(j, w, rows, base, tsr_min_i64(length, j->n.count - base))) return false;
    decide(j, w, first, rows);
    return true;
}

static workspace *workspace_of(const filter_job *j, int64_t part)
{
    char *at = j->workspaces + (size_t)part * j->workspace_bytes;
    workspace *w = (workspace *)(void *)at;
    w->scores = (int16_t *)(void *)(at + sizeof *w);
    w->pairs = (int32_t *)(void *)(w->scores + BLOCK * STRIDE);
    w->candidates = (candidate *)(void *)(w->pairs + BLOCK * j->codes.pairs);
    memset(w->scores, 0, BLOCK * STRIDE * sizeof *w->scores); /* the last stretch may leave some open */
    return w;
}

/* Every parts-th block. */
static void search_part(const filter_job *j, int64_t part)
{
    workspace *w = workspace_of(j, part);
    int64_t blocks = (j->n.rows + BLOCK - 1) / BLOCK, skip = 0;
    bool tried = true;
    for (int64_t b = part; b < blocks; b += (1 + skip) * j->parts) {
        j->found[b] = search_block(j, w, b * BLOCK, tried);
        tried = !j->found[b];
        skip = tried ? 2 * skip + 1 : 0;
    }
}

static void search(int64_t begin, int64_t end, void *user)
{
    for (int64_t part = begin; part < end; part++) search_part(user, part);
}

static bool search_all(filter_job *j)
{
    int64_t blocks = (j->n.rows + BLOCK - 1) / BLOCK;
    j->parts = tsr_min_i64(blocks, tsr_num_threads());
    j->usual = tsr_min_i64(tsr_max_i64(j->n.count / 32, 16), 256);
    j->room = 4 * (j->usual + STEP);
    size_t bytes = sizeof(workspace) + BLOCK * (STRIDE * sizeof(int16_t) + (size_t)j->codes.pairs * sizeof(int32_t) +
                                                (size_t)j->room * sizeof(candidate));
    j->workspace_bytes = (bytes + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
    j->workspaces = tsr_alloc((size_t)j->parts * j->workspace_bytes);
    if (!j->workspaces) return false;
    tsr_parallel_for(j->parts, 1, search, j);
    tsr_free(j->workspaces);
    return true;
}

bool TIER(nearest_filter)(const nearest_job *n, bool *found)
{
    if (n->rows < FEW_ROWS || n->count < FEW_CODES || n->d > MANY_FEATURES) return true;
    filter_job j = {.n = *n, .found = found};
    bool fit;
    if (!TIER(byte_codes_make)(&j.codes, n, &fit)) return false;
    if (!fit) return true;
    bool ok = search_all(&j);
    TIER(byte_codes_free)(&j.codes);
    return ok;
}

#else

bool TIER(nearest_filter)(const nearest_job *n, bool *found)
{
    (void)n, (void)found;
    return true;
}

#endif
