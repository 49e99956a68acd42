/* onnx_model.c: see onnx_model.h. A message's fields are found by their numbers in onnx.proto, given here by name. */
#include "onnx_model.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_GRAPH = 7, MODEL_OPSET = 8, OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_OP = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_S = 4, ATTRIBUTE_T = 5, ATTRIBUTE_FLOATS = 7 };
enum { ATTRIBUTE_INTS = 8, VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_TYPE_ELEMENT = 1 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_FLOATS = 4, TENSOR_INT32S = 5, TENSOR_INT64S = 7, TENSOR_NAME = 8 };
enum { TENSOR_RAW = 9, TENSOR_DOUBLES = 10 };

/* ---- the model and its graph --------------------------------------------------------------------------------------- */

/* The version of ONNX's own operators that the model was written for. */
static int64_t opset_of(wire_bytes model)
{
    wire_field f;
    int64_t version = 0;
    while (wire_next(&model, &f))
        if (f.number == MODEL_OPSET && !wire_bytes_of(f.data, OPSET_DOMAIN).n)
            version = wire_int_of(f.data, OPSET_VERSION);
    return version;
}

bool onnx_read_model(wire_bytes file, onnx_model *out)
{
    *out = (onnx_model){.graph = wire_bytes_of(file, MODEL_GRAPH), .opset = opset_of(file)};
    return wire_sound(file) && out->graph.n && wire_sound(out->graph);
}

/* The next field of this number that holds a message. */
static bool next_message(wire_bytes *rest, uint32_t number, wire_bytes *out)
{
    wire_field f;
    while (wire_next(rest, &f)) {
        if (f.number != number || f.kind != WIRE_BYTES) continue;
        *out = f.data;
        return true;
    }
    return false;
}

static int32_t read_names(wire_bytes node, uint32_t number, wire_bytes *names)
{
    int32_t n = 0;
    while (n < ONNX_MAX_VALUES && next_message(&node, number, &names[n])) n++;
    return n;
}

bool onnx_next_node(wire_bytes *rest, onnx_node *out)
{
    wire_bytes message;
    if (!next_message(rest, GRAPH_NODE, &message)) return false;
    out->message = message;
    out->op = wire_bytes_of(message, NODE_OP);
    out->domain = wire_bytes_of(message, NODE_DOMAIN);
    out->n_inputs = read_names(message, NODE_INPUT, out->inputs);
    out->n_outputs = read_names(message, NODE_OUTPUT, out->outputs);
    return true;
}

static bool next_value(wire_bytes *rest, uint32_t number, onnx_value *out)
{
    wire_bytes message;
    wire_field tensor;
    if (!next_message(rest, number, &message)) return false;
    *out = (onnx_value){.name = wire_bytes_of(message, VALUE_NAME)};
    out->is_tensor = wire_find(wire_bytes_of(message, VALUE_TYPE), TYPE_TENSOR, &tensor);
    if (out->is_tensor) out->type = wire_int_of(tensor.data, TENSOR_TYPE_ELEMENT);
    return true;
}

bool onnx_next_input(wire_bytes *rest, onnx_value *out) { return next_value(rest, GRAPH_INPUT, out); }

bool onnx_next_output(wire_bytes *rest, onnx_value *out) { return next_value(rest, GRAPH_OUTPUT, out); }

bool onnx_next_initializer(wire_bytes *rest, wire_bytes *message, wire_bytes *name)
{
    if (!next_message(rest, GRAPH_INITIALIZER, message)) return false;
    *name = wire_bytes_of(*message, TENSOR_NAME);
    return true;
}

int64_t onnx_count_nodes(wire_bytes graph)
{
    int64_t n = 0;
    wire_bytes node;
    while (next_message(&graph, GRAPH_NODE, &node)) n++;
    return n;
}

/* ---- attributes ---------------------------------------------------------------------------------------------------- */

static bool find_attribute(const onnx_node *node, const char *name, wire_bytes *out)
{
    wire_bytes rest = node->message;
    while (next_message(&rest, NODE_ATTRIBUTE, out))
        if (wire_is(wire_bytes_of(*out, ATTRIBUTE_NAME), name)) return true;
    return false;
}

bool onnx_has(const onnx_node *node, const char *name)
{
    wire_bytes a;
    return find_attribute(node, name, &a);
}

int64_t onnx_int(const onnx_node *node, const char *name, int64_t otherwise)
{
    wire_bytes a;
    return find_attribute(node, name, &a) ? wire_int_of(a, ATTRIBUTE_I) : otherwise;
}

double onnx_float(const onnx_node *node, const char *name, double otherwise)
{
    wire_bytes a;
    wire_field f;
    if (!find_attribute(node, name, &a)) return otherwise;
    return wire_find(a, ATTRIBUTE_F, &f) ? wire_float(&f) : 0;
}

wire_bytes onnx_text(const onnx_node *node, const char *name)
{
    wire_bytes a;
    return find_attribute(node, name, &a) ? wire_bytes_of(a, ATTRIBUTE_S) : (wire_bytes){NULL, 0};
}

bool onnx_text_is(const onnx_node *node, const char *name, const char *text, bool otherwise)
{
    return onnx_has(node, name) ? wire_is(onnx_text(node, name), text) : otherwise;
}

int64_t onnx_ints(const onnx_node *node, const char *name, int64_t *out, int64_t room)
{
    wire_bytes a;
    return find_attribute(node, name, &a) ? wire_ints(a, ATTRIBUTE_INTS, out, room) : -1;
}

int64_t onnx_floats(const onnx_node *node, const char *name, double *out, int64_t room)
{
    wire_bytes a;
    return find_attribute(node, name, &a) ? wire_floats(a, ATTRIBUTE_FLOATS, WIRE_FOUR, out, room) : -1;
}

bool onnx_tensor_attribute(const onnx_node *node, const char *name, wire_bytes *message)
{
    wire_bytes a;
    if (!find_attribute(node, name, &a)) return false;
    *message = wire_bytes_of(a, ATTRIBUTE_T);
    return message->n > 0;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

/* By TensorProto.DataType. */
static const struct {
    const char *name;
    tsr_dtype dtype;
} types[] = {
    {"undefined", TSR_DTYPE_DEFAULT},
    {"float32", TSR_F32},
    {"uint8", TSR_U8},
    {"int8", TSR_DTYPE_DEFAULT},
    {"uint16", TSR_DTYPE_DEFAULT},
    {"int16", TSR_DTYPE_DEFAULT},
    {"int32", TSR_I32},
    {"int64", TSR_I64},
    {"string", TSR_DTYPE_DEFAULT},
    {"bool", TSR_BOOL},
    {"float16", TSR_F16},
    {"float64", TSR_F64},
    {"uint32", TSR_DTYPE_DEFAULT},
    {"uint64", TSR_DTYPE_DEFAULT},
    {"complex64", TSR_DTYPE_DEFAULT},
    {"complex128", TSR_DTYPE_DEFAULT},
    {"bfloat16", TSR_BF16},
};
enum { N_TYPES = sizeof types / sizeof *types };

const char *onnx_type_name(int64_t type) { return type >= 0 && type < N_TYPES ? types[type].name : "unknown"; }

tsr_dtype onnx_dtype(int64_t type) { return type >= 0 && type < N_TYPES ? types[type].dtype : TSR_DTYPE_DEFAULT; }

int64_t onnx_tensor_type(wire_bytes message) { return wire_int_of(message, TENSOR_TYPE); }

static tsr_tensor *malformed(const char *why)
{
    tsr_fail(TSR_EFORMAT, "a tensor of the test data is malformed: %s", why);
    return NULL;
}

static tsr_tensor *from_raw(wire_bytes raw, tsr_shape shape, int64_t n, tsr_dtype dtype)
{
    if (raw.n != (size_t)n * tsr_dtype_size(dtype)) return malformed("its bytes are not as many as its shape says");
    return tsr_from_data(raw.p ? raw.p : (const uint8_t *)"", shape, dtype);
}

static tsr_tensor *not_as_many(void) { return malformed("its elements are not as many as its shape says"); }

/* n integers into the bytes of `dtype`, lowest first (f16 and bf16 travel as the bits of int32s). */
static void pack_ints(const int64_t *v, int64_t n, size_t width, uint8_t *bytes)
{
    for (int64_t i = 0; i < n; i++)
        for (size_t b = 0; b < width; b++) bytes[(size_t)i * width + b] = (uint8_t)((uint64_t)v[i] >> (8 * b));
}

/* From the typed field that ONNX gives to integers, to bool and to half precision. */
static tsr_tensor *from_ints(wire_bytes message, tsr_shape shape, int64_t n, tsr_dtype dtype)
{
    int64_t *v = malloc((size_t)n * sizeof *v + 1);
    uint8_t *bytes = malloc((size_t)n * tsr_dtype_size(dtype) + 1);
    tsr_tensor *t = NULL;
    if (!v || !bytes) malformed("there is no memory for it");
    else if (wire_ints(message, dtype == TSR_I64 ? TENSOR_INT64S : TENSOR_INT32S, v, n) != n) not_as_many();
    else {
        pack_ints(v, n, tsr_dtype_size(dtype), bytes);
        t = tsr_from_data(bytes, shape, dtype);
    }
    free(v);
    free(bytes);
    return t;
}

/* From the typed field of f32 or f64. */
static tsr_tensor *from_floats(wire_bytes message, tsr_shape shape, int64_t n, tsr_dtype dtype)
{
    bool wide = dtype == TSR_F64;
    double *v = malloc((size_t)n * sizeof *v + 1);
    float *narrow = malloc((size_t)n * sizeof *narrow + 1);
    tsr_tensor *t = NULL;
    if (!v || !narrow) malformed("there is no memory for it");
    else if (wire_floats(message, wide ? TENSOR_DOUBLES : TENSOR_FLOATS, wide ? WIRE_EIGHT : WIRE_FOUR, v, n) != n)
        not_as_many();
    else {
        for (int64_t i = 0; i < n; i++) narrow[i] = (float)v[i];
        t = tsr_from_data(wide ? (const void *)v : narrow, shape, dtype);
    }
    free(v);
    free(narrow);
    return t;
}

/* The shape, and the number of elements; false when there are too many of either. */
static bool read_shape(wire_bytes message, tsr_shape *shape, int64_t *n)
{
    const int64_t most = 1 << 28;
    *shape = (tsr_shape){0};
    *n = 1;
    int64_t dims = wire_ints(message, TENSOR_DIMS, shape->v, TSR_MAX_DIMS);
    if (dims < 0) return false;
    shape->n = (int32_t)dims;
    for (int32_t d = 0; d < shape->n; d++) {
        if (shape->v[d] < 0 || shape->v[d] > most) return false;
        *n *= shape->v[d];
        if (*n > most) return false;
    }
    return true;
}

tsr_tensor *onnx_tensor(wire_bytes message, int64_t declared)
{
    tsr_shape shape;
    int64_t n, type = onnx_tensor_type(message);
    if (!wire_sound(message)) return malformed("it is cut short");
    tsr_dtype dtype = declared == ONNX_BFLOAT16 ? TSR_BF16 : onnx_dtype(type);
    if (dtype == TSR_DTYPE_DEFAULT) return malformed("we have no such type of elements");
    if (!read_shape(message, &shape, &n)) return malformed("its shape");
    wire_field raw;
    bool has_raw = wire_find(message, TENSOR_RAW, &raw);
    if (has_raw || !n) return from_raw(has_raw ? raw.data : (wire_bytes){NULL, 0}, shape, n, dtype);
    bool real = dtype == TSR_F32 || dtype == TSR_F64;
    return real ? from_floats(message, shape, n, dtype) : from_ints(message, shape, n, dtype);
}
