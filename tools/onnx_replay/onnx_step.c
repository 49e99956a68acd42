/* onnx_step.c: see onnx_step.h. */
#include "onnx_step.h"

#include <stdarg.h>

void decline(onnx_step *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->declined, sizeof s->declined, format, args);
    va_end(args);
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

tsr_arg int_list(int_values *store, const int64_t *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) store->v[i] = (tsr_value){.kind = TSR_VALUE_INT, .i = v[i]};
    return LIST(store->v, n);
}

tsr_arg shape_list(int_values *store, tsr_shape shape) { return int_list(store, shape.v, shape.n); }

tsr_tensor *call_one(const char *name, const tsr_arg *args, int64_t n)
{
    tsr_tensor *outs[ONNX_MAX_VALUES];
    if (tsr_error_message()) return NULL;
    return tsr_call(name, args, n, outs, ONNX_MAX_VALUES) > 0 ? outs[0] : NULL;
}

tsr_tensor *reshaped(tsr_tensor *t, const int64_t *shape, int64_t n)
{
    int_values store;
    return CALL("reshape", TENSOR(t), int_list(&store, shape, n));
}

tsr_tensor *permuted(tsr_tensor *t, const int64_t *dims, int64_t n)
{
    int_values store;
    return CALL("permute", TENSOR(t), int_list(&store, dims, n));
}

tsr_tensor *converted(tsr_tensor *t, tsr_dtype dtype) { return CALL("to", TENSOR(t), DTYPE(dtype)); }

tsr_tensor *flipped(tsr_tensor *t, int64_t dim)
{
    int_values store;
    return CALL("flip", TENSOR(t), int_list(&store, &dim, 1));
}

tsr_tensor *number_like(const tsr_tensor *t, double value)
{
    int_values store;
    return CALL("full", int_list(&store, NULL, 0), FLOAT(value), KEY("dtype", DTYPE(tsr_dtype_of(t))));
}

tsr_tensor *wrapped(tsr_tensor *indices, int64_t n)
{
    tsr_tensor *negative = CALL("lt", TENSOR(indices), INT(0));
    return CALL("where", TENSOR(negative), TENSOR(CALL("add", TENSOR(indices), INT(n))), TENSOR(indices));
}

/* ---- what a node says ---------------------------------------------------------------------------------------------- */

int32_t count_inputs(const onnx_step *s)
{
    int32_t n = 0;
    while (n < s->node->n_inputs && s->in[n]) n++;
    return n;
}

bool wants_output(const onnx_step *s, int32_t i) { return i < s->node->n_outputs && s->node->outputs[i].n; }

int64_t ints_of(const tsr_tensor *t, int64_t *out, int64_t room)
{
    int64_t n = t ? tsr_numel(t) : -1;
    return n >= 0 && n <= room && tsr_to_host(t, out, n, TSR_I64) == TSR_OK ? n : -1;
}

int64_t ints_given(const onnx_step *s, const char *attribute, int32_t input, int64_t *out, int64_t room)
{
    if (onnx_has(s->node, attribute)) return onnx_ints(s->node, attribute, out, room);
    return ints_of(s->in[input], out, room);
}

int64_t axis_of(int64_t axis, int64_t ndim) { return axis < 0 ? axis + ndim : axis; }

int64_t axis_attribute(const onnx_step *s, int64_t otherwise)
{
    int64_t axis = axis_of(onnx_int(s->node, "axis", otherwise), tsr_ndim(s->in[0]));
    return axis < 0 ? 0 : axis < TSR_MAX_DIMS ? axis : TSR_MAX_DIMS - 1;
}

bool is_real(const tsr_tensor *t) { return tsr_dtype_of(t) == TSR_F32 || tsr_dtype_of(t) == TSR_F64; }
