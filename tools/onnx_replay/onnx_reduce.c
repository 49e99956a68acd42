/* onnx_reduce.c: rules for operators along axes: reductions, softmax, extremes and their places, sums so far, top k. */
#include "onnx_rules.h"

#include <string.h>

/* The axes of a reduction, counted from the front and ascending; all of them when none are named. Their number, or -1 after
   declining; 0 when there is nothing to reduce. */
static int64_t reduced_axes(onnx_step *s, int64_t *axes)
{
    int64_t ndim = tsr_ndim(s->in[0]), n = ints_given(s, "axes", 1, axes, TSR_MAX_DIMS);
    if (n <= 0 && onnx_int(s->node, "noop_with_empty_axes", 0)) return 0;
    if (n <= 0)
        for (n = 0; n < ndim; n++) axes[n] = n;
    bool chosen[TSR_MAX_DIMS] = {false};
    for (int64_t i = 0; i < n; i++) {
        int64_t axis = axis_of(axes[i], ndim);
        if (axis < 0 || axis >= ndim) return decline(s, "an axis out of range"), -1;
        chosen[axis] = true;
    }
    n = 0;
    for (int64_t d = 0; d < ndim; d++)
        if (chosen[d]) axes[n++] = d;
    return n;
}

/* Our prod takes one dimension at a time. */
static tsr_tensor *product(tsr_tensor *t, const int64_t *axes, int64_t n, bool keep)
{
    for (int64_t i = n - 1; i >= 0; i--) t = CALL("prod", TENSOR(t), INT(axes[i]), BOOL(keep));
    return t;
}

static tsr_tensor *reduced_by(const char *ours, tsr_tensor *t, const int64_t *axes, int64_t n, bool keep)
{
    int_values store;
    tsr_arg dims = int_list(&store, axes, n);
    if (!strcmp(ours, "prod")) return product(t, axes, n, keep);
    if (!strcmp(ours, "l1"))
        return CALL("linalg.vector_norm", TENSOR(t), INT(1), KEY("dim", dims), KEY("keepdim", BOOL(keep)));
    if (!strcmp(ours, "l2")) return CALL("linalg.vector_norm", TENSOR(t), KEY("dim", dims), KEY("keepdim", BOOL(keep)));
    return CALL(ours, TENSOR(t), dims, BOOL(keep));
}

static void reduce(onnx_step *s)
{
    int64_t axes[TSR_MAX_DIMS], n = reduced_axes(s, axes);
    if (n < 0) return;
    if (!n) s->out[0] = CALL("clone", TENSOR(s->in[0]));
    else s->out[0] = reduced_by(s->ours, s->in[0], axes, n, onnx_int(s->node, "keepdims", 1));
}

static void reduce_square(onnx_step *s)
{
    s->in[0] = CALL("square", TENSOR(s->in[0]));
    if (s->in[0]) reduce(s);
}

static void reduce_log(onnx_step *s)
{
    reduce(s);
    s->out[0] = CALL("log", TENSOR(s->out[0]));
}

/* ---- places of extremes -------------------------------------------------------------------------------------------- */

/* The last of equal ones is the first of the reversed. */
static void place_of_extreme(onnx_step *s)
{
    int64_t axis = axis_attribute(s, 0);
    bool last = onnx_int(s->node, "select_last_index", 0), keep = onnx_int(s->node, "keepdims", 1);
    tsr_tensor *x = last ? flipped(s->in[0], axis) : s->in[0];
    s->out[0] = CALL(s->ours, TENSOR(x), INT(axis), BOOL(keep));
    if (last) s->out[0] = CALL("rsub", TENSOR(s->out[0]), INT(tsr_shape_of(s->in[0]).v[axis] - 1));
}

/* One at the place of the largest. */
static void hardmax(onnx_step *s)
{
    int64_t axis = axis_attribute(s, s->opset >= 13 ? -1 : 1);
    if (s->opset < 13 && axis != tsr_ndim(s->in[0]) - 1) {
        decline(s, "Hardmax over flattened axes");
        return;
    }
    tsr_tensor *places = CALL("argmax", TENSOR(s->in[0]), INT(axis));
    tsr_tensor *ones = CALL("nn.functional.one_hot", TENSOR(places), INT(tsr_shape_of(s->in[0]).v[axis]));
    int_values from, to;
    const int64_t last = -1;
    s->out[0] = converted(CALL("movedim", TENSOR(ones), int_list(&from, &last, 1), int_list(&to, &axis, 1)),
                          tsr_dtype_of(s->in[0]));
}

static void top_k(onnx_step *s)
{
    int64_t k, axis = axis_attribute(s, -1);
    if (!s->in[1] || ints_of(s->in[1], &k, 1) != 1) {
        decline(s, "TopK with k as an attribute");
        return;
    }
    CALL_MANY(s->out, "topk", TENSOR(s->in[0]), INT(k), INT(axis), BOOL(onnx_int(s->node, "largest", 1)),
              BOOL(onnx_int(s->node, "sorted", 1)));
}

/* ---- along one axis ------------------------------------------------------------------------------------------------ */

/* Before version 13 the axes before and behind `axis` were flattened to two, and the second normalised. */
static void softmax(onnx_step *s)
{
    int64_t axis = axis_attribute(s, s->opset >= 13 ? -1 : 1);
    tsr_shape shape = tsr_shape_of(s->in[0]);
    if (s->opset >= 13 || axis == shape.n - 1) {
        s->out[0] = CALL(s->ours, TENSOR(s->in[0]), INT(axis));
        return;
    }
    int64_t flat[2] = {1, 1};
    for (int32_t d = 0; d < shape.n; d++) flat[d >= axis] *= shape.v[d];
    s->out[0] = reshaped(CALL(s->ours, TENSOR(reshaped(s->in[0], flat, 2)), INT(1)), shape.v, shape.n);
}

static void cumulative_sum(onnx_step *s)
{
    int64_t axis = 0;
    if (ints_of(s->in[1], &axis, 1) != 1) {
        decline(s, "CumSum without an axis");
        return;
    }
    axis = axis_of(axis, tsr_ndim(s->in[0]));
    bool reverse = onnx_int(s->node, "reverse", 0);
    tsr_tensor *x = reverse ? flipped(s->in[0], axis) : s->in[0];
    tsr_tensor *sum = CALL("cumsum", TENSOR(x), INT(axis));
    if (onnx_int(s->node, "exclusive", 0)) sum = CALL("sub", TENSOR(sum), TENSOR(x));
    s->out[0] = reverse ? flipped(sum, axis) : sum;
}

const onnx_rule onnx_reduce_rules[] = {
    {"ReduceSum", "sum", reduce},
    {"ReduceMean", "mean", reduce},
    {"ReduceMax", "amax", reduce},
    {"ReduceMin", "amin", reduce},
    {"ReduceProd", "prod", reduce},
    {"ReduceL1", "l1", reduce},
    {"ReduceL2", "l2", reduce},
    {"ReduceLogSumExp", "logsumexp", reduce},
    {"ReduceLogSum", "sum", reduce_log},
    {"ReduceSumSquare", "sum", reduce_square},
    {"ArgMax", "argmax", place_of_extreme},
    {"ArgMin", "argmin", place_of_extreme},
    {"Hardmax", NULL, hardmax},
    {"TopK", NULL, top_k},
    {"Softmax", "softmax", softmax},
    {"LogSoftmax", "log_softmax", softmax},
    {"CumSum", NULL, cumulative_sum},
    {NULL, NULL, NULL},
};
