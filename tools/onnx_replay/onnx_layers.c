/* onnx_layers.c: rules for layers: matrix products, convolutions, pooling, normalisation, dropout, resizing, losses.

   ONNX pads each side of a window by itself; our operators pad both alike. What differs is padded first by `pad`. */
#include "onnx_rules.h"

#include <math.h>
#include <string.h>

enum { MAX_SPATIAL = 3 };

/* How a kernel moves over the dimensions behind the first two. */
typedef struct window {
    int64_t n; /* of those */
    int64_t kernel[MAX_SPATIAL], stride[MAX_SPATIAL], dilation[MAX_SPATIAL], before[MAX_SPATIAL], after[MAX_SPATIAL];
} window;

/* The padding that makes as many places as input / stride, rounded up. */
static void pad_to_same(window *w, const int64_t *size, bool upper)
{
    for (int64_t d = 0; d < w->n; d++) {
        int64_t places = (size[d] + w->stride[d] - 1) / w->stride[d];
        int64_t total = (places - 1) * w->stride[d] + w->dilation[d] * (w->kernel[d] - 1) + 1 - size[d];
        if (total < 0) total = 0;
        w->before[d] = upper ? total / 2 : total - total / 2;
        w->after[d] = total - w->before[d];
    }
}

static bool auto_pad_is(const onnx_step *s, const char *text) { return onnx_text_is(s->node, "auto_pad", text, false); }

/* The node's window over in[0]; the kernel's sizes are the attribute's or the weight's. False after declining. */
static bool read_window(onnx_step *s, const tsr_tensor *weight, window *w)
{
    tsr_shape x = tsr_shape_of(s->in[0]);
    int64_t pads[2 * MAX_SPATIAL] = {0};
    *w = (window){.n = x.n - 2, .stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    if (w->n < 1 || w->n > MAX_SPATIAL) return decline(s, "windows over %d dimensions", (int)w->n), false;
    if (weight) memcpy(w->kernel, tsr_shape_of(weight).v + 2, (size_t)w->n * sizeof *w->kernel);
    else if (onnx_ints(s->node, "kernel_shape", w->kernel, w->n) != w->n) return decline(s, "no kernel_shape"), false;
    onnx_ints(s->node, "strides", w->stride, w->n);
    onnx_ints(s->node, "dilations", w->dilation, w->n);
    onnx_ints(s->node, "pads", pads, 2 * w->n);
    memcpy(w->before, pads, (size_t)w->n * sizeof *pads);
    memcpy(w->after, pads + w->n, (size_t)w->n * sizeof *pads);
    bool upper = auto_pad_is(s, "SAME_UPPER");
    if (upper || auto_pad_is(s, "SAME_LOWER")) pad_to_same(w, x.v + 2, upper);
    return true;
}

/* t with the window's padding made of `value`; then the window has none left. */
static tsr_tensor *padded(tsr_tensor *t, window *w, double value)
{
    int64_t pairs[2 * MAX_SPATIAL];
    for (int64_t d = 0; d < w->n; d++) {
        pairs[2 * (w->n - 1 - d)] = w->before[d];
        pairs[2 * (w->n - 1 - d) + 1] = w->after[d];
        w->before[d] = w->after[d] = 0;
    }
    int_values store;
    return CALL("nn.functional.pad", TENSOR(t), int_list(&store, pairs, 2 * w->n), TEXT("constant"), FLOAT(value));
}

static bool is_symmetric(const window *w) { return !memcmp(w->before, w->after, sizeof w->before); }

/* The name of the form of our operator for so many spatial dimensions, "nn.functional.conv2d". */
typedef struct form_name {
    char text[64];
} form_name;
static form_name form_of(const char *family, int64_t spatial, const char *overload)
{
    form_name name;
    snprintf(name.text, sizeof name.text, "%s%dd%s", family, (int)spatial, overload);
    return name;
}

/* ---- matrix products ----------------------------------------------------------------------------------------------- */

static void matrix_product(onnx_step *s) { s->out[0] = CALL("matmul", TENSOR(s->in[0]), TENSOR(s->in[1])); }

static void gemm(onnx_step *s)
{
    tsr_tensor *a = onnx_int(s->node, "transA", 0) ? CALL("t", TENSOR(s->in[0])) : s->in[0];
    tsr_tensor *b = onnx_int(s->node, "transB", 0) ? CALL("t", TENSOR(s->in[1])) : s->in[1];
    double alpha = onnx_float(s->node, "alpha", 1), beta = onnx_float(s->node, "beta", 1);
    if (s->in[2])
        s->out[0] = CALL("addmm", TENSOR(s->in[2]), TENSOR(a), TENSOR(b), KEY("beta", FLOAT(beta)),
                         KEY("alpha", FLOAT(alpha)));
    else s->out[0] = CALL("mul", TENSOR(CALL("mm", TENSOR(a), TENSOR(b))), FLOAT(alpha));
}

static void einsum(onnx_step *s)
{
    wire_bytes text = onnx_text(s->node, "equation");
    char equation[128];
    tsr_value operands[ONNX_MAX_VALUES];
    int32_t n = count_inputs(s);
    snprintf(equation, sizeof equation, "%.*s", (int)text.n, (const char *)text.p);
    for (int32_t i = 0; i < n; i++) operands[i] = TENSOR(s->in[i]).value;
    s->out[0] = CALL("einsum", TEXT(equation), LIST(operands, n));
}

static void determinant(onnx_step *s) { s->out[0] = CALL("linalg.det", TENSOR(s->in[0])); }

/* ---- convolutions -------------------------------------------------------------------------------------------------- */

static void convolution(onnx_step *s)
{
    window w;
    int_values stride, padding, dilation;
    if (!read_window(s, s->in[1], &w)) return;
    tsr_tensor *x = is_symmetric(&w) ? s->in[0] : padded(s->in[0], &w, 0);
    s->out[0] = CALL(form_of("nn.functional.conv", w.n, "").text, TENSOR(x), TENSOR(s->in[1]), TENSOR_OR_NONE(s->in[2]),
                     int_list(&stride, w.stride, w.n), int_list(&padding, w.before, w.n),
                     int_list(&dilation, w.dilation, w.n), INT(onnx_int(s->node, "group", 1)));
}

/* What is cut from the full result on either side; an output that is asked for larger is extended behind it. */
static void crop_to_output(const onnx_step *s, window *w, int64_t *extra)
{
    const int64_t *size = tsr_shape_of(s->in[0]).v + 2;
    int64_t wanted[MAX_SPATIAL];
    bool given = onnx_ints(s->node, "output_shape", wanted, w->n) == w->n, upper = auto_pad_is(s, "SAME_UPPER");
    for (int64_t d = 0; d < w->n && (given || upper || auto_pad_is(s, "SAME_LOWER")); d++) {
        if (!given) wanted[d] = size[d] * w->stride[d];
        int64_t full = (size[d] - 1) * w->stride[d] + w->dilation[d] * (w->kernel[d] - 1) + 1 + extra[d];
        int64_t total = full - wanted[d];
        if (total < 0) extra[d] -= total, total = 0;
        w->before[d] = upper ? total / 2 : total - total / 2;
        w->after[d] = total - w->before[d];
    }
}

static void transposed_convolution(onnx_step *s)
{
    window w;
    int64_t extra[MAX_SPATIAL] = {0};
    int_values stride, padding, output_padding, dilation;
    if (!read_window(s, s->in[1], &w)) return;
    onnx_ints(s->node, "output_padding", extra, w.n);
    crop_to_output(s, &w, extra);
    const int64_t none[MAX_SPATIAL] = {0};
    bool ours = is_symmetric(&w);
    tsr_tensor *y = CALL(form_of("nn.functional.conv_transpose", w.n, "").text, TENSOR(s->in[0]), TENSOR(s->in[1]),
                         TENSOR_OR_NONE(s->in[2]), int_list(&stride, w.stride, w.n),
                         int_list(&padding, ours ? w.before : none, w.n), int_list(&output_padding, extra, w.n),
                         INT(onnx_int(s->node, "group", 1)), int_list(&dilation, w.dilation, w.n));
    for (int64_t d = 0; d < w.n && !ours && y; d++)
        y = CALL("narrow", TENSOR(y), INT(d + 2), INT(w.before[d]),
                 INT(tsr_shape_of(y).v[d + 2] - w.before[d] - w.after[d]));
    s->out[0] = y;
}

/* ---- pooling ------------------------------------------------------------------------------------------------------- */

/* Ours takes padding of at most half the kernel, as PyTorch. */
static bool pool_pads(const window *w)
{
    bool fits = is_symmetric(w);
    for (int64_t d = 0; d < w->n; d++) fits = fits && 2 * w->before[d] <= w->kernel[d];
    return fits;
}

/* Ours counts the places within a plane, ONNX within the whole tensor. */
static tsr_tensor *places_in_tensor(tsr_tensor *places, const tsr_tensor *x)
{
    tsr_shape shape = tsr_shape_of(x);
    int64_t planes = shape.v[0] * shape.v[1];
    for (int32_t d = 2; d < shape.n; d++) shape.v[d] = 1;
    tsr_tensor *starts = CALL("mul", TENSOR(CALL("arange", INT(planes))), INT(tsr_numel(x) / planes));
    return CALL("add", TENSOR(places), TENSOR(reshaped(starts, shape.v, shape.n)));
}

static void max_pool(onnx_step *s)
{
    window w;
    int_values kernel, stride, padding, dilation;
    bool places = wants_output(s, 1), ours;
    if (!is_real(s->in[0])) {
        decline(s, "MaxPool of integers");
        return;
    }
    if (!read_window(s, NULL, &w)) return;
    ours = pool_pads(&w);
    if (places && (!ours || w.n > 2)) {
        decline(s, "MaxPool's places with uneven padding or in 3 dimensions");
        return;
    }
    if (places && onnx_int(s->node, "storage_order", 0)) {
        decline(s, "MaxPool's places in column-major order");
        return;
    }
    tsr_tensor *x = ours ? s->in[0] : padded(s->in[0], &w, -INFINITY);
    CALL_MANY(s->out, form_of("max_pool", w.n, places ? ".return_indices" : "").text, TENSOR(x),
              int_list(&kernel, w.kernel, w.n), int_list(&stride, w.stride, w.n), int_list(&padding, w.before, w.n),
              int_list(&dilation, w.dilation, w.n), BOOL(onnx_int(s->node, "ceil_mode", 0)));
    if (places && s->out[1]) s->out[1] = places_in_tensor(s->out[1], s->in[0]);
}

static tsr_tensor *averaged(const onnx_step *s, tsr_tensor *x, const window *w, bool count_padding)
{
    int_values kernel, stride, padding;
    return CALL(form_of("nn.functional.avg_pool", w->n, "").text, TENSOR(x), int_list(&kernel, w->kernel, w->n),
                int_list(&stride, w->stride, w->n), int_list(&padding, w->before, w->n),
                BOOL(onnx_int(s->node, "ceil_mode", 0)), BOOL(count_padding));
}

/* Where our padding does not do: the average of the padded input, divided by the part of the window that is not padding. */
static void average_pool(onnx_step *s)
{
    window w, same;
    bool count_padding = onnx_int(s->node, "count_include_pad", 0);
    if (!read_window(s, NULL, &w)) return;
    same = w;
    if (pool_pads(&w)) {
        s->out[0] = averaged(s, s->in[0], &w, count_padding);
        return;
    }
    tsr_tensor *mean = averaged(s, padded(s->in[0], &w, 0), &w, true);
    tsr_tensor *ones = CALL("ones_like", TENSOR(s->in[0]));
    s->out[0] = count_padding ? mean
                              : CALL("div", TENSOR(mean), TENSOR(averaged(s, padded(ones, &same, 0), &same, true)));
}

/* Over all but the first two dimensions. */
static void global_pool(onnx_step *s)
{
    int64_t dims[TSR_MAX_DIMS], n = tsr_ndim(s->in[0]) - 2;
    int_values store;
    for (int64_t d = 0; d < n; d++) dims[d] = d + 2;
    if (n == 2 && !strcmp(s->ours, "mean"))
        s->out[0] = CALL("nn.functional.adaptive_avg_pool2d", TENSOR(s->in[0]), INT(1));
    else s->out[0] = CALL(s->ours, TENSOR(s->in[0]), int_list(&store, dims, n), BOOL(true));
}

/* ---- normalisation ------------------------------------------------------------------------------------------------- */

/* ONNX's momentum is the part of the old statistics that stays; ours that of the new ones that comes in. */
static void batch_norm(onnx_step *s)
{
    bool training = s->opset >= 14  ? onnx_int(s->node, "training_mode", 0)
                    : s->opset >= 7 ? wants_output(s, 1)
                                    : !onnx_int(s->node, "is_test", 0);
    double eps = onnx_float(s->node, "epsilon", 1e-5), momentum = onnx_float(s->node, "momentum", 0.9);
    if (!onnx_int(s->node, "spatial", 1)) {
        decline(s, "BatchNormalization of each place by itself");
        return;
    }
    if (training && s->opset < 14) {
        decline(s, "BatchNormalization's training before version 14");
        return;
    }
    s->out[1] = CALL("clone", TENSOR(s->in[3]));
    s->out[2] = CALL("clone", TENSOR(s->in[4]));
    s->out[0] = CALL("nn.functional.batch_norm", TENSOR(s->in[0]), TENSOR(s->out[1]), TENSOR(s->out[2]),
                     TENSOR(s->in[1]), TENSOR(s->in[2]), BOOL(training), FLOAT(1 - momentum), FLOAT(eps));
}

static void instance_norm(onnx_step *s)
{
    s->out[0] = CALL("nn.functional.instance_norm", TENSOR(s->in[0]), KEY("weight", TENSOR(s->in[1])),
                     KEY("bias", TENSOR(s->in[2])), KEY("eps", FLOAT(onnx_float(s->node, "epsilon", 1e-5))));
}

/* The mean and the inverse of the deviation, which ONNX gives too, by our reductions. */
static void layer_norm(onnx_step *s)
{
    int64_t axis = axis_attribute(s, -1), dims[TSR_MAX_DIMS];
    tsr_shape shape = tsr_shape_of(s->in[0]);
    double eps = onnx_float(s->node, "epsilon", 1e-5);
    int_values store;
    s->out[0] = CALL("nn.functional.layer_norm", TENSOR(s->in[0]), int_list(&store, shape.v + axis, shape.n - axis),
                     TENSOR(s->in[1]), TENSOR_OR_NONE(s->in[2]), FLOAT(eps));
    for (int64_t d = axis; d < shape.n; d++) dims[d - axis] = d;
    tsr_arg over = int_list(&store, dims, shape.n - axis);
    tsr_tensor *variance = CALL("var", TENSOR(s->in[0]), over, KEY("unbiased", BOOL(false)),
                                KEY("keepdim", BOOL(true)));
    s->out[1] = CALL("mean", TENSOR(s->in[0]), over, BOOL(true));
    s->out[2] = CALL("rsqrt", TENSOR(CALL("add", TENSOR(variance), FLOAT(eps))));
}

/* Of inference, which drops nothing, and of training with the ratio 0. */
static void dropout(onnx_step *s)
{
    bool training = s->in[2] && tsr_item_int(s->in[2]) != 0;
    double ratio = s->in[1] ? tsr_item(s->in[1]) : onnx_float(s->node, "ratio", 0.5);
    if (s->opset < 7 && !onnx_int(s->node, "is_test", 0)) training = true;
    if (training && ratio != 0) {
        decline(s, "random numbers");
        return;
    }
    s->out[0] = CALL("nn.functional.dropout", TENSOR(s->in[0]), FLOAT(ratio), BOOL(training));
    s->out[1] = CALL("ones_like", TENSOR(s->in[0]), KEY("dtype", DTYPE(TSR_BOOL)));
}

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

static void grid_sample(onnx_step *s)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic"}, *const paddings[] = {"zeros", "border",
                                                                                                "reflection"};
    const char *mode = modes[0], *padding = paddings[0];
    for (int i = 0; i < 3; i++) {
        if (onnx_text_is(s->node, "mode", modes[i], false)) mode = modes[i];
        if (onnx_text_is(s->node, "padding_mode", paddings[i], false)) padding = paddings[i];
    }
    s->out[0] = CALL("nn.functional.grid_sample", TENSOR(s->in[0]), TENSOR(s->in[1]), TEXT(mode), TEXT(padding),
                     BOOL(onnx_int(s->node, "align_corners", 0)));
}

/* What is asked of a Resize: sizes, or scales (then `sizes` follow from them). */
typedef struct resizing {
    int64_t n, sizes[TSR_MAX_DIMS]; /* of the dimensions behind the first two */
    double scales[TSR_MAX_DIMS];
    bool by_scale, whole; /* whole: enlarged by whole numbers */
} resizing;

static bool read_resizing(onnx_step *s, resizing *r)
{
    tsr_shape x = tsr_shape_of(s->in[0]);
    tsr_tensor *scales = s->in[s->opset < 10 ? 1 : s->opset == 10 ? 1 : 2];
    int64_t sizes[TSR_MAX_DIMS];
    double factors[TSR_MAX_DIMS];
    *r = (resizing){.n = x.n - 2, .whole = true, .by_scale = scales && tsr_numel(scales) == x.n};
    bool good = r->by_scale ? tsr_to_host(scales, factors, x.n, TSR_F64) == TSR_OK
                            : ints_of(s->in[3], sizes, x.n) == x.n;
    if (!good || r->n < 1) return decline(s, "Resize without scales or sizes"), false;
    for (int32_t d = 0; d < x.n; d++) {
        if (r->by_scale) sizes[d] = (int64_t)floor((double)x.v[d] * factors[d]);
        else factors[d] = (double)sizes[d] / (double)x.v[d];
        if (d < 2 && sizes[d] != x.v[d]) return decline(s, "Resize of batch or channels"), false;
        if (d < 2) continue;
        r->sizes[d - 2] = sizes[d];
        r->scales[d - 2] = factors[d];
        r->whole = r->whole && sizes[d] % x.v[d] == 0;
    }
    return true;
}

static bool coordinates_are(const onnx_step *s, const char *text)
{
    bool otherwise = !strcmp(text, s->opset < 11 ? "asymmetric" : "half_pixel");
    return onnx_text_is(s->node, "coordinate_transformation_mode", text, otherwise);
}

/* Our nearest takes the element at floor(i / scale). ONNX's default, the nearest centre, agrees when enlarging by whole numbers. */
static bool nearest_is_ours(const onnx_step *s, const resizing *r)
{
    bool floored = onnx_text_is(s->node, "nearest_mode", "floor", s->opset < 11);
    bool centre = coordinates_are(s, "half_pixel") && onnx_text_is(s->node, "nearest_mode", "round_prefer_floor", true);
    return (coordinates_are(s, "asymmetric") && (floored || (r->whole && s->opset < 11))) || (r->whole && centre);
}

/* PyTorch's half pixels differ from ONNX's where one element is left. */
static bool smooth_is_ours(const onnx_step *s, const resizing *r)
{
    bool single = false;
    for (int64_t d = 0; d < r->n; d++) single = single || r->sizes[d] == 1;
    return coordinates_are(s, "half_pixel") || coordinates_are(s, "align_corners") ||
           (coordinates_are(s, "pytorch_half_pixel") && !single);
}

static void resize(onnx_step *s)
{
    resizing r;
    static const char *const linear[] = {"linear", "bilinear", "trilinear"};
    if (!read_resizing(s, &r)) return;
    bool nearest = onnx_text_is(s->node, "mode", "nearest", true),
         cubic = onnx_text_is(s->node, "mode", "cubic", false);
    if (nearest && !nearest_is_ours(s, &r)) {
        decline(s, "Resize to the nearest by another rounding than ours");
        return;
    }
    if (!nearest && !smooth_is_ours(s, &r)) {
        decline(s, "Resize with other coordinates than ours");
        return;
    }
    if (cubic && onnx_int(s->node, "exclude_outside", 0)) {
        decline(s, "Resize that leaves out what is outside");
        return;
    }
    if (cubic && fabs(onnx_float(s->node, "cubic_coeff_a", -0.75) + 0.75) > 1e-6) {
        decline(s, "Resize with another cubic");
        return;
    }
    const char *mode = nearest ? "nearest" : cubic ? "bicubic" : r.n <= MAX_SPATIAL ? linear[r.n - 1] : "linear";
    int_values sizes;
    tsr_value scales[TSR_MAX_DIMS];
    for (int64_t d = 0; d < r.n; d++) scales[d] = FLOAT(r.scales[d]).value;
    tsr_arg target = r.by_scale ? KEY("scale_factor", LIST(scales, r.n)) : KEY("size", int_list(&sizes, r.sizes, r.n));
    if (nearest) s->out[0] = CALL("nn.functional.interpolate", TENSOR(s->in[0]), target, KEY("mode", TEXT(mode)));
    else
        s->out[0] = CALL("nn.functional.interpolate", TENSOR(s->in[0]), target, KEY("mode", TEXT(mode)),
                         KEY("align_corners", BOOL(coordinates_are(s, "align_corners"))));
}

/* ---- losses -------------------------------------------------------------------------------------------------------- */

static void loss(onnx_step *s)
{
    const char *reduction = onnx_text_is(s->node, "reduction", "none", false)  ? "none"
                            : onnx_text_is(s->node, "reduction", "sum", false) ? "sum"
                                                                               : "mean";
    s->out[0] = CALL(s->ours, TENSOR(s->in[0]), TENSOR(s->in[1]), TENSOR_OR_NONE(s->in[2]),
                     INT(onnx_int(s->node, "ignore_index", -100)), TEXT(reduction));
    if (wants_output(s, 1)) s->out[1] = CALL("log_softmax", TENSOR(s->in[0]), INT(1));
}

const onnx_rule onnx_layer_rules[] = {
    {"MatMul", NULL, matrix_product},
    {"Gemm", NULL, gemm},
    {"Einsum", NULL, einsum},
    {"Det", NULL, determinant},
    {"Conv", NULL, convolution},
    {"ConvTranspose", NULL, transposed_convolution},
    {"MaxPool", NULL, max_pool},
    {"AveragePool", NULL, average_pool},
    {"GlobalAveragePool", "mean", global_pool},
    {"GlobalMaxPool", "amax", global_pool},
    {"BatchNormalization", NULL, batch_norm},
    {"InstanceNormalization", NULL, instance_norm},
    {"LayerNormalization", NULL, layer_norm},
    {"Dropout", NULL, dropout},
    {"GridSample", NULL, grid_sample},
    {"Resize", NULL, resize},
    {"Upsample", NULL, resize},
    {"NegativeLogLikelihoodLoss", "nn.functional.nll_loss", loss},
    {"SoftmaxCrossEntropyLoss", "nn.functional.cross_entropy", loss},
    {NULL, NULL, NULL},
};
