/* onnx_index.c: rules for operators that choose or write elements by tensors of indices or by a mask. */
#include "onnx_rules.h"

/* input[:, ..., indices, ...]: the tensor of indices at `axis`, all of the dimensions before it. */
static tsr_tensor *indexed(tsr_tensor *t, int64_t axis, tsr_tensor *indices)
{
    tsr_value at[TSR_MAX_DIMS] = {{.kind = TSR_VALUE_NONE}};
    at[axis] = TENSOR(indices).value;
    return CALL("index", TENSOR(t), LIST(at, axis + 1));
}

static void gather(onnx_step *s)
{
    int64_t axis = axis_attribute(s, 0);
    tsr_tensor *indices = converted(s->in[1], TSR_I64);
    if (!indices) return;
    if (tsr_ndim(indices) == 1)
        s->out[0] = CALL("index_select", TENSOR(s->in[0]), INT(axis),
                         TENSOR(wrapped(indices, tsr_shape_of(s->in[0]).v[axis])));
    else s->out[0] = indexed(s->in[0], axis, indices);
}

/* The indices of *Elements, counted from the front. */
static tsr_tensor *element_indices(const onnx_step *s, int64_t axis)
{
    return wrapped(converted(s->in[1], TSR_I64), tsr_shape_of(s->in[0]).v[axis]);
}

static void gather_elements(onnx_step *s)
{
    int64_t axis = axis_attribute(s, 0);
    s->out[0] = CALL("gather", TENSOR(s->in[0]), INT(axis), TENSOR(element_indices(s, axis)));
}

static void scatter_elements(onnx_step *s)
{
    int64_t axis = axis_attribute(s, 0);
    tsr_tensor *indices = element_indices(s, axis);
    bool add = onnx_text_is(s->node, "reduction", "add", false), mul = onnx_text_is(s->node, "reduction", "mul", false);
    if (add || mul)
        s->out[0] = CALL("scatter", TENSOR(s->in[0]), INT(axis), TENSOR(indices), TENSOR(s->in[2]),
                         KEY("reduce", TEXT(add ? "add" : "multiply")));
    else s->out[0] = CALL("scatter", TENSOR(s->in[0]), INT(axis), TENSOR(indices), TENSOR(s->in[2]));
}

/* ---- indices as rows of a tensor ----------------------------------------------------------------------------------- */

/* The place along batch dimension d, laid out beside the rows: 0, 1, ... in dimension d of `ndim`. */
static tsr_tensor *batch_places(int64_t size, int64_t d, int64_t ndim)
{
    int64_t shape[TSR_MAX_DIMS];
    for (int64_t i = 0; i < ndim; i++) shape[i] = i == d ? size : 1;
    return reshaped(CALL("arange", INT(size)), shape, ndim);
}

/* The last dimension of the indices holds a row: one column a dimension of the input, behind `batch` shared dimensions.
   Their number, -1 after an error. */
static int64_t columns_of(const onnx_step *s, int64_t batch, tsr_value *at)
{
    tsr_shape rows = tsr_shape_of(s->in[1]);
    int64_t width = rows.n ? rows.v[rows.n - 1] : 0;
    if (width < 1 || batch + width > TSR_MAX_DIMS) return -1;
    for (int64_t d = 0; d < batch; d++) at[d] = TENSOR(batch_places(rows.v[d], d, rows.n - 1)).value;
    for (int64_t c = 0; c < width; c++) at[batch + c] = TENSOR(CALL("select", TENSOR(s->in[1]), INT(-1), INT(c))).value;
    return tsr_error_message() ? -1 : batch + width;
}

static void gather_rows(onnx_step *s)
{
    tsr_value at[TSR_MAX_DIMS];
    int64_t n = columns_of(s, onnx_int(s->node, "batch_dims", 0), at);
    if (n < 0) {
        decline(s, "GatherND with rows of no or too many columns");
        return;
    }
    s->out[0] = CALL("index", TENSOR(s->in[0]), LIST(at, n));
}

static void scatter_rows(onnx_step *s)
{
    tsr_value at[TSR_MAX_DIMS];
    int64_t n = columns_of(s, 0, at);
    bool add = onnx_text_is(s->node, "reduction", "add", false);
    if (n < 0) {
        decline(s, "ScatterND with rows of no or too many columns");
        return;
    }
    if (onnx_text_is(s->node, "reduction", "mul", false)) {
        decline(s, "ScatterND that multiplies");
        return;
    }
    s->out[0] = CALL("index_put", TENSOR(s->in[0]), LIST(at, n), TENSOR(s->in[2]), BOOL(add));
}

/* ---- masks and numbers of classes ---------------------------------------------------------------------------------- */

static void nonzero(onnx_step *s) { s->out[0] = CALL("t", TENSOR(CALL("nonzero", TENSOR(s->in[0])))); }

/* Where the condition holds, along an axis or of the flattened input; it may be shorter than they are. */
static void compress(onnx_step *s)
{
    const int64_t flat = -1;
    bool along = onnx_has(s->node, "axis");
    tsr_tensor *places = reshaped(CALL("nonzero", TENSOR(s->in[1])), &flat, 1);
    tsr_tensor *x = along ? s->in[0] : reshaped(s->in[0], &flat, 1);
    s->out[0] = CALL("index_select", TENSOR(x), INT(along ? axis_attribute(s, 0) : 0), TENSOR(places));
}

/* The values stand for off and on. */
static void one_hot(onnx_step *s)
{
    int64_t depth = tsr_item_int(s->in[1]), axis = onnx_int(s->node, "axis", -1);
    tsr_tensor *classes = wrapped(converted(s->in[0], TSR_I64), depth);
    tsr_tensor *on = CALL("nn.functional.one_hot", TENSOR(classes), INT(depth));
    tsr_tensor *off_value = CALL("select", TENSOR(s->in[2]), INT(0), INT(0));
    tsr_tensor *on_value = CALL("select", TENSOR(s->in[2]), INT(0), INT(1));
    tsr_tensor *y = CALL("where", TENSOR(CALL("eq", TENSOR(on), INT(1))), TENSOR(on_value), TENSOR(off_value));
    int_values from, to;
    const int64_t last = -1;
    s->out[0] = CALL("movedim", TENSOR(y), int_list(&from, &last, 1), int_list(&to, &axis, 1));
}

const onnx_rule onnx_index_rules[] = {
    {"Gather", NULL, gather},
    {"GatherElements", NULL, gather_elements},
    {"GatherND", NULL, gather_rows},
    {"Scatter", NULL, scatter_elements},
    {"ScatterElements", NULL, scatter_elements},
    {"ScatterND", NULL, scatter_rows},
    {"NonZero", NULL, nonzero},
    {"Compress", NULL, compress},
    {"OneHot", NULL, one_hot},
    {NULL, NULL, NULL},
};
