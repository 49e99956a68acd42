/* loop.c: see loop.h. */
#include "backend/cpu/loop.h"

#include <string.h>

#include "base/parallel.h"
#include "base/util.h"

/* ---- making ------------------------------------------------------------------------------------------------- */

static bool all_strides_fit(const loop *l, int outer, int inner)
{
    for (int k = 0; k < l->operands; k++)
        if (l->stride[k][outer] != l->stride[k][inner] * l->shape[inner]) return false;
    return true;
}

/* Should dimension `a` lie further out than b? The first operand that steps differently decides. */
static bool is_outer(const loop *l, int a, int b)
{
    for (int k = 0; k < l->operands; k++)
        if (l->stride[k][a] != l->stride[k][b]) return l->stride[k][a] > l->stride[k][b];
    return false;
}

static void swap_dims(loop *l, int a, int b)
{
    int64_t size = l->shape[a];
    l->shape[a] = l->shape[b];
    l->shape[b] = size;
    for (int k = 0; k < l->operands; k++) {
        int64_t stride = l->stride[k][a];
        l->stride[k][a] = l->stride[k][b];
        l->stride[k][b] = stride;
    }
}

static void sort_dims(loop *l)
{
    for (int i = 1; i < l->ndim; i++)
        for (int j = i; j > 0 && is_outer(l, j, j - 1); j--) swap_dims(l, j, j - 1);
}

static void merge_dims(loop *l)
{
    int last = 0;
    for (int d = 1; d < l->ndim; d++) {
        int64_t size = l->shape[d];
        if (all_strides_fit(l, last, d)) size *= l->shape[last];
        else last++;
        l->shape[last] = size;
        for (int k = 0; k < l->operands; k++) l->stride[k][last] = l->stride[k][d];
    }
    l->ndim = last + 1;
}

static void take_dims(loop *l, const array *const *operand)
{
    const array *a = operand[0];
    for (int d = 0; d < a->ndim; d++) {
        l->count *= a->shape[d];
        if (a->shape[d] == 1) continue;
        l->shape[l->ndim] = a->shape[d];
        for (int k = 0; k < l->operands; k++) l->stride[k][l->ndim] = operand[k]->stride[d] * l->size[k];
        l->ndim++;
    }
    if (l->ndim > 0) return;
    l->ndim = 1; /* a single element is a row of one */
    l->shape[0] = 1;
    for (int k = 0; k < l->operands; k++) l->stride[k][0] = l->size[k];
}

static bool is_empty(const array *a)
{
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] == 0) return true;
    return false;
}

loop loop_make(bool sorted, const array *a, const array *b, const array *c, const array *d)
{
    const array *operand[LOOP_OPERANDS] = {a, b, c, d};
    loop l = {.count = 1};
    for (; l.operands < LOOP_OPERANDS && operand[l.operands]; l.operands++) {
        l.data[l.operands] = operand[l.operands]->data;
        l.size[l.operands] = (int64_t)tsr_dtype_size((tsr_dtype)operand[l.operands]->dtype);
    }
    if (is_empty(a)) { /* whose other sizes and strides may be too large to count with */
        l.count = 0;
        l.ndim = 1;
        return l;
    }
    take_dims(&l, operand);
    if (sorted) sort_dims(&l);
    merge_dims(&l);
    return l;
}

enum { LONG_ROW = 64 };

loop loop_with_longer_rows(const loop *l)
{
    loop longer = *l;
    int last = l->ndim - 1, longest = last;
    for (int d = last - 1; d >= 0 && l->shape[longest] < LONG_ROW; d--)
        if (l->shape[d] > l->shape[longest]) longest = d;
    for (int d = longest; d < last; d++) swap_dims(&longer, d, d + 1);
    merge_dims(&longer);
    return longer;
}

array array_only_dims(const array *a, uint32_t dims)
{
    array b = *a;
    for (int d = 0; d < a->ndim; d++)
        if (!(dims >> d & 1u)) b.shape[d] = 1;
    return b;
}

/* ---- running ------------------------------------------------------------------------------------------------ */

typedef struct position {
    int64_t index[TSR_MAX_DIMS];
    char *data[LOOP_OPERANDS]; /* of the row's first element */
} position;

static position position_of(const loop *l, int64_t flat)
{
    position p = {{0}, {0}};
    for (int k = 0; k < l->operands; k++) p.data[k] = l->data[k];
    for (int d = l->ndim - 1; d >= 0; d--) {
        p.index[d] = flat % l->shape[d];
        flat /= l->shape[d];
        if (d == l->ndim - 1) continue;
        for (int k = 0; k < l->operands; k++) p.data[k] += p.index[d] * l->stride[k][d];
    }
    return p;
}

static void next_row(const loop *l, position *p)
{
    p->index[l->ndim - 1] = 0;
    for (int d = l->ndim - 2; d >= 0; d--) {
        for (int k = 0; k < l->operands; k++) p->data[k] += l->stride[k][d];
        if (++p->index[d] < l->shape[d]) return;
        for (int k = 0; k < l->operands; k++) p->data[k] -= l->stride[k][d] * l->shape[d];
        p->index[d] = 0;
    }
}

void loop_run_range(const loop *l, int64_t begin, int64_t end, loop_body body, const void *user)
{
    int inner = l->ndim - 1;
    int64_t step[LOOP_OPERANDS] = {0};
    for (int k = 0; k < l->operands; k++) step[k] = l->stride[k][inner];
    position p = position_of(l, begin);
    while (begin < end) {
        int64_t first = p.index[inner], n = tsr_min_i64(l->shape[inner] - first, end - begin);
        char *data[LOOP_OPERANDS] = {0};
        for (int k = 0; k < l->operands; k++) data[k] = p.data[k] + first * step[k];
        body(data, step, n, user);
        begin += n;
        if (begin < end) next_row(l, &p);
    }
}

typedef struct job {
    const loop *l;
    loop_body body;
    const void *user;
} job;

static void run_job(int64_t begin, int64_t end, void *user)
{
    const job *j = user;
    loop_run_range(j->l, begin, end, j->body, j->user);
}

void loop_run(const loop *l, int64_t grain, loop_body body, const void *user)
{
    job j = {l, body, user};
    if (l->count > 0) tsr_parallel_for(l->count, grain, run_job, &j);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

enum {
    STAGE = 512, /* elements gathered at a time */
    SHORT_ROW = 16,
    SHORT_STAGED_ROW = 32
};

typedef struct row_job {
    const loop *l;
    loop_row row;
    const double *p;
    bool adjacent; /* the row takes no repeated elements */
    int unit[LOOP_OPERANDS];
} row_job;

/* Can the row work on operand k where it lies? */
static bool is_direct(const row_job *j, int k, int64_t step)
{
    return step == j->l->size[k] || (step == 0 && k > 0 && !j->adjacent);
}

#define MOVE(type)                                                                                                     \
    for (int64_t i = 0; i < n; i++)                                                                                    \
    memcpy(to + i * step_to, from + i * step_from, sizeof(type)) /* one move: the size is constant */

static void move(char *to, int64_t step_to, const char *from, int64_t step_from, int64_t size, int64_t n)
{
    switch (size) {
    case 8:
        MOVE(uint64_t);
        break;
    case 4:
        MOVE(uint32_t);
        break;
    case 2:
        MOVE(uint16_t);
        break;
    default:
        MOVE(uint8_t);
        break;
    }
}

typedef struct staged {
    _Alignas(64) char buffer[LOOP_OPERANDS][STAGE * 8];
} staged;

static void run_staged(const row_job *j, char *const *data, const int64_t *step, int64_t n)
{
    const loop *l = j->l;
    staged room;
    for (int64_t done = 0; done < n; done += STAGE) {
        int64_t m = tsr_min_i64(STAGE, n - done);
        char *at[LOOP_OPERANDS] = {0};
        for (int k = 0; k < l->operands; k++) {
            bool direct = is_direct(j, k, step[k]);
            at[k] = direct ? data[k] + done * step[k] : room.buffer[k];
            if (!direct && k > 0) move(at[k], l->size[k], data[k] + done * step[k], step[k], l->size[k], m);
        }
        j->row(at, j->unit, m, j->p);
        if (at[0] == room.buffer[0]) move(data[0] + done * step[0], step[0], at[0], l->size[0], l->size[0], m);
    }
}

static void run_staged_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    run_staged(user, data, step, n);
}

static void run_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const row_job *j = user;
    (void)step;
    j->row(data, j->unit, n, j->p);
}

/* Notes which operands the rows step through. */
static bool all_direct(row_job *j)
{
    bool direct = true;
    for (int k = 0; k < j->l->operands; k++) {
        int64_t step = j->l->stride[k][j->l->ndim - 1];
        j->unit[k] = step != 0 || k == 0 || j->adjacent;
        direct = direct && is_direct(j, k, step);
    }
    return direct;
}

/* ---- short rows one after another, and operands that are the same in all of them (a number for each channel) ---------- */

typedef struct pattern_job {
    const row_job *rows;
    int64_t n; /* of a row */
    bool joined[LOOP_OPERANDS];
} pattern_job;

/* Is each operand one run of adjacent elements over the last two dimensions, or the same for all of the last but one? */
static bool find_pattern(pattern_job *p, const loop *l)
{
    int last = l->ndim - 1;
    p->n = l->shape[last];
    if (last == 0 || p->n > STAGE / 4 || l->shape[last - 1] < 2) return false;
    for (int k = 0; k < l->operands; k++) {
        p->joined[k] = l->stride[k][last] == l->size[k] && l->stride[k][last - 1] == p->n * l->size[k];
        if (!p->joined[k] && (k == 0 || l->stride[k][last - 1] != 0)) return false;
    }
    return true;
}

/* m rows, of which as many as a buffer holds are one. */
static void run_pattern(char *const *data, const int64_t *step, int64_t m, const void *user)
{
    (void)step;
    const pattern_job *p = user;
    const loop *l = p->rows->l;
    int64_t together = tsr_min_i64(STAGE / p->n, m);
    const int unit[LOOP_OPERANDS] = {1, 1, 1, 1};
    staged room;
    for (int k = 1; k < l->operands; k++)
        for (int64_t r = 0; !p->joined[k] && r < together; r++)
            move(room.buffer[k] + r * p->n * l->size[k], l->size[k], data[k], l->stride[k][l->ndim - 1], l->size[k],
                 p->n);
    for (int64_t done = 0; done < m; done += together) {
        char *at[LOOP_OPERANDS] = {0};
        for (int k = 0; k < l->operands; k++)
            at[k] = p->joined[k] ? data[k] + done * p->n * l->size[k] : room.buffer[k];
        p->rows->row(at, unit, tsr_min_i64(together, m - done) * p->n, p->rows->p);
    }
}

static void run_rows(row_job j, int64_t grain)
{
    pattern_job pattern = {.rows = &j};
    if (find_pattern(&pattern, j.l)) {
        loop outer = *j.l;
        outer.ndim--;
        outer.count /= pattern.n;
        loop_run(&outer, tsr_max_i64(1, grain / pattern.n), run_pattern, &pattern);
        return;
    }
    bool direct = all_direct(&j);
    loop longer;
    if (j.l->ndim > 1 && j.l->shape[j.l->ndim - 1] < (direct ? SHORT_ROW : SHORT_STAGED_ROW)) {
        longer = loop_with_longer_rows(j.l);
        j.l = &longer;
        direct = all_direct(&j);
    }
    loop_run(j.l, grain, direct ? run_row : run_staged_row, &j);
}

void loop_run_rows(const loop *l, int64_t grain, loop_row row, const double *p)
{
    run_rows((row_job){.l = l, .row = row, .p = p}, grain);
}

void loop_run_adjacent_rows(const loop *l, int64_t grain, loop_row row, const double *p)
{
    run_rows((row_job){.l = l, .row = row, .p = p, .adjacent = true}, grain);
}
