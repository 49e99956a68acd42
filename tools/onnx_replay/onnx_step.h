/* onnx_step.h: one node of a graph on its way through our operators.

   A rule (onnx_rules.h) reads the node's inputs and attributes from a step, calls our operators by their public names, and
   leaves the outputs in it; or declines, with the reason why ONNX and we do not share what the node asks for. An error of
   ours stays pending, as everywhere: it makes the case fail. */
#ifndef ONNX_STEP_H
#define ONNX_STEP_H

#include "onnx_model.h"
#include "tessera/call.h"

typedef struct onnx_step {
    const onnx_node *node;
    int64_t opset;
    const char *ours;                                       /* our operator's name, from the table of rules */
    tsr_tensor *in[ONNX_MAX_VALUES], *out[ONNX_MAX_VALUES]; /* NULL: left out */
    char declined[200];
} onnx_step;

/* Give up: what is asked for is not shared. */
void decline(onnx_step *s, const char *format, ...) TSR_PRINTF(2, 3);

/* ---- arguments of a call by name ----------------------------------------------------------------------------------- */

/* By position, and by keyword with KEY("dim", INT(1)). */
#define TENSOR(t) ((tsr_arg){NULL, {.kind = TSR_VALUE_TENSOR, .tensor = (t)}})
/* None when t is NULL. */
#define TENSOR_OR_NONE(t) ((tsr_arg){NULL, {.kind = (t) ? TSR_VALUE_TENSOR : TSR_VALUE_NONE, .tensor = (t)}})
#define INT(value) ((tsr_arg){NULL, {.kind = TSR_VALUE_INT, .i = (value)}})
#define FLOAT(value) ((tsr_arg){NULL, {.kind = TSR_VALUE_FLOAT, .f = (value)}})
#define BOOL(value) ((tsr_arg){NULL, {.kind = TSR_VALUE_BOOL, .i = (value)}})
#define TEXT(value) ((tsr_arg){NULL, {.kind = TSR_VALUE_STRING, .string = (value)}})
#define DTYPE(value) ((tsr_arg){NULL, {.kind = TSR_VALUE_DTYPE, .dtype = (value)}})
#define LIST(values, count) ((tsr_arg){NULL, {.kind = TSR_VALUE_LIST, .list = {(values), (count)}}})
#define KEY(key, argument) ((tsr_arg){(key), (argument).value})

/* A list of integers; `store` must live until the call. */
typedef struct int_values {
    tsr_value v[ONNX_MAX_VALUES];
} int_values;
tsr_arg int_list(int_values *store, const int64_t *v, int64_t n);
tsr_arg shape_list(int_values *store, tsr_shape shape);

/* The only output of an operator; NULL when an error is pending. */
#define CALL(name, ...)                                                                                                \
    call_one(name, (const tsr_arg[]){__VA_ARGS__}, (int64_t)(sizeof((tsr_arg[]){__VA_ARGS__}) / sizeof(tsr_arg)))
tsr_tensor *call_one(const char *name, const tsr_arg *args, int64_t n);
/* All outputs. */
#define CALL_MANY(outs, name, ...)                                                                                     \
    tsr_call(name, (const tsr_arg[]){__VA_ARGS__}, (int64_t)(sizeof((tsr_arg[]){__VA_ARGS__}) / sizeof(tsr_arg)),      \
             outs, ONNX_MAX_VALUES)

/* ---- what a node says ---------------------------------------------------------------------------------------------- */

int32_t count_inputs(const onnx_step *s); /* those that are not left out, from the front */
bool wants_output(const onnx_step *s, int32_t i);

/* The elements of a tensor of integers. Their number; -1 when t is NULL or has too many. */
int64_t ints_of(const tsr_tensor *t, int64_t *out, int64_t room);
/* Of the attribute, or else of input i: which of both it is depends on the version. -1: neither is given. */
int64_t ints_given(const onnx_step *s, const char *attribute, int32_t input, int64_t *out, int64_t room);
/* The axis as it is counted from the front. */
int64_t axis_of(int64_t axis, int64_t ndim);
/* The attribute `axis` from the front, always an index into a shape; our operators refuse one past the last dimension. */
int64_t axis_attribute(const onnx_step *s, int64_t otherwise);

bool is_real(const tsr_tensor *t); /* f32, f64 */

/* ---- calls that many rules make ------------------------------------------------------------------------------------ */

tsr_tensor *reshaped(tsr_tensor *t, const int64_t *shape, int64_t n);
tsr_tensor *permuted(tsr_tensor *t, const int64_t *dims, int64_t n);
tsr_tensor *converted(tsr_tensor *t, tsr_dtype dtype);
tsr_tensor *flipped(tsr_tensor *t, int64_t dim);
tsr_tensor *number_like(const tsr_tensor *t, double value); /* 0-d, of t's dtype */
/* Indices below 0 count from the end of a dimension of n. */
tsr_tensor *wrapped(tsr_tensor *indices, int64_t n);

#endif
