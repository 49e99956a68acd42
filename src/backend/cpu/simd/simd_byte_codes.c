/* simd_byte_codes.c: rounds codes and rows to bytes, and keeps account of what that loses.

   One scale for all codes and one for each row. Their sizes are weighed so that no sum of two products, nor a whole section,
   leaves 16 bits. Norms are f32 sums of at most a few thousand terms, so 0.1 % covers their own rounding (SLACK). */
#include <math.h>

#include "backend/cpu/simd/simd_byte_codes.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

#ifdef SIMD_HAS_BYTES

#define SLACK 1.001f
#define SMALLEST_SQUARE 0x1p-80f /* of a row's norm: its products are no subnormal numbers */
#define LARGEST_SQUARE 0x1p80f

enum {
    LARGEST_ROW = 78, /* bytes; rows are rounded each by itself, so that the largest is not so far above the others */
    LARGEST_CODE = 105,
    TOTAL = 32767,      /* |row| |code| of a section, and 4 LARGEST_ROW LARGEST_CODE, at most */
    SECTION_NORM = 178, /* of codes before rounding: as much for them as for rows */
    ROUNDED_NORM = 3,   /* of what rounding adds to a section, at most: half the root of SECTION */
    STEEPEST = 32760,   /* a row's slope */
    FOUR = 4            /* words in 64 bits */
};

/* ---- rounding ------------------------------------------------------------------------------------------------------- */

typedef struct extent {
    float largest, section_square, square; /* of the elements; of the sections, at most; of all, as square_sum */
} extent;

/* fmaxf is a call; these numbers are no NaN, or what is made of them is not used. */
static inline float larger(float a, float b) { return a > b ? a : b; }

/* The lanes' sum, by halves: for bounds, which need no order. */
VECTOR_INLINE float lane_sum(vec32 v)
{
    float lane[LANES32];
    store32(lane, v);
    for (int n = LANES32 / 2; n > 0; n /= 2)
        for (int k = 0; k < n; k++) lane[k] += lane[k + n];
    return lane[0];
}

VECTOR_INLINE float lane_largest(vec32 v)
{
    float lane[LANES32];
    store32(lane, v);
    for (int n = LANES32 / 2; n > 0; n /= 2)
        for (int k = 0; k < n; k++) lane[k] = larger(lane[k], lane[k + n]);
    return lane[0];
}

/* A section's square is the difference of sums up to its end and its beginning, with something for their rounding. */
static extent measure(const float *v, int64_t d)
{
    vec32 largest = {0}, square = {0};
    extent e = {0};
    float before = 0;
    for (int64_t s = 0; s < d; s += SECTION) {
        int64_t n = tsr_min_i64(d - s, SECTION);
        for (int64_t i = 0; i < n; i += LANES32) {
            vec32 a = load_some32(v + s + i, n - i), size = (vec32)((mask32)a & INT32_MAX);
            square = multiply_add32(a, a, square);
            largest = choose32(size > largest, size, largest);
        }
        float sum = lane_sum(square);
        e.section_square = larger(e.section_square, sum - before + 0x1p-14f * sum);
        before = sum;
    }
    e.largest = lane_largest(largest);
    e.square = sum_in_order(square);
    return e;
}

/* n features as pairs of bytes, offset + v / scale, one pair to a number; up to a whole section of them is written. Returns
   the squares of what was lost, lane by lane. */
VECTOR_INLINE vec32 round_section(int64_t *pairs, const float *v, int64_t n, float scale, float inverse, int32_t offset)
{
    vec32 lost = {0};
    for (int64_t i = 0; i < n; i += LANES32) {
        vec32 a = load_some32(v + i, n - i);
        vec32 shifted = a * inverse + 12582912.0f; /* 1.5 2^23: rounds to an integer in the low bits */
        vec32 rest = a - (shifted - 12582912.0f) * scale;
        lost += rest * rest;
        mask64 bytes = (mask64)(((mask32)shifted - 0x4b400000 + offset) & 255);
        bytes = (bytes | bytes >> 24) & 0xffff;
        memcpy(pairs + i / 2, &bytes, sizeof bytes);
    }
    return lost;
}

/* The subtraction that gives what is lost is itself rounded, at most by 2^-22 of the whole. */
static float lost_at_most(float lost_square, float square)
{
    return SLACK * (sqrtf(lost_square) + 0x1p-22f * sqrtf(square));
}

/* ---- codes ---------------------------------------------------------------------------------------------------------- */

typedef struct panel_facts {
    float largest, section_square, lost; /* of the codes */
} panel_facts;

typedef struct making {
    byte_codes *c;
    const float *codes;
    panel_facts *facts;
} making;

static const float *code_at(const making *m, int64_t k) { return m->codes + tsr_min_i64(k, m->c->count - 1) * m->c->d; }

static void measure_panels(int64_t begin, int64_t end, void *user)
{
    const making *m = user;
    for (int64_t p = begin; p < end; p++) {
        panel_facts f = {0};
        for (int64_t k = p * CODE_PANEL; k < (p + 1) * CODE_PANEL; k++) {
            extent e = measure(code_at(m, k), m->c->d);
            m->c->squares[k] = e.square;
            f.largest = larger(f.largest, e.largest);
            f.section_square = larger(f.section_square, e.section_square);
        }
        m->facts[p] = f;
    }
}

/* The scale, and whether all codes are fit. */
static bool choose_scale(const making *m)
{
    byte_codes *c = m->c;
    float largest = 0, section_square = 0, least = c->squares[0], most = least;
    for (int64_t k = 0; k < c->count; k++) {
        if (!(c->squares[k] <= LARGEST_SQUARE)) return false;
        least = c->squares[k] < least ? c->squares[k] : least;
        most = larger(most, c->squares[k]);
    }
    for (int64_t p = 0; p < c->panels; p++) {
        largest = larger(largest, m->facts[p].largest);
        section_square = larger(section_square, m->facts[p].section_square);
    }
    if (most < SMALLEST_SQUARE) return false;
    c->scale = larger(largest / LARGEST_CODE, SLACK * sqrtf(section_square) / SECTION_NORM);
    c->smallest = least;
    c->span = most - least;
    c->norm = SLACK * sqrtf(most);
    c->section_norm = SLACK * sqrtf(section_square) / c->scale + ROUNDED_NORM;
    return true;
}

/* FOUR codes from k on together, whose words lie side by side. */
static void round_four(const making *m, int64_t k, panel_facts *f)
{
    const byte_codes *c = m->c;
    float inverse = 1 / c->scale;
    int16_t *to = c->words + k / CODE_PANEL * panel_words(c) + k % CODE_PANEL;
    vec32 lost[FOUR] = {{0}};
    for (int64_t s = 0; s < c->d; s += SECTION) {
        int64_t pairs[FOUR][SECTION_PAIRS], n = tsr_min_i64(c->d - s, SECTION);
        for (int i = 0; i < FOUR; i++)
            lost[i] += round_section(pairs[i], code_at(m, k + i) + s, n, c->scale, inverse, 0);
        to += CODE_PANEL;
        for (int64_t p = 0; p < (n + 1) / 2; p++, to += CODE_PANEL) {
            uint64_t words = 0;
            for (int i = 0; i < FOUR; i++) words |= (uint64_t)pairs[i][p] << 16 * i;
            memcpy(to, &words, sizeof words);
        }
    }
    for (int i = 0; i < FOUR; i++) {
        f->lost = larger(f->lost, lane_sum(lost[i]));
        float rise = c->span > 0 ? (c->squares[k + i] - c->smallest) / c->span : 0;
        c->rise[k + i] = (int16_t)lrintf(rise * TOTAL);
    }
}

/* Sections begin with the negated products of the rows' offset. */
static void set_beginnings(const byte_codes *c, int64_t panel)
{
    vec16 offset = splat_two16(LARGEST_ROW * 0x01010101);
    for (int v = 0; v < CODE_VECTORS; v++) {
        int16_t *words = c->words + panel * panel_words(c) + v * LANES16;
        for (int64_t p = 0; p < c->pairs; p += SECTION_PAIRS) {
            int16_t *beginning = words;
            vec16 sum = {0};
            words += CODE_PANEL;
            for (int64_t i = p; i < tsr_min_i64(c->pairs, p + SECTION_PAIRS); i++, words += CODE_PANEL)
                sum = add_wrapping16(sum, multiply_bytes(offset, load16(words)));
            store16(beginning, negate_wrapping16(sum));
        }
    }
}

static void round_panels(int64_t begin, int64_t end, void *user)
{
    const making *m = user;
    for (int64_t p = begin; p < end; p++) {
        for (int64_t k = p * CODE_PANEL; k < (p + 1) * CODE_PANEL; k += FOUR) round_four(m, k, &m->facts[p]);
        set_beginnings(m->c, p);
    }
}

static void gather_facts(const making *m)
{
    float lost = 0;
    for (int64_t p = 0; p < m->c->panels; p++) lost = larger(lost, m->facts[p].lost);
    m->c->lost = lost_at_most(lost, m->c->norm * m->c->norm);
}

static bool allocate(making *m)
{
    byte_codes *c = m->c;
    size_t codes = (size_t)(c->panels * CODE_PANEL), panels = (size_t)c->panels;
    size_t words = panels * (size_t)panel_words(c) * sizeof *c->words;
    char *at = tsr_alloc(words + codes * (sizeof *c->squares + sizeof *c->rise) + panels * sizeof *m->facts);
    if (!at) return false;
    c->memory = at;
    c->words = (int16_t *)(void *)at;
    c->squares = (float *)(void *)(at + words);
    m->facts = (panel_facts *)(void *)(c->squares + codes);
    c->rise = (int16_t *)(void *)(m->facts + panels);
    return true;
}

bool TIER(byte_codes_make)(byte_codes *c, const nearest_job *j, bool *fit)
{
    *c = (byte_codes){.d = j->d, .count = j->count, .pairs = (j->d + 1) / 2};
    c->sections = (c->d + SECTION - 1) / SECTION;
    while ((int64_t)1 << c->shift < c->sections) c->shift++;
    c->panels = (c->count + CODE_PANEL - 1) / CODE_PANEL;
    making m = {.c = c, .codes = j->codes};
    if (!allocate(&m)) return false;
    int64_t grain = tsr_max_i64(1, (1 << 15) / (CODE_PANEL * c->d));
    tsr_parallel_for(c->panels, grain, measure_panels, &m);
    *fit = choose_scale(&m);
    if (*fit) {
        tsr_parallel_for(c->panels, grain, round_panels, &m);
        gather_facts(&m);
    } else {
        TIER(byte_codes_free)(c);
    }
    return true;
}

void TIER(byte_codes_free)(byte_codes *c)
{
    tsr_free(c->memory);
    *c = (byte_codes){0};
}

/* ---- rows ----------------------------------------------------------------------------------------------------------- */

/* How far the plain search's x.e - (|e|^2 + |x|^2) / 2, in f32, may be from the exact one. */
static float plain_error(float x, float e, int64_t d) { return 0x1p-24f * ((float)(d + 4) * x * e + x * x + e * e); }

/* Of S, in units of the score, with x and lost the norms of the row and of what was lost; and of the integers: shifts take
   away less than one for each section, to one side; the rise is off by 1.5 at most. */
static void set_bounds(byte_row *row, const byte_codes *c, float x, float lost)
{
    float error = SLACK * row->per_unit * (lost * c->norm + (x + lost) * c->lost + plain_error(x, c->norm, c->d));
    float shifts = c->shift ? (float)c->sections : 0;
    row->reach = error + shifts + 3;
    float window = 2 * error + shifts + 4;
    const float all = UINT16_MAX; /* scores lie no further apart */
    row->window = window < all ? (int32_t)window : (int32_t)all;
}

static float row_scale(const byte_codes *c, extent e)
{
    float norm = TOTAL / c->section_norm - ROUNDED_NORM;
    float for_section = SLACK * sqrtf(e.section_square) / norm;
    float for_slope = c->span / (2.0f * STEEPEST * c->scale * (float)(1 << c->shift));
    return larger(larger(e.largest / LARGEST_ROW, for_section), for_slope);
}

bool TIER(byte_row_make)(byte_row *row, int32_t *pairs, const float *x, const byte_codes *c)
{
    extent e = measure(x, c->d);
    row->square = e.square;
    if (!(e.square >= SMALLEST_SQUARE && e.square <= LARGEST_SQUARE)) return false;
    float scale = row_scale(c, e), inverse = 1 / scale;
    vec32 lost = {0};
    for (int64_t s = 0; s < c->d; s += SECTION) {
        int64_t some[SECTION_PAIRS], n = tsr_min_i64(c->d - s, SECTION);
        lost += round_section(some, x + s, n, scale, inverse, LARGEST_ROW);
        for (int64_t i = 0; i < (n + 1) / 2; i++, pairs += NEAREST_GROUP)
            *pairs = (int32_t)(uint32_t)(some[i] * 0x10001);
    }
    row->per_unit = 1 / (scale * c->scale * (float)(1 << c->shift));
    row->slope = (int32_t)lrintf(c->span * row->per_unit / 2 * 32768 / TOTAL) * 0x10001;
    set_bounds(row, c, SLACK * sqrtf(e.square), lost_at_most(lane_sum(lost), e.square));
    return true;
}

#endif
