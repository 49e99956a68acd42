/* onnx_model.h: the parts of an ONNX model file and of its test data that a replay needs.

   Views into the file's bytes, decoded when asked for: a graph is walked node by node, an attribute is looked up by name. The
   numbers of the messages' fields are those of onnx.proto, and stand in onnx_model.c alone. */
#ifndef ONNX_MODEL_H
#define ONNX_MODEL_H

#include "onnx_wire.h"
#include "tessera/tensor.h"

enum { ONNX_MAX_VALUES = 64, ONNX_STRING = 8, ONNX_BFLOAT16 = 16 };

typedef struct onnx_model {
    wire_bytes graph;
    int64_t opset;
} onnx_model;

typedef struct onnx_node {
    wire_bytes op, domain;
    wire_bytes inputs[ONNX_MAX_VALUES], outputs[ONNX_MAX_VALUES]; /* names; empty: left out */
    int32_t n_inputs, n_outputs;
    wire_bytes message;
} onnx_node;

/* An input or output that the graph declares. */
typedef struct onnx_value {
    wire_bytes name;
    bool is_tensor; /* otherwise a sequence, an optional, a map */
    int64_t type;   /* of a tensor's elements: onnx_dtype */
} onnx_value;

/* False when the bytes are not a model. */
bool onnx_read_model(wire_bytes file, onnx_model *out);

/* Walk a graph: each call takes the next one off the front of `rest`, which starts as the graph. */
bool onnx_next_node(wire_bytes *rest, onnx_node *out);
bool onnx_next_input(wire_bytes *rest, onnx_value *out);
bool onnx_next_output(wire_bytes *rest, onnx_value *out);
/* A constant: its message and name. */
bool onnx_next_initializer(wire_bytes *rest, wire_bytes *message, wire_bytes *name);
int64_t onnx_count_nodes(wire_bytes graph);

/* Attributes of a node, with what is meant when it is left out. */
bool onnx_has(const onnx_node *node, const char *name);
int64_t onnx_int(const onnx_node *node, const char *name, int64_t otherwise);
double onnx_float(const onnx_node *node, const char *name, double otherwise);
/* Is the text attribute this? When it is left out, the answer is `otherwise`. */
bool onnx_text_is(const onnx_node *node, const char *name, const char *text, bool otherwise);
wire_bytes onnx_text(const onnx_node *node, const char *name);
/* The number of integers or floats, -1 when it is left out or there are too many. */
int64_t onnx_ints(const onnx_node *node, const char *name, int64_t *out, int64_t room);
int64_t onnx_floats(const onnx_node *node, const char *name, double *out, int64_t room);
/* A tensor attribute's message. */
bool onnx_tensor_attribute(const onnx_node *node, const char *name, wire_bytes *message);

/* The name of an element type of ONNX's, and ours for it; TSR_DTYPE_DEFAULT when there is none. */
const char *onnx_type_name(int64_t type);
tsr_dtype onnx_dtype(int64_t type);
int64_t onnx_tensor_type(wire_bytes message);

/* A tensor of a TensorProto, in the innermost scope. `declared` is the type that the graph gives it: bf16 travels as uint16.
   NULL and an error when the message is malformed, or holds elements of a type that we do not have. */
tsr_tensor *onnx_tensor(wire_bytes message, int64_t declared);

#endif
