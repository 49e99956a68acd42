/* simd_integer_reduce.c: sums, largest and smallest ones of integers. They are exact and sums wrap, so nothing depends on the
   order. Where adjacent elements are kept, blocks of outputs are folded side by side, otherwise each output folds rows; one
   output of many elements is folded in chunks. */
#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "backend/cpu/simd/simd_private.h"
#include "base/parallel.h"
#include "base/util.h"

static bool (*below)(reduce_code, const array *, const array *, uint32_t, const double *);

enum { COLUMNS = 256, CHUNKS = 64 };

/* How a dtype's elements are folded: n of one row into one number, or into n numbers. */
typedef struct fold {
    int64_t start;
    int64_t (*combine)(int64_t a, int64_t b);
    int64_t (*row)(const char *from, int64_t step, int64_t n, int64_t sum);
    void (*columns)(int64_t *sum, const char *from, int64_t n);
} fold;

#define WRAPPING_SUM(a, b) (int64_t)((uint64_t)(a) + (uint64_t)(b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define SMALLER(a, b) ((a) < (b) ? (a) : (b))

/* A row of adjacent elements is folded in the dtype `narrow`, which leaves most lanes, from `start` on. For sums it has no
   sign: of two or four int64_t that are converted to uint64_t for each addition and after the loop, gcc 12 returns one lane's
   (the converted value is live behind the loop, but not what the vectoriser reduces). */
#define FOLD(name, type, narrow, COMBINE, first, start)                                                                \
    static int64_t name##_row(const char *from, int64_t step, int64_t n, int64_t sum)                                  \
    {                                                                                                                  \
        const type *x = (const type *)from;                                                                            \
        if (step == (int64_t)sizeof(type)) {                                                                           \
            narrow part = start;                                                                                       \
            for (int64_t i = 0; i < n; i++) part = COMBINE(part, (narrow)x[i]);                                        \
            sum = COMBINE(sum, (int64_t)part);                                                                         \
        } else                                                                                                         \
            for (int64_t i = 0; i < n; i++) sum = COMBINE(sum, (int64_t) * (const type *)(from + i * step));           \
        return sum;                                                                                                    \
    }                                                                                                                  \
    static void name##_columns(int64_t *restrict sum, const char *from, int64_t n)                                     \
    {                                                                                                                  \
        const type *restrict x = (const type *)from;                                                                   \
        for (int64_t i = 0; i < n; i++) sum[i] = COMBINE(sum[i], (int64_t)x[i]);                                       \
    }                                                                                                                  \
    static int64_t name##_combine(int64_t a, int64_t b) { return COMBINE(a, b); }                                      \
    static const fold name = {first, name##_combine, name##_row, name##_columns};

#define FOLDS(suffix, type)                                                                                            \
    FOLD(sum_##suffix, type, uint64_t, WRAPPING_SUM, 0, 0)                                                             \
    FOLD(max_##suffix, type, type, LARGER, INT64_MIN, x[0])                                                            \
    FOLD(min_##suffix, type, type, SMALLER, INT64_MAX, x[0])

FOLDS(i64, int64_t)
FOLDS(i32, int32_t)
FOLDS(u8, uint8_t)

static const fold *fold_of(reduce_code code, int32_t dtype)
{
    int at = code == R_SUM ? 0 : code == R_MAX ? 1 : code == R_MIN ? 2 : -1;
    static const fold *const folds[3][3] = {
        {&sum_i64, &max_i64, &min_i64}, {&sum_i32, &max_i32, &min_i32}, {&sum_u8, &max_u8, &min_u8}};
    if (at < 0) return NULL;
    switch (dtype) {
    case TSR_I64:
        return folds[0][at];
    case TSR_I32:
        return folds[1][at];
    case TSR_U8:
    case TSR_BOOL:
        return folds[2][at];
    default:
        return NULL;
    }
}

typedef struct job {
    loop kept, folded; /* operands of the first: input, output */
    const fold *f;
    int32_t dtype;            /* of the output */
    int64_t blocks, *partial; /* of columns in a row of the kept loop; of chunks */
} job;

/* Where output number `at` begins in an operand of the kept loop. */
static char *kept_address(const job *j, int operand, int64_t at)
{
    const loop *l = &j->kept;
    char *to = l->data[operand];
    for (int d = l->ndim - 1; d >= 0; d--) {
        to += at % l->shape[d] * l->stride[operand][d];
        at /= l->shape[d];
    }
    return to;
}

static void write_result(const job *j, char *to, int64_t x)
{
    array out = {.data = to, .dtype = j->dtype};
    ref_set_i64(&out, 0, x);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

typedef struct row_target {
    const job *j;
    int64_t sum;
} row_target;

static void fold_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    row_target *t = *(row_target *const *)user;
    t->sum = t->j->f->row(data[0], step[0], n, t->sum);
}

/* Elements [begin, end) of those folded into the output whose first one is at `from`. */
static int64_t fold_range(const job *j, char *from, int64_t begin, int64_t end)
{
    row_target t = {j, j->f->start}, *pointer = &t;
    loop l = j->folded;
    l.data[0] = from;
    loop_run_range(&l, begin, end, fold_row, &pointer);
    return t.sum;
}

static void fold_outputs(int64_t begin, int64_t end, void *user)
{
    const job *j = user;
    for (int64_t at = begin; at < end; at++)
        write_result(j, kept_address(j, 1, at), fold_range(j, kept_address(j, 0, at), 0, j->folded.count));
}

static void fold_chunks(int64_t begin, int64_t end, void *user)
{
    const job *j = user;
    int64_t n = j->folded.count;
    for (int64_t c = begin; c < end; c++)
        j->partial[c] = fold_range(j, j->kept.data[0], n * c / CHUNKS, n * (c + 1) / CHUNKS);
}

static void fold_one(job *j)
{
    int64_t partial[CHUNKS];
    j->partial = partial;
    tsr_parallel_for(CHUNKS, tsr_max_i64(1, LOOP_GRAIN * CHUNKS / j->folded.count), fold_chunks, j);
    int64_t sum = partial[0];
    for (int c = 1; c < CHUNKS; c++) sum = j->f->combine(sum, partial[c]);
    write_result(j, j->kept.data[1], sum);
}

/* ---- columns ------------------------------------------------------------------------------------------------ */

typedef struct column_target {
    const job *j;
    int64_t *sum, n;
} column_target;

static void fold_columns(char *const *data, const int64_t *step, int64_t rows, const void *user)
{
    const column_target *t = user;
    for (int64_t r = 0; r < rows; r++) t->j->f->columns(t->sum, data[0] + r * step[0], t->n);
}

static void fold_blocks(int64_t begin, int64_t end, void *user)
{
    const job *j = user;
    const loop *kept = &j->kept;
    int64_t width = kept->shape[kept->ndim - 1], sum[COLUMNS];
    for (int64_t b = begin; b < end; b++) {
        int64_t first = b % j->blocks * COLUMNS, at = b / j->blocks * width + first;
        column_target t = {j, sum, tsr_min_i64(COLUMNS, width - first)};
        loop l = j->folded;
        l.data[0] = kept_address(j, 0, at);
        for (int64_t i = 0; i < t.n; i++) sum[i] = j->f->start;
        loop_run_range(&l, 0, l.count, fold_columns, &t);
        for (int64_t i = 0; i < t.n; i++) write_result(j, kept_address(j, 1, at + i), sum[i]);
    }
}

/* ---- dispatch ------------------------------------------------------------------------------------------------- */

static void run(job *j)
{
    const loop *kept = &j->kept, *folded = &j->folded;
    int64_t width = kept->shape[kept->ndim - 1], outputs = kept->count;
    bool columns = width > 1 && kept->stride[0][kept->ndim - 1] == kept->size[0] && folded->count > 1;
    j->blocks = (width + COLUMNS - 1) / COLUMNS;
    if (outputs == 1 && folded->count > LOOP_GRAIN) {
        fold_one(j);
    } else if (columns) {
        int64_t tasks = outputs / width * j->blocks;
        tsr_parallel_for(tasks, tsr_max_i64(1, LOOP_GRAIN / (outputs / tasks * folded->count)), fold_blocks, j);
    } else {
        tsr_parallel_for(outputs, tsr_max_i64(1, LOOP_GRAIN / folded->count), fold_outputs, j);
    }
}

static bool reduce(reduce_code code, const array *out, const array *in, uint32_t dims, const double *p)
{
    const fold *f = fold_of(code, in->dtype);
    if (!f || !ref_integral(out->dtype) || array_numel(in) == 0) return below(code, out, in, dims, p);
    array in_kept = array_only_dims(in, ~dims), out_kept = array_only_dims(out, ~dims);
    array in_folded = array_only_dims(in, dims);
    job j = {.kept = loop_make(true, &in_kept, &out_kept, NULL, NULL),
             .folded = loop_make(true, &in_folded, NULL, NULL, NULL),
             .f = f,
             .dtype = out->dtype};
    run(&j);
    return true;
}

void TIER(simd_integer_reduce_fill)(backend *b)
{
    if (b->reduce != reduce) below = b->reduce;
    b->reduce = reduce;
}
