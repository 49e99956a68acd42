/* einsum.c: general sums of products.

   Every letter, and every dimension that `...` stands for, gets a number. Each operand is brought into one layout: a
   dimension for each number, size 1 where it has none, diagonals taken. Operands are then multiplied two at a time: a
   number that neither the result nor a later operand uses is summed by a batched matrix product. Sums over numbers that
   only one operand has are done before. */
#include "op/region.h"
#include "op_gen.h"

#include <ctype.h>
#include <string.h>

enum { MAX_LABELS = 52 + TSR_MAX_DIMS, ELLIPSIS = -1 };

/* One operand's (or the result's) labels in order; those of `...` are written out. */
typedef struct labels {
    int n;
    int v[2 * TSR_MAX_DIMS];
} labels;

typedef struct equation {
    const char *text;
    int ellipsis;             /* most dimensions that `...` stands for */
    int place[MAX_LABELS];    /* label -> dimension of the common layout, or -1 */
    int64_t size[MAX_LABELS]; /* of each label; 1 may become larger by broadcasting */
    int last_use[MAX_LABELS]; /* the last operand that has the label, or -1 */
    int count[MAX_LABELS];    /* occurrences in all operands */
    bool in_result[MAX_LABELS];
} equation;

static int label_of(char letter) { return islower((unsigned char)letter) ? 26 + letter - 'a' : letter - 'A'; }

static int ellipsis_label(const equation *e, int i, int n) { return 52 + e->ellipsis - n + i; }

/* ---- reading the text --------------------------------------------------------------------------------------------- */

/* Read labels up to a comma, an arrow or the end; `...` becomes ELLIPSIS. NULL and an error for anything else. */
static const char *read_labels(const op_ctx *c, const char *text, labels *out)
{
    bool seen = false;
    out->n = 0;
    for (; *text && *text != ',' && *text != '-'; text++) {
        if (*text == ' ') continue;
        bool dots = !strncmp(text, "...", 3);
        if ((!isalpha((unsigned char)*text) && !dots) || (dots && seen)) {
            op_fail(c, "unexpected \"%s\" in the equation", text);
            return NULL;
        }
        if (out->n == TSR_MAX_DIMS + 1) {
            op_fail(c, "an operand has more than %d letters", TSR_MAX_DIMS);
            return NULL;
        }
        out->v[out->n++] = dots ? ELLIPSIS : label_of(*text);
        if (dots) text += 2;
        seen = seen || dots;
    }
    return text;
}

/* Replace ELLIPSIS by n labels, aligned at the right. */
static void expand_ellipsis(const equation *e, labels *l, int n)
{
    labels out = {0};
    for (int i = 0; i < l->n; i++) {
        if (l->v[i] != ELLIPSIS) out.v[out.n++] = l->v[i];
        else
            for (int k = 0; k < n; k++) out.v[out.n++] = ellipsis_label(e, k, n);
    }
    *l = out;
}

static bool has_ellipsis(const labels *l)
{
    for (int i = 0; i < l->n; i++)
        if (l->v[i] == ELLIPSIS) return true;
    return false;
}

/* The labels of each operand; what `...` stands for is known only after all were read. */
static const char *read_operands(const op_ctx *c, equation *e, tsr_tensors operands, labels *each)
{
    const char *text = e->text;
    for (int64_t i = 0; i < operands.n; i++) {
        if (!(text = read_labels(c, text, &each[i]))) return NULL;
        int missing = operands.v[i]->ndim - each[i].n + has_ellipsis(&each[i]);
        if (missing < 0 || (missing > 0 && !has_ellipsis(&each[i]))) {
            op_fail(c, "operand %lld %s has %d dimensions, but the equation \"%s\" names %d", (long long)i,
                    tensor_shape_text(operands.v[i]), operands.v[i]->ndim, e->text, each[i].n - has_ellipsis(&each[i]));
            return NULL;
        }
        if (has_ellipsis(&each[i]) && missing > e->ellipsis) e->ellipsis = missing;
        bool more = i + 1 < operands.n;
        if (more ? *text != ',' : (*text != 0 && strncmp(text, "->", 2) != 0)) {
            op_fail(c, "the equation \"%s\" does not describe %lld operands", e->text, (long long)operands.n);
            return NULL;
        }
        text += more;
    }
    return text;
}

/* Within one operand a letter written twice takes the diagonal, where a size of 1 does not broadcast. */
static bool check_repeats(const op_ctx *c, const tsr_tensor *t, const labels *l, int operand)
{
    for (int d = 0; d < l->n; d++)
        for (int k = d + 1; k < l->n; k++) {
            if (l->v[k] != l->v[d] || t->shape[k] == t->shape[d]) continue;
            op_fail(c, "operand %d %s: a letter is repeated for dimensions %d and %d, whose sizes %lld and %lld differ",
                    operand, tensor_shape_text(t), d, k, (long long)t->shape[d], (long long)t->shape[k]);
            return false;
        }
    return true;
}

static bool note_sizes(const op_ctx *c, equation *e, const tsr_tensor *t, const labels *l, int operand)
{
    if (!check_repeats(c, t, l, operand)) return false;
    for (int d = 0; d < l->n; d++) {
        int64_t *size = &e->size[l->v[d]];
        if (e->count[l->v[d]]++ == 0 || *size == 1) *size = t->shape[d];
        else if (t->shape[d] != *size && t->shape[d] != 1) {
            op_fail(c, "operand %d %s: dimension %d of size %lld does not match %lld, seen for the same letter before",
                    operand, tensor_shape_text(t), d, (long long)t->shape[d], (long long)*size);
            return false;
        }
        e->last_use[l->v[d]] = operand;
    }
    return true;
}

/* The letters that occur once, in alphabetical order (capitals first), after what `...` stands for. */
static void implicit_result(const equation *e, labels *out)
{
    out->n = 0;
    for (int k = 0; k < e->ellipsis; k++) out->v[out->n++] = 52 + k;
    for (int l = 0; l < 52 && out->n < 2 * TSR_MAX_DIMS; l++)
        if (e->count[l] == 1) out->v[out->n++] = l;
}

static bool check_result(const op_ctx *c, equation *e, const labels *out)
{
    if (out->n > TSR_MAX_DIMS) {
        op_fail(c, "the result would have %d dimensions; at most %d", out->n, TSR_MAX_DIMS);
        return false;
    }
    for (int i = 0; i < out->n; i++) {
        int l = out->v[i];
        if (e->in_result[l] || (e->count[l] == 0 && l < 52)) {
            op_fail(c, "the result of \"%s\" names a letter %s", e->text,
                    e->in_result[l] ? "twice" : "that no operand has");
            return false;
        }
        e->in_result[l] = true;
    }
    return true;
}

static bool read_equation(const op_ctx *c, equation *e, tsr_tensors operands, labels *each, labels *out)
{
    for (int l = 0; l < MAX_LABELS; l++) e->size[l] = 1, e->last_use[l] = -1, e->place[l] = -1;
    const char *text = read_operands(c, e, operands, each);
    if (!text) return false;
    for (int64_t i = 0; i < operands.n; i++) {
        bool dots = has_ellipsis(&each[i]);
        expand_ellipsis(e, &each[i], operands.v[i]->ndim - each[i].n + dots);
        if (!note_sizes(c, e, operands.v[i], &each[i], (int)i)) return false;
    }
    if (!*text) implicit_result(e, out);
    else {
        if (!(text = read_labels(c, text + 2, out))) return false;
        if (*text) return op_fail(c, "unexpected \"%s\" in the equation", text) != NULL;
        expand_ellipsis(e, out, e->ellipsis);
    }
    return check_result(c, e, out);
}

/* ---- the common layout -------------------------------------------------------------------------------------------- */

/* Take diagonals of repeated labels: *l then holds each label once. */
static tsr_tensor *without_repeats(tsr_tensor *t, labels *l)
{
    for (int i = 0; t && i < l->n; i++) {
        for (int k = i + 1; t && k < l->n; k++) {
            if (l->v[k] != l->v[i]) continue;
            int label = l->v[i];
            t = tsr_diagonal(t, .dim1 = i ? i : TSR_ZERO_INT, .dim2 = k); /* moves to the end */
            memmove(l->v + k, l->v + k + 1, (size_t)(l->n - k - 1) * sizeof *l->v);
            memmove(l->v + i, l->v + i + 1, (size_t)(l->n - i - 2) * sizeof *l->v);
            l->v[--l->n - 1] = label;
            k = i; /* position i holds another label now */
        }
    }
    return t;
}

/* Sum what only this operand has and the result does not name. */
static tsr_tensor *summed_alone(const equation *e, tsr_tensor *t, labels *l, int operand, bool used_before[])
{
    tsr_shape dims = {0};
    labels left = {0};
    for (int d = 0; d < l->n; d++) {
        int label = l->v[d];
        bool alone = !e->in_result[label] && e->last_use[label] == operand && !used_before[label];
        if (alone) dims.v[dims.n++] = d;
        else left.v[left.n++] = label;
    }
    *l = left;
    return dims.n > 0 ? tsr_sum(t, .dim = dims) : t;
}

/* ---- products ----------------------------------------------------------------------------------------------------- */

static int find(const labels *l, int label)
{
    for (int i = 0; i < l->n; i++)
        if (l->v[i] == label) return i;
    return -1;
}

/* The labels of a product of two, by what happens to them. */
typedef struct groups {
    labels batch, left, right, sum;
} groups;

static groups group_labels(const equation *e, const labels *a, const labels *b, int operand)
{
    groups g = {0};
    for (int i = 0; i < a->n; i++) {
        int label = a->v[i];
        bool shared = find(b, label) >= 0, kept = e->in_result[label] || e->last_use[label] > operand;
        labels *to = !shared ? &g.left : kept ? &g.batch : &g.sum;
        to->v[to->n++] = label;
    }
    for (int i = 0; i < b->n; i++)
        if (find(a, b->v[i]) < 0) g.right.v[g.right.n++] = b->v[i];
    return g;
}

static int64_t group_size(const equation *e, const labels *l)
{
    int64_t n = 1;
    for (int i = 0; i < l->n; i++) n *= e->size[l->v[i]];
    return n;
}

/* t (labels l) as [x, y, z], where the three groups make up its labels; sizes of 1 are expanded. */
static tsr_tensor *as_batch(const equation *e, tsr_tensor *t, const labels *l, const labels *x, const labels *y,
                            const labels *z)
{
    const labels *all[3] = {x, y, z};
    tsr_shape order = {0}, full = {0};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < all[k]->n; i++) {
            order.v[order.n++] = find(l, all[k]->v[i]);
            full.v[full.n++] = e->size[all[k]->v[i]];
        }
    return tsr_reshape(tsr_expand(tsr_permute(t, order), full),
                       TSR_SHAPE(group_size(e, x), group_size(e, y), group_size(e, z)));
}

static void add_labels(const equation *e, labels *to, tsr_shape *shape, const labels *from)
{
    for (int i = 0; i < from->n; i++) {
        to->v[to->n++] = from->v[i];
        if (shape->n < TSR_MAX_DIMS) shape->v[shape->n] = e->size[from->v[i]];
        shape->n++;
    }
}

/* The product of a and b; *la becomes its labels. */
static tsr_tensor *product(const op_ctx *c, const equation *e, tsr_tensor *a, labels *la, tsr_tensor *b,
                           const labels *lb, int operand)
{
    groups g = group_labels(e, la, lb, operand);
    labels out = {0};
    tsr_shape shape = {0};
    add_labels(e, &out, &shape, &g.batch);
    add_labels(e, &out, &shape, &g.left);
    add_labels(e, &out, &shape, &g.right);
    if (shape.n > TSR_MAX_DIMS)
        return op_fail(c, "a product on the way has %d dimensions; at most %d", shape.n, TSR_MAX_DIMS);
    tsr_tensor *x = as_batch(e, a, la, &g.batch, &g.left, &g.sum), *y = as_batch(e, b, lb, &g.batch, &g.sum, &g.right);
    *la = out;
    return tsr_reshape(tsr_bmm(x, y), shape);
}

/* t in the order of the result, sizes of 1 expanded. */
static tsr_tensor *deliver(const equation *e, tsr_tensor *t, const labels *l, const labels *out)
{
    tsr_shape order = {0}, full = {0};
    labels have = *l;
    for (int i = 0; t && i < out->n; i++) {
        if (find(&have, out->v[i]) >= 0) continue;
        have.v[have.n++] = out->v[i];
        t = tsr_unsqueeze(t, -1);
    }
    for (int i = 0; i < out->n; i++) {
        order.v[order.n++] = find(&have, out->v[i]);
        full.v[full.n++] = e->size[out->v[i]];
    }
    return tsr_expand(tsr_permute(t, order), full);
}

static tsr_tensor *run_equation(const op_ctx *c, const equation *e, tsr_tensors operands, labels *each,
                                const labels *out)
{
    bool used[MAX_LABELS] = {false};
    tsr_tensor *so_far = NULL;
    labels l = {0};
    for (int i = 0; i < (int)operands.n; i++) {
        tsr_tensor *t = without_repeats(operands.v[i], &each[i]);
        t = summed_alone(e, t, &each[i], i, used);
        for (int k = 0; k < each[i].n; k++) used[each[i].v[k]] = true;
        if (i == 0) l = each[0];
        so_far = i == 0 ? t : product(c, e, so_far, &l, t, &each[i], i);
        if (!so_far) return NULL;
    }
    return deliver(e, so_far, &l, out);
}

static tsr_tensor *einsum(const op_ctx *c, const char *text, tsr_tensors operands)
{
    equation e = {.text = text};
    labels out;
    if (operands.n == 0) return op_fail(c, "needs at least one operand");
    labels *each = tsr_alloc_zeroed((size_t)operands.n, sizeof *each);
    if (!each) return NULL;
    bool ok = read_equation(c, &e, operands, each, &out);
    tsr_tensor *result = ok ? run_equation(c, &e, operands, each, &out) : NULL;
    tsr_free(each);
    return result;
}

tsr_tensor *op_einsum(op_ctx *c, const tsr_einsum_args *a) { return einsum(c, a->equation, a->operands); }

tsr_tensor *op_einsum_operands(op_ctx *c, const tsr_einsum_operands_args *a)
{
    return einsum(c, a->equation, a->operands);
}
