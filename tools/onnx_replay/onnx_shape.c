/* onnx_shape.c: rules for operators that make, move and repeat elements without computing with them. */
#include "onnx_rules.h"

#include <string.h>

/* ---- shapes -------------------------------------------------------------------------------------------------------- */

/* 0 copies the input's size unless `allowzero`. */
static void reshape(onnx_step *s)
{
    int64_t shape[TSR_MAX_DIMS], n = ints_given(s, "shape", 1, shape, TSR_MAX_DIMS);
    tsr_shape from = tsr_shape_of(s->in[0]);
    if (n < 0) {
        decline(s, "Reshape to more than 8 dimensions");
        return;
    }
    for (int64_t d = 0; d < n && !onnx_int(s->node, "allowzero", 0); d++)
        if (!shape[d] && d < from.n) shape[d] = from.v[d];
    s->out[0] = reshaped(s->in[0], shape, n);
}

static void flatten(onnx_step *s)
{
    tsr_shape shape = tsr_shape_of(s->in[0]);
    int64_t axis = axis_attribute(s, 1), flat[2] = {1, 1};
    for (int32_t d = 0; d < shape.n; d++) flat[d >= axis] *= shape.v[d];
    s->out[0] = reshaped(s->in[0], flat, 2);
}

static void transpose(onnx_step *s)
{
    int64_t dims[TSR_MAX_DIMS], n = tsr_ndim(s->in[0]);
    for (int64_t d = 0; d < n; d++) dims[d] = n - 1 - d;
    onnx_ints(s->node, "perm", dims, n);
    s->out[0] = permuted(s->in[0], dims, n);
}

/* Which of `ndim` dimensions the axes name. The number of axes, -1 when none are given or one is out of range. */
static int64_t mark_axes(const onnx_step *s, int64_t ndim, bool *marked)
{
    int64_t axes[TSR_MAX_DIMS], n = ints_given(s, "axes", 1, axes, TSR_MAX_DIMS);
    for (int64_t i = 0; i < n; i++) {
        int64_t axis = axis_of(axes[i], ndim);
        if (axis < 0 || axis >= ndim) return -1;
        marked[axis] = true;
    }
    return n;
}

static void squeeze(onnx_step *s)
{
    bool marked[TSR_MAX_DIMS] = {false};
    s->out[0] = s->in[0];
    if (mark_axes(s, tsr_ndim(s->in[0]), marked) < 0) {
        s->out[0] = CALL("squeeze", TENSOR(s->in[0]));
        return;
    }
    for (int32_t d = TSR_MAX_DIMS - 1; d >= 0; d--)
        if (marked[d]) s->out[0] = CALL("squeeze", TENSOR(s->out[0]), INT(d));
}

static void unsqueeze(onnx_step *s)
{
    int64_t axes[TSR_MAX_DIMS], n = ints_given(s, "axes", 1, axes, TSR_MAX_DIMS), ndim = tsr_ndim(s->in[0]) + n;
    bool marked[TSR_MAX_DIMS] = {false};
    if (n < 0 || ndim > TSR_MAX_DIMS || mark_axes(s, ndim, marked) < 0) {
        decline(s, "Unsqueeze to more than 8 dimensions");
        return;
    }
    s->out[0] = s->in[0];
    for (int32_t d = 0; d < TSR_MAX_DIMS; d++)
        if (marked[d]) s->out[0] = CALL("unsqueeze", TENSOR(s->out[0]), INT(d));
}

/* ONNX broadcasts both ways: a 1 in the shape keeps the input's size. */
static void expand(onnx_step *s)
{
    int64_t shape[TSR_MAX_DIMS], n = ints_of(s->in[1], shape, TSR_MAX_DIMS);
    tsr_shape from = tsr_shape_of(s->in[0]), to = {.n = n > from.n ? (int32_t)n : from.n};
    if (n < 0) {
        decline(s, "Expand to more than 8 dimensions");
        return;
    }
    for (int32_t i = 1; i <= to.n; i++) {
        int64_t wanted = i <= n ? shape[n - i] : 1, had = i <= from.n ? from.v[from.n - i] : 1;
        to.v[to.n - i] = wanted == 1 ? had : wanted;
    }
    int_values store;
    s->out[0] = CALL("expand", TENSOR(s->in[0]), shape_list(&store, to));
}

/* Not operators of ours, but what a graph needs to feed them: the sizes of a tensor, and constants. */
static void from_ints(onnx_step *s, const int64_t *v, tsr_shape shape) { s->out[0] = tsr_from_data(v, shape, TSR_I64); }

static int64_t clamped(int64_t i, int64_t most) { return i < 0 ? 0 : i > most ? most : i; }

static void shape_of(onnx_step *s)
{
    tsr_shape shape = tsr_shape_of(s->in[0]);
    int64_t start = clamped(axis_of(onnx_int(s->node, "start", 0), shape.n), shape.n);
    int64_t end = clamped(axis_of(onnx_int(s->node, "end", shape.n), shape.n), shape.n);
    from_ints(s, shape.v + start, TSR_SHAPE(end > start ? end - start : 0));
}

static void size_of(onnx_step *s)
{
    int64_t n = tsr_numel(s->in[0]);
    from_ints(s, &n, TSR_SCALAR_SHAPE);
}

static void constant(onnx_step *s)
{
    wire_bytes message;
    int64_t ints[ONNX_MAX_VALUES], n = onnx_ints(s->node, "value_ints", ints, ONNX_MAX_VALUES);
    if (n >= 0) {
        from_ints(s, ints, TSR_SHAPE(n));
        return;
    }
    if (onnx_has(s->node, "value_int")) {
        ints[0] = onnx_int(s->node, "value_int", 0);
        {
            from_ints(s, ints, TSR_SCALAR_SHAPE);
            return;
        }
    }
    if (onnx_has(s->node, "value_float")) {
        float value = (float)onnx_float(s->node, "value_float", 0);
        s->out[0] = tsr_from_data(&value, TSR_SCALAR_SHAPE, TSR_F32);
        return;
    }
    if (!onnx_tensor_attribute(s->node, "value", &message)) {
        decline(s, "a Constant that is no tensor");
        return;
    }
    int64_t type = onnx_tensor_type(message);
    if (onnx_dtype(type) == TSR_DTYPE_DEFAULT) {
        decline(s, "elements of type %s", onnx_type_name(type));
        return;
    }
    s->out[0] = onnx_tensor(message, 0);
}

/* ---- making tensors ------------------------------------------------------------------------------------------------ */

static void constant_of_shape(onnx_step *s)
{
    int64_t shape[TSR_MAX_DIMS], n = ints_of(s->in[0], shape, TSR_MAX_DIMS);
    wire_bytes message;
    bool given = onnx_tensor_attribute(s->node, "value", &message);
    tsr_tensor *value = given ? onnx_tensor(message, 0) : tsr_scalar(0);
    if (!value || n < 0) return;
    int_values store;
    s->out[0] = CALL("full", int_list(&store, shape, n), FLOAT(tsr_item(value)),
                     KEY("dtype", DTYPE(given ? tsr_dtype_of(value) : TSR_F32)));
}

static void eye_like(onnx_step *s)
{
    int64_t type = onnx_int(s->node, "dtype", 0), k = onnx_int(s->node, "k", 0);
    tsr_dtype dtype = type ? onnx_dtype(type) : tsr_dtype_of(s->in[0]);
    tsr_shape shape = tsr_shape_of(s->in[0]);
    if (k) {
        decline(s, "EyeLike with an offset");
        return;
    }
    s->out[0] = CALL("eye", INT(shape.v[0]), INT(shape.v[1]), KEY("dtype", DTYPE(dtype)));
}

/* A number of an operator's scalar argument, integral where the tensor is. */
static tsr_arg scalar_of(const tsr_tensor *t) { return is_real(t) ? FLOAT(tsr_item(t)) : INT(tsr_item_int(t)); }

static void range(onnx_step *s)
{
    s->out[0] = CALL("arange", scalar_of(s->in[0]), scalar_of(s->in[1]), scalar_of(s->in[2]),
                     KEY("dtype", DTYPE(tsr_dtype_of(s->in[0]))));
}

static void triangle(onnx_step *s)
{
    int64_t k = s->in[1] ? tsr_item_int(s->in[1]) : 0;
    s->out[0] = CALL(onnx_int(s->node, "upper", 1) ? "triu" : "tril", TENSOR(s->in[0]), INT(k));
}

/* ---- parts --------------------------------------------------------------------------------------------------------- */

static void concat(onnx_step *s)
{
    tsr_value parts[ONNX_MAX_VALUES];
    int32_t n = count_inputs(s);
    for (int32_t i = 0; i < n; i++) parts[i] = TENSOR(s->in[i]).value;
    s->out[0] = CALL("cat", LIST(parts, n), INT(axis_attribute(s, 1)));
}

/* Equal parts, as many as outputs, or of the sizes given. */
static void split(onnx_step *s)
{
    int64_t sizes[ONNX_MAX_VALUES], axis = axis_attribute(s, 0), parts = s->node->n_outputs;
    int64_t n = ints_given(s, "split", 1, sizes, ONNX_MAX_VALUES), whole = tsr_shape_of(s->in[0]).v[axis];
    if (n < 0)
        for (n = 0; n < parts; n++) sizes[n] = whole / parts;
    int_values store;
    CALL_MANY(s->out, "split", TENSOR(s->in[0]), int_list(&store, sizes, n), INT(axis));
}

/* One axis of a Slice. Ours goes forwards only: backwards, the axis is reversed first and the ends are counted from its end. */
static tsr_tensor *sliced(tsr_tensor *t, int64_t axis, int64_t start, int64_t end, int64_t step)
{
    int64_t n = tsr_shape_of(t).v[axis];
    if (start < 0) start += n;
    if (end < 0) end += n;
    if (step < 0) {
        t = flipped(t, axis);
        start = n - 1 - (start >= n ? n - 1 : start);
        end = n - 1 - (end < -1 ? -1 : end);
        step = -step;
    }
    start = clamped(start, n);
    end = clamped(end, n);
    return CALL("slice", TENSOR(t), INT(axis), INT(start), INT(end < start ? start : end), INT(step));
}

static void slice(onnx_step *s)
{
    int64_t starts[TSR_MAX_DIMS], ends[TSR_MAX_DIMS], axes[TSR_MAX_DIMS], steps[TSR_MAX_DIMS];
    int64_t n = ints_given(s, "starts", 1, starts, TSR_MAX_DIMS), ndim = tsr_ndim(s->in[0]);
    if (n < 0 || ints_given(s, "ends", 2, ends, TSR_MAX_DIMS) != n) {
        decline(s, "Slice without its ends");
        return;
    }
    for (int64_t i = 0; i < n; i++) axes[i] = i, steps[i] = 1;
    ints_given(s, "axes", 3, axes, n);
    ints_of(s->in[4], steps, n);
    s->out[0] = s->in[0];
    for (int64_t i = 0; i < n && s->out[0]; i++)
        s->out[0] = sliced(s->out[0], axis_of(axes[i], ndim), starts[i], ends[i], steps[i]);
}

static void tile(onnx_step *s)
{
    int64_t repeats[TSR_MAX_DIMS], n = ints_of(s->in[1], repeats, TSR_MAX_DIMS);
    if (s->opset < 6 || n < 0) {
        decline(s, "Tile along one axis");
        return;
    }
    int_values store;
    s->out[0] = CALL("tile", TENSOR(s->in[0]), int_list(&store, repeats, n));
}

/* ONNX gives all sizes before, then all behind; ours are pairs from the last dimension on, only as many as are not 0. */
static void pad(onnx_step *s)
{
    int64_t pads[2 * TSR_MAX_DIMS], pairs[2 * TSR_MAX_DIMS], used = 0;
    int64_t n = ints_given(s, "pads", 1, pads, 2 * TSR_MAX_DIMS), ndim = n / 2;
    if (n < 0 || ndim != tsr_ndim(s->in[0])) {
        decline(s, "Pad of some axes");
        return;
    }
    for (int64_t i = 0; i < ndim; i++) {
        pairs[2 * i] = pads[ndim - 1 - i];
        pairs[2 * i + 1] = pads[2 * ndim - 1 - i];
        if (pairs[2 * i] || pairs[2 * i + 1]) used = i + 1;
    }
    double value = s->in[2] ? tsr_item(s->in[2]) : onnx_float(s->node, "value", 0);
    bool edge = onnx_text_is(s->node, "mode", "edge", false), reflect = onnx_text_is(s->node, "mode", "reflect", false);
    int_values store;
    tsr_arg sizes = int_list(&store, pairs, 2 * used);
    if (edge || reflect)
        s->out[0] = CALL("nn.functional.pad", TENSOR(s->in[0]), sizes, TEXT(edge ? "replicate" : "reflect"));
    else s->out[0] = CALL("nn.functional.pad", TENSOR(s->in[0]), sizes, TEXT("constant"), FLOAT(value));
}

/* ---- between channels and space ------------------------------------------------------------------------------------ */

static void depth_to_space(onnx_step *s)
{
    int64_t b = onnx_int(s->node, "blocksize", 1);
    tsr_shape x = tsr_shape_of(s->in[0]);
    if (onnx_text_is(s->node, "mode", "CRD", false)) {
        s->out[0] = CALL("nn.functional.pixel_shuffle", TENSOR(s->in[0]), INT(b));
        return;
    }
    const int64_t parts[] = {x.v[0], b, b, x.v[1] / (b * b), x.v[2], x.v[3]}, order[] = {0, 3, 4, 1, 5, 2};
    const int64_t whole[] = {x.v[0], x.v[1] / (b * b), x.v[2] * b, x.v[3] * b};
    s->out[0] = reshaped(permuted(reshaped(s->in[0], parts, 6), order, 6), whole, 4);
}

static void space_to_depth(onnx_step *s)
{
    int64_t b = onnx_int(s->node, "blocksize", 1);
    tsr_shape x = tsr_shape_of(s->in[0]);
    if (x.v[1] == 1) {
        s->out[0] = CALL("nn.functional.pixel_unshuffle", TENSOR(s->in[0]), INT(b));
        return;
    }
    const int64_t parts[] = {x.v[0], x.v[1], x.v[2] / b, b, x.v[3] / b, b}, order[] = {0, 3, 5, 1, 2, 4};
    const int64_t whole[] = {x.v[0], x.v[1] * b * b, x.v[2] / b, x.v[3] / b};
    s->out[0] = reshaped(permuted(reshaped(s->in[0], parts, 6), order, 6), whole, 4);
}

const onnx_rule onnx_shape_rules[] = {
    {"Reshape", NULL, reshape},
    {"Flatten", NULL, flatten},
    {"Transpose", NULL, transpose},
    {"Squeeze", NULL, squeeze},
    {"Unsqueeze", NULL, unsqueeze},
    {"Expand", NULL, expand},
    {"Shape", NULL, shape_of},
    {"Size", NULL, size_of},
    {"Constant", NULL, constant},
    {"ConstantOfShape", NULL, constant_of_shape},
    {"EyeLike", NULL, eye_like},
    {"Range", NULL, range},
    {"Trilu", NULL, triangle},
    {"Concat", NULL, concat},
    {"Split", NULL, split},
    {"Slice", NULL, slice},
    {"Tile", NULL, tile},
    {"Pad", NULL, pad},
    {"DepthToSpace", NULL, depth_to_space},
    {"SpaceToDepth", NULL, space_to_depth},
    {NULL, NULL, NULL},
};
