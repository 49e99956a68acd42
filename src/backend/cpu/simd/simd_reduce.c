/* simd_reduce.c: reductions of floats, and the truth of i32, u8 and bool, by the folds of simd_fold.h.

   The dimensions fall into those that are kept and those that are folded, each set sorted by stride and merged. Where
   adjacent elements are folded together, each output folds rows; where adjacent elements are kept (sums over N, H, W of a
   channels-last array, over the rows of a matrix), blocks of columns are folded side by side. Arrays that are contiguous
   along neither are copied first. Short rows are transposed, some at a time, and folded as columns; narrow columns are
   folded as if several rows were one, where they follow each other. Large folds are cut into chunks, by size and not by
   threads, so that the number of threads does not change the result. Variances and log-sum-exps fold twice. */
#include "backend/cpu/loop.h"
#include "backend/cpu/ref/ref.h"
#include "backend/cpu/simd/simd_fold.h"
#include "backend/cpu/simd/simd_argument.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

static const backend *table; /* for copies */
static bool (*below)(reduce_code, const array *, const array *, uint32_t, const double *);

typedef struct plan {
    loop kept;   /* operands: input, output */
    loop folded; /* operand: input */
    bool columns;
} plan;

/* Columns side by side; elements of a chunk, about; rows and columns that are too few for the folds as they are. */
enum { COLUMNS = 256, CHUNK = 1 << 16, SHORT = 32, NARROW = 32 };

static const double no_aux[COLUMNS];

/* ---- planning ----------------------------------------------------------------------------------------------- */

static plan make_plan(const array *out, const array *in, uint32_t dims)
{
    array in_kept = array_only_dims(in, ~dims), out_kept = array_only_dims(out, ~dims),
          in_folded = array_only_dims(in, dims);
    plan p = {loop_make(true, &in_kept, &out_kept, NULL, NULL), loop_make(true, &in_folded, NULL, NULL, NULL), false};
    return p;
}

static bool inner_contiguous(const loop *l) { return l->stride[0][l->ndim - 1] == l->size[0]; }

static bool single(const loop *l) { return l->count == 1; }

/* How the plan can run; false when the input must be made contiguous first. */
static bool choose_shape(plan *p)
{
    const loop *f = &p->folded;
    bool rows = inner_contiguous(f) && !single(f), columns = inner_contiguous(&p->kept);
    bool scattered = rows && f->ndim > 1 && f->shape[f->ndim - 1] < SHORT; /* in rows of few elements */
    if (single(&p->kept) && inner_contiguous(f)) return !scattered;
    p->columns = columns && !rows;
    return p->columns || (rows && !scattered);
}

/* ---- one pass ------------------------------------------------------------------------------------------------- */

/* acc[output] = fold of its elements; outputs count in the order of the kept loop. */
typedef struct pass {
    const plan *p;
    int32_t dtype;
    fold f;
    const double *aux;               /* one for each output, or NULL */
    double *acc;                     /* [chunks][outputs] */
    int64_t outputs, chunks, blocks; /* blocks of columns in a row of the kept loop */
} pass;

static int64_t chunk_begin(const pass *s, int64_t chunk)
{
    int64_t n = s->p->folded.count;
    return n / s->chunks * chunk + tsr_min_i64(chunk, n % s->chunks);
}

static const char *kept_address(const loop *kept, int64_t output)
{
    const char *at = kept->data[0];
    for (int d = kept->ndim - 1; d >= 0; d--) {
        at += output % kept->shape[d] * kept->stride[0][d];
        output /= kept->shape[d];
    }
    return at;
}

/* A row in blocks, so that rounding errors do not grow with its length. */
static double fold_long_row(const fold *f, const char *row, int64_t n, int64_t size, double aux)
{
    enum { BLOCK = 4096 };
    double acc = f->start;
    for (int64_t i = 0; i < n; i += BLOCK)
        acc = f->combine(f->row(row + i * size, tsr_min_i64(BLOCK, n - i), aux), acc);
    return acc;
}

typedef struct row_target {
    const pass *s;
    double aux, *acc;
} row_target;

static void fold_row(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const row_target *t = user;
    (void)step;
    const fold *f = &t->s->f;
    *t->acc = f->combine(fold_long_row(f, data[0], n, t->s->p->folded.size[0], t->aux), *t->acc);
}

static void fold_output(const pass *s, int64_t output, int64_t chunk)
{
    row_target t = {s, s->aux ? s->aux[output] : 0, &s->acc[chunk * s->outputs + output]};
    loop l = s->p->folded;
    *t.acc = s->f.start;
    l.data[0] += kept_address(&s->p->kept, output) - s->p->kept.data[0];
    loop_run_range(&l, chunk_begin(s, chunk), chunk_begin(s, chunk + 1), fold_row, &t);
}

typedef struct column_target {
    const fold *f;
    const double *aux;
    double *acc;
    int64_t n, size; /* columns; bytes of an element */
} column_target;

/* Rows of few columns, one after another: several are one row of more columns. */
static void fold_narrow(const column_target *t, const char *first, int64_t rows)
{
    double acc[COLUMNS], aux[COLUMNS];
    int64_t together = COLUMNS / t->n, wide = together * t->n, many = rows / together;
    for (int64_t i = 0; i < wide; i++) acc[i] = t->f->start, aux[i] = t->aux[i % t->n];
    t->f->columns(acc, first, wide, many, wide * t->size, aux);
    t->f->columns(t->acc, first + many * wide * t->size, t->n, rows % together, t->n * t->size, t->aux);
    for (int64_t i = 0; i < wide; i++) t->acc[i % t->n] = t->f->combine(acc[i], t->acc[i % t->n]);
}

static void fold_columns(char *const *data, const int64_t *step, int64_t rows, const void *user)
{
    const column_target *t = user;
    if (t->n < NARROW && step[0] == t->n * t->size && rows > COLUMNS) fold_narrow(t, data[0], rows);
    else t->f->columns(t->acc, data[0], t->n, rows, step[0], t->aux);
}

static void fold_block(const pass *s, int64_t block, int64_t chunk)
{
    const loop *kept = &s->p->kept;
    int64_t width = kept->shape[kept->ndim - 1], first = block % s->blocks * COLUMNS;
    int64_t output = block / s->blocks * width + first;
    column_target t = {&s->f, s->aux ? s->aux + output : no_aux, &s->acc[chunk * s->outputs + output],
                       tsr_min_i64(COLUMNS, width - first), kept->size[0]};
    loop l = s->p->folded;
    for (int64_t i = 0; i < t.n; i++) t.acc[i] = s->f.start;
    l.data[0] += kept_address(kept, output) - kept->data[0];
    loop_run_range(&l, chunk_begin(s, chunk), chunk_begin(s, chunk + 1), fold_columns, &t);
}

static void run_tasks(int64_t begin, int64_t end, void *user)
{
    const pass *s = user;
    for (int64_t i = begin; i < end; i++) {
        if (s->p->columns) fold_block(s, i / s->chunks, i % s->chunks);
        else fold_output(s, i / s->chunks, i % s->chunks);
    }
}

/* The common case of outputs that fold one row each, without the bookkeeping. */
typedef struct row_run {
    const pass *s;
    int64_t output;
} row_run;

/* n rows, `step` bytes apart, as columns. */
static void fold_short_rows(const pass *s, int64_t output, char *first, int64_t step, int64_t n)
{
    _Alignas(64) char room[SHORT * COLUMNS * sizeof(double)];
    int64_t size = s->p->folded.size[0], length = s->p->folded.count;
    for (int64_t done = 0; done < n; done += COLUMNS) {
        int64_t m = tsr_min_i64(COLUMNS, n - done);
        array rows = {first + done * step, s->dtype, 2, {length, m}, {1, step / size}};
        array columns = {room, s->dtype, 2, {length, m}, {m, 1}};
        double *acc = s->acc + output + done;
        for (int64_t i = 0; i < m; i++) acc[i] = s->f.start;
        table->copy(&columns, &rows); /* of one dtype: cannot fail */
        s->f.columns(acc, room, m, length, m * size, s->aux ? s->aux + output + done : no_aux);
    }
}

static void fold_rows(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    row_run *r = *(row_run *const *)user;
    const pass *s = r->s;
    if (s->p->folded.count <= SHORT && n >= SHORT) {
        fold_short_rows(s, r->output, data[0], step[0], n);
        r->output += n;
        return;
    }
    for (int64_t i = 0; i < n; i++, r->output++) {
        double aux = s->aux ? s->aux[r->output] : 0;
        s->acc[r->output] = fold_long_row(&s->f, data[0] + i * step[0], s->p->folded.count, s->p->folded.size[0], aux);
    }
}

static void run_rows(int64_t begin, int64_t end, void *user)
{
    row_run r = {user, begin}, *pointer = &r;
    loop_run_range(&r.s->p->kept, begin, end, fold_rows, &pointer);
}

static bool one_row_each(const pass *s) { return !s->p->columns && s->p->folded.ndim == 1 && s->chunks == 1; }

static void combine_chunks(const pass *s)
{
    for (int64_t c = 1; c < s->chunks; c++)
        for (int64_t i = 0; i < s->outputs; i++) s->acc[i] = s->f.combine(s->acc[c * s->outputs + i], s->acc[i]);
}

/* Chunks for `tasks` independent folds: only as many as keep a few dozen threads busy. */
static int64_t chunks_for(int64_t tasks, int64_t elements, int64_t folded)
{
    int64_t wanted = tsr_min_i64(elements / CHUNK, 64 / tasks);
    return tsr_max_i64(1, tsr_min_i64(wanted, folded));
}

static pass make_pass(const plan *p, int32_t dtype)
{
    pass s = {.p = p, .dtype = dtype, .outputs = p->kept.count};
    int64_t width = p->kept.shape[p->kept.ndim - 1], tasks = s.outputs;
    s.blocks = (width + COLUMNS - 1) / COLUMNS;
    if (p->columns) tasks = s.outputs / width * s.blocks;
    s.chunks = chunks_for(tasks, s.outputs * p->folded.count, p->folded.count);
    return s;
}

static void run_pass(pass *s, fold f, const double *aux, double *acc)
{
    int64_t width = s->p->kept.shape[s->p->kept.ndim - 1];
    int64_t tasks = (s->p->columns ? s->outputs / width * s->blocks : s->outputs) * s->chunks;
    s->f = f;
    s->aux = aux;
    s->acc = acc;
    int64_t task_size = tsr_max_i64(1, s->outputs * s->p->folded.count / tasks);
    tsr_parallel_for(tasks, tsr_max_i64(1, LOOP_GRAIN / task_size), one_row_each(s) ? run_rows : run_tasks, s);
    combine_chunks(s);
}

/* ---- reductions as folds ---------------------------------------------------------------------------------------- */

typedef struct recipe {
    bool known;
    fold_code first, second; /* the second, when twice, has the first's result as aux */
    bool twice;
} recipe;

static recipe norm_recipe(double order)
{
    if (order == 0) return (recipe){true, FOLD_COUNT, 0, false};
    if (order == 1) return (recipe){true, FOLD_SUM_ABS, 0, false};
    if (order == 2) return (recipe){true, FOLD_SUM_SQUARES, 0, false};
    if (isinf(order)) return (recipe){true, order > 0 ? FOLD_MAX_ABS : FOLD_MIN_ABS, 0, false};
    return (recipe){false, 0, 0, false};
}

static recipe recipe_of(reduce_code code, const double *p)
{
    switch (code) {
    case R_SUM:
    case R_MEAN:
        return (recipe){true, FOLD_SUM, 0, false};
    case R_NANSUM:
        return (recipe){true, FOLD_SUM_NOT_NAN, 0, false};
    case R_PROD:
        return (recipe){true, FOLD_PRODUCT, 0, false};
    case R_MAX:
        return (recipe){true, FOLD_MAX, 0, false};
    case R_MIN:
        return (recipe){true, FOLD_MIN, 0, false};
    case R_ANY:
    case R_ALL:
        return (recipe){true, FOLD_COUNT, 0, false};
    case R_NORM:
        return norm_recipe(p[0]);
    case R_VAR:
        return (recipe){true, FOLD_SUM, FOLD_DEVIATIONS, true};
    case R_LOGSUMEXP:
        return (recipe){true, FOLD_MAX, FOLD_EXP, true};
    default:
        return (recipe){false, 0, 0, false};
    }
}

/* What the second fold is measured from: the mean, or the largest element where it is finite. */
static void make_aux(reduce_code code, double *aux, int64_t outputs, int64_t n)
{
    for (int64_t i = 0; i < outputs; i++) {
        if (code == R_VAR) aux[i] /= (double)n;
        else if (isinf(aux[i])) aux[i] = 0;
    }
}

static double result_of(reduce_code code, double acc, double aux, int64_t n, const double *p)
{
    switch (code) {
    case R_MEAN:
        return acc / (double)n;
    case R_ANY:
        return acc > 0;
    case R_ALL:
        return acc == (double)n;
    case R_NORM:
        return p[0] == 2 ? sqrt(acc) : acc;
    case R_VAR:
        return acc / ((double)n - p[0] > 0 ? (double)n - p[0] : 0);
    case R_LOGSUMEXP:
        return aux + log(acc);
    default:
        return acc;
    }
}

typedef struct ending {
    reduce_code code;
    int32_t dtype;
    int64_t n;
    const double *p, *acc, *aux;
    int64_t *done; /* outputs written */
} ending;

static void write_result(char *to, int32_t dtype, double x)
{
    switch (dtype) {
    case TSR_F32:
        *(float *)to = (float)x;
        break;
    case TSR_F64:
        *(double *)to = x;
        break;
    case TSR_I64:
        *(int64_t *)to = (int64_t)x;
        break;
    case TSR_I32:
        *(int32_t *)to = (int32_t)x;
        break;
    default:
        *(uint8_t *)to = (uint8_t)x;
        break;
    }
}

/* Whether an output is what was folded, and nothing else. */
static bool is_fold_itself(const ending *e)
{
    return e->code == R_SUM || e->code == R_MAX || e->code == R_MIN || e->code == R_PROD || e->code == R_NANSUM;
}

static void write_results(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const ending *e = user;
    if (e->dtype == TSR_F32 && step[1] == (int64_t)sizeof(float) && is_fold_itself(e)) {
        const double *acc = e->acc + *e->done;
        for (int64_t i = 0; i < n; i++) ((float *)data[1])[i] = (float)acc[i];
        *e->done += n;
        return;
    }
    for (int64_t i = 0; i < n; i++, ++*e->done) {
        double aux = e->aux ? e->aux[*e->done] : 0;
        write_result(data[1] + i * step[1], e->dtype, result_of(e->code, e->acc[*e->done], aux, e->n, e->p));
    }
}

static bool run_plan(const plan *p, reduce_code code, const array *out, int32_t dtype, const double *parameters)
{
    recipe r = recipe_of(code, parameters);
    pass s = make_pass(p, dtype);
    size_t bytes = (size_t)(s.outputs * s.chunks) * sizeof(double);
    double *acc = tsr_alloc(bytes), *aux = r.twice ? tsr_alloc(bytes) : NULL;
    bool ok = acc && (aux || !r.twice);
    if (ok) run_pass(&s, TIER(simd_fold_of)(r.first, dtype), NULL, r.twice ? aux : acc);
    if (ok && r.twice) {
        make_aux(code, aux, s.outputs, p->folded.count);
        run_pass(&s, TIER(simd_fold_of)(r.second, dtype), aux, acc);
    }
    int64_t done = 0;
    ending e = {code, out->dtype, p->folded.count, parameters, acc, aux, &done};
    if (ok) loop_run_range(&p->kept, 0, p->kept.count, write_results, &e);
    tsr_free(acc);
    tsr_free(aux);
    return ok;
}

/* ---- dispatch ------------------------------------------------------------------------------------------------- */

static bool is_real(int32_t dtype) { return dtype == TSR_F32 || dtype == TSR_F64; }

/* The truth of integers; what else is folded of them is simd_integer_reduce.c's. */
static bool has_truth(reduce_code code, int32_t dtype)
{
    return (code == R_ANY || code == R_ALL) && (dtype == TSR_I32 || dtype == TSR_U8 || dtype == TSR_BOOL);
}

static bool taken(reduce_code code, recipe r, const array *out, const array *in, int64_t n)
{
    if (n == 0 || !r.known) return false;
    if (is_real(in->dtype)) return is_real(out->dtype) || code == R_ANY || code == R_ALL;
    return has_truth(code, in->dtype);
}

/* The same of a copy, where what is folded together is one row. */
static bool reduce_copy(reduce_code code, const array *out, const array *in, uint32_t dims, const double *p)
{
    array moved;
    bool ok = stage_room(&moved, in, (tsr_dtype)in->dtype, dims) && table->copy(&moved, in);
    if (ok) {
        plan pl = make_plan(out, &moved, dims);
        choose_shape(&pl);
        ok = run_plan(&pl, code, out, in->dtype, p);
    }
    tsr_free(moved.data);
    return ok;
}

/* All of one contiguous row, too short for chunks: what a plan would do, without making one. */
static bool is_single_row(recipe r, const array *out, const array *in, int64_t n)
{
    return !r.twice && n < CHUNK && array_numel(out) == 1 && shape_is_contiguous(in->ndim, in->shape, in->stride);
}

static bool reduce_row(recipe r, reduce_code code, const array *out, const array *in, int64_t n, const double *p)
{
    fold f = TIER(simd_fold_of)(r.first, in->dtype);
    double acc = fold_long_row(&f, in->data, n, (int64_t)tsr_dtype_size((tsr_dtype)in->dtype), 0);
    write_result(out->data, out->dtype, result_of(code, acc, 0, n, p));
    return true;
}

static bool reduce(reduce_code code, const array *out, const array *in, uint32_t dims, const double *p)
{
    bool argument = code == R_ARGMAX || code == R_ARGMIN;
    if (argument && TIER(simd_argument_takes)(in->dtype) && array_numel(in) > 0)
        return TIER(simd_argument)(table, code, out, in, dims);
    recipe r = recipe_of(code, p);
    int64_t n = array_numel(in);
    if (!taken(code, r, out, in, n)) return below(code, out, in, dims, p);
    if (is_single_row(r, out, in, n)) return reduce_row(r, code, out, in, n, p);
    plan pl = make_plan(out, in, dims);
    return choose_shape(&pl) ? run_plan(&pl, code, out, in->dtype, p) : reduce_copy(code, out, in, dims, p);
}

void TIER(simd_reduce_fill)(backend *b)
{
    if (b->reduce != reduce) below = b->reduce;
    table = b;
    b->reduce = reduce;
}
