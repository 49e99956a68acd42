/* op.h: what an operator is, and what its code may call.

   Each operator has one entry in a table (FAMILY.def) beside its code (FAMILY.c); docs/operators.md has the grammar.
   From the table tools/genops makes the public header (tessera/ops.h), prototypes for the code (op_gen.h) and the
   registry. A public function fills an argument struct and calls op_run, which does what is common to all operators:
   refuse NULL, apply defaults, decide whether to record, keep grad mode off inside, mark views, check and count
   in-place writes, attach the graph node. What is left for the family's code is:

       tsr_tensor *op_NAME(op_ctx *c, const tsr_NAME_args *a);          check, allocate, call the kernel
       void op_NAME_grad(op_ctx *c, const tsr_NAME_args *a, tsr_tensor *const *grad, tsr_tensor **grad_in);

   Operators with several outputs get `tsr_tensor **out` and return bool; those that return a list get
   `tsr_tensor **out, int64_t room` and return the count, or -1.

   In op_NAME_grad, a->X is the saved tensor for each X named under `saves`, and NULL for other tensors; numbers, shapes
   and texts are as they were. Leave grad_in[i] NULL for no gradient; gradients of a broadcast input are summed back to its
   shape and cast to its dtype by the engine. Everything is written with operators, so that it can be recorded. */
#ifndef OP_H
#define OP_H

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/call.h"
#include "tessera/ops.h"

typedef struct op_ctx op_ctx;
typedef struct op_info op_info;
struct tsr_node;

typedef enum op_param_kind {
    OP_TENSOR,   /* tsr_tensor *; NULL only when optional */
    OP_TENSORS,  /* tsr_tensors */
    OP_INT,      /* int64_t; when has_default and the default is not 0: 0 = default, TSR_ZERO_INT = zero */
    OP_FLOAT,    /* double; likewise, TSR_ZERO = zero */
    OP_BOOL,     /* bool, default false */
    OP_FLAG,     /* tsr_flag: default true, or bool? */
    OP_NUMBER,   /* tsr_number: Scalar, Scalar?, int?, float? */
    OP_SHAPE,    /* tsr_shape: int[], int[]? */
    OP_INTS,     /* int64_t[count]: int[K] */
    OP_FLOATS,   /* tsr_floats: float[]? */
    OP_STRING,   /* const char *; NULL = default */
    OP_DTYPE,    /* tsr_dtype; 0 = default */
    OP_GENERATOR /* tsr_generator *; NULL = the thread's */
} op_param_kind;

typedef struct op_param {
    const char *name;
    const char *type;   /* as the schema writes it: "int[2]" */
    const char *c_type; /* of the field: "int64_t[2]" */
    op_param_kind kind;
    size_t offset; /* of the field in the argument struct */
    int count;     /* OP_INTS */
    bool optional; /* type ends in '?', or OP_TENSORS with entries that may be NULL */
    bool has_default;
    bool is_int; /* OP_NUMBER written int?: floats are refused */
    double default_number;
    const char *const *values; /* OP_STRING: the words it takes, up to NULL; NULL: any */
    const char *default_text;  /* OP_STRING, and the text of any default for documentation; NULL when required */
    bool keyword_only;         /* stands after a `*` */
    bool saved;                /* kept for the derivative ... */
    int saved_if;              /* ... if tensor parameter number saved_if (in params) needs a gradient; -1 = always */
} op_param;

typedef enum op_grad_kind {
    OP_DIFF,      /* op_NAME_grad is its derivative */
    OP_COMPOSITE, /* made of recorded operators */
    OP_NONDIFF    /* results never require a gradient */
} op_grad_kind;

struct op_info {
    const char *name;         /* "conv2d", "max.dim", "relu_" */
    const char *const *names; /* public dotted names, NULL-terminated */
    const char *group;        /* the .def file's name: "conv" */
    const char *schema;       /* "conv2d(Tensor input, ...) -> Tensor" */
    const char *doc;
    const char *dtypes;         /* words: f32 f64 i64 i32 u8 bool, or float, number, all */
    const char *const *samples; /* argument texts, NULL-terminated; docs/operators.md */
    const char *inplace_name;   /* exact name of the form that writes its first parameter; NULL when there is none */
    const char *c_name;         /* "tsr_conv2d" */
    const char *prototype;      /* in C, of the function */
    const char *example;        /* statements in C */
    const op_param *params;
    int param_count;
    size_t args_size;
    int outputs; /* -1: a list */
    const char *const *output_names;
    op_grad_kind grad;
    bool inplace;      /* the first parameter is written */
    bool view;         /* results share the first parameter's storage */
    bool saves_result; /* outputs are kept for the derivative: op_result */
    bool internal;     /* not a public name: gradients of operators */
    int64_t (*forward)(op_ctx *c, const void *args, tsr_tensor **out, int64_t room); /* the count, -1 on error */
    void (*backward)(op_ctx *c, const void *args, tsr_tensor *const *grad, tsr_tensor **grad_in);
};

/* The registry, by name. Overloads of one public name lie in `next` order. */
extern const op_info *const op_registry[];
extern const int64_t op_registry_count;

/* Run an operator: args is its argument struct. The count of outputs, or -1. */
int64_t op_run(const op_info *info, const void *args, tsr_tensor **out, int64_t room);

/* ---- for forward code ---------------------------------------------------------------------------------------- */

struct op_ctx {
    const op_info *info;
    struct tsr_node *node; /* NULL when nothing is recorded */
    tsr_tensor *dest;      /* in-place: where the result goes; NULL otherwise */
};

/* Report an error that starts with the operator's name; always returns NULL. */
tsr_tensor *op_fail(const op_ctx *c, const char *format, ...) TSR_PRINTF(2, 3);

/* Where the result goes: fresh dense memory, or the in-place destination, whose shape must be this one and to whose
   dtype the result must cast (then a temporary is given, and op_run copies it over). `like` (may be NULL) lends its
   dense layout when its shape is the same, so that channels-last stays channels-last. */
tsr_tensor *op_output(op_ctx *c, tsr_dtype dtype, tsr_shape shape, const tsr_tensor *like);
/* The same, holding t's values: for operators that change part of their input. */
tsr_tensor *op_output_copy(op_ctx *c, tsr_tensor *t);

/* Keep an intermediate result for the derivative (op_saved gives it back, in order). Nothing when not recording. */
void op_save(op_ctx *c, tsr_tensor *t);
/* True when recording and the i-th tensor input (lists count each entry) needs a gradient. Also in op_NAME_grad. */
bool op_needs(const op_ctx *c, int i);
bool op_recording(const op_ctx *c);

/* Not recorded, kernels only: for use inside forward code. */
tsr_tensor *op_cast(tsr_tensor *t, tsr_dtype dtype);            /* t itself when it has the dtype already */
tsr_tensor *op_as_contiguous(tsr_tensor *t);                    /* t itself when contiguous */
tsr_tensor *op_as_expanded(tsr_tensor *t, const tsr_shape *to); /* a stride-0 view; t must broadcast to it */
bool op_copy(tsr_tensor *dst, const tsr_tensor *src);           /* kernel copy: dst = src, same shape, any dtype */
bool op_fill_with(tsr_tensor *dst, double value);

static inline const backend *op_backend(const tsr_tensor *t) { return backend_of((tsr_device)t->storage->device); }

/* torch.result_type of n operands: 0-d tensors and, below them, plain numbers are weaker within a kind. */
tsr_dtype op_result_type_of(const tsr_tensor *const *operands, int n);
static inline tsr_dtype op_result_type(const tsr_tensor *a, const tsr_tensor *b)
{
    bool plain = a->dtype == b->dtype && !a->wrapped_number && !b->wrapped_number;
    return plain ? (tsr_dtype)a->dtype : op_result_type_of((const tsr_tensor *[]){a, b}, 2);
}
static inline bool op_is_float(const tsr_tensor *t) { return t->dtype == TSR_F32 || t->dtype == TSR_F64; }
/* f32 for integers and bool (PyTorch's default dtype), the dtype itself for floats. */
static inline tsr_dtype op_float_type(tsr_dtype d) { return tsr_dtype_is_floating(d) ? d : TSR_F32; }
tsr_shape op_shape(const tsr_tensor *t);

/* Numbers given as arguments. */
static inline bool op_has(tsr_number n) { return n.kind != TSR_NUMBER_NONE; }
static inline double op_f64(tsr_number n) { return n.kind == TSR_NUMBER_FLOAT ? n.f : (double)n.i; }
static inline int64_t op_i64(tsr_number n) { return n.kind == TSR_NUMBER_FLOAT ? tsr_i64_of_f64(n.f) : n.i; }
static inline bool op_flag(tsr_flag f) { return f == TSR_YES; }
/* A number as the weak 0-d tensor of the same kind. */
tsr_tensor *op_number_tensor(tsr_number n);

/* Dimensions given as arguments: wraps, refuses out-of-range and repeated ones. */
bool op_wrap_dim(const op_ctx *c, int64_t dim, int ndim, int *out);
/* The same without a check, for what was checked before: a dimension or an index of `range`, counted from the front. */
static inline int64_t op_wrapped(int64_t at, int64_t range) { return at < 0 ? at + range : at; }
bool op_dim_mask(const op_ctx *c, const tsr_shape *dims, int ndim, uint32_t *mask);

/* ---- for op_NAME_grad ---------------------------------------------------------------------------------------- */

tsr_tensor *op_saved(op_ctx *c, int i);  /* what op_save kept; checks the version */
tsr_tensor *op_result(op_ctx *c, int i); /* output i, for operators that say `saves result` */
/* What tensor input i (lists count each entry) or output i looked like when the operator ran. */
typedef struct op_meta {
    tsr_dtype dtype;
    tsr_device device;
    tsr_shape shape, stride;
    int64_t offset;
} op_meta;
op_meta op_input_meta(const op_ctx *c, int i);
op_meta op_output_meta(const op_ctx *c, int i);
int op_input_count(const op_ctx *c);
/* grad[i], or zeros of output i's shape when it is NULL. */
tsr_tensor *op_grad_or_zeros(op_ctx *c, tsr_tensor *const *grad, int i);

/* Sum t over the dimensions that broadcasting to t's shape added (recorded). */
tsr_tensor *op_sum_to(tsr_tensor *t, const tsr_shape *shape);

#endif
