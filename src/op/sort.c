/* sort.c: values in order along a dimension. The gradient of a value goes back to where the value was. */
#include "op/region.h"
#include "op_gen.h"

/* Fresh values and indices of the shape, and both and the input as at least 1-d. */
typedef struct pair {
    tsr_tensor *values, *indices;
    array v, i, x;
} pair;

static bool make_pair(tsr_tensor *input, tsr_shape shape, pair *p)
{
    p->values = region_empty((tsr_dtype)input->dtype, &shape, input);
    p->indices = region_empty(TSR_I64, &shape, input);
    tsr_tensor *v = region_at_least_1d(p->values), *i = region_at_least_1d(p->indices), *x = region_at_least_1d(input);
    if (!v || !i || !x) return false;
    p->v = array_of(v), p->i = array_of(i), p->x = array_of(x);
    return true;
}

static bool sorted(const op_ctx *c, tsr_tensor *input, int64_t dim, bool descending, pair *p)
{
    int d;
    if (!op_wrap_dim(c, dim, input->ndim, &d) || !make_pair(input, op_shape(input), p)) return false;
    return tensor_numel(input) == 0 || op_backend(input)->sort(&p->v, &p->i, &p->x, d, descending);
}

bool op_sort(op_ctx *c, const tsr_sort_args *a, tsr_tensor **out)
{
    pair p;
    if (!sorted(c, a->input, op_i64(a->dim), a->descending, &p)) return false;
    out[0] = p.values;
    out[1] = p.indices;
    return true;
}

/* Zeros of the input's shape with the gradient where the values came from. */
static void put_back(op_ctx *c, int64_t dim, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    op_meta in = op_input_meta(c, 0);
    if (grad[0]) grad_in[0] = tsr_scatter_(region_zeros_of(&in), dim, op_result(c, 1), grad[0]);
}

void op_sort_grad(op_ctx *c, const tsr_sort_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    put_back(c, op_i64(a->dim), grad, grad_in);
}

bool op_topk(op_ctx *c, const tsr_topk_args *a, tsr_tensor **out)
{
    int d;
    pair p;
    if (!op_wrap_dim(c, op_i64(a->dim), a->input->ndim, &d)) return false;
    tsr_shape shape = op_shape(a->input);
    int64_t size = shape.n ? shape.v[d] : 1;
    if (a->k < 0 || a->k > size)
        return op_fail(c, "k (%lld) must lie between 0 and %lld, the size of dimension %d", (long long)a->k,
                       (long long)size, d) != NULL;
    if (shape.n > 0) shape.v[d] = a->k;
    if (!make_pair(a->input, shape, &p)) return false;
    out[0] = p.values;
    out[1] = p.indices;
    return tensor_numel(p.values) == 0 || op_backend(a->input)->topk(&p.v, &p.i, &p.x, d, op_flag(a->largest));
}

void op_topk_grad(op_ctx *c, const tsr_topk_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in)
{
    put_back(c, op_i64(a->dim), grad, grad_in);
}

tsr_tensor *op_argsort(op_ctx *c, const tsr_argsort_args *a)
{
    pair p;
    return sorted(c, a->input, op_i64(a->dim), a->descending, &p) ? p.indices : NULL;
}

tsr_tensor *op_msort(op_ctx *c, const tsr_msort_args *a)
{
    (void)c;
    return tsr_sort(a->input, .dim = TSR_INT(0)).values;
}
