/* tensor_impl.h: what a tensor is, for the layers of the library; users see an opaque handle (tessera/tensor.h).

   A handle has its own shape, strides and offset over a shared storage. Autograd's part hangs off `autograd`, which this
   layer only knows how to release. A view keeps its root base alive; `base` is never itself a view. */
#ifndef TENSOR_IMPL_H
#define TENSOR_IMPL_H

#include <string.h>

#include "tessera/named.h"
#include "tessera/tensor.h"

/* Counts of references, shared by threads. refs_drop is true for the last one; whoever holds the only one need not tell
   others, since nobody else can take another. */
static inline void refs_add(int32_t *refs) { __atomic_add_fetch(refs, 1, __ATOMIC_RELAXED); }
static inline bool refs_drop(int32_t *refs)
{
    return __atomic_load_n(refs, __ATOMIC_ACQUIRE) == 1 || __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
}

/* Where data lies. The CPU for now; kernels are looked up by it (backend/backend.h). */
typedef enum tsr_device { TSR_CPU = 0, TSR_DEVICE_COUNT } tsr_device;

typedef struct tsr_storage {
    int32_t refs; /* atomic */
    int32_t device;
    int64_t version; /* in-place writes so far, shared by all views and detached aliases */
    int64_t bytes;
    void *data;
    void (*done)(void *user); /* for memory of the caller's; NULL when `data` is ours */
    void *user;
    bool borrowed;  /* data belongs to the caller */
    bool inside;    /* data lies in the storage's own block */
    bool inference; /* made in inference mode: writes are not counted, nothing is saved for backward */
} tsr_storage;

/* How a view may be written to (PyTorch's CreationMeta). */
typedef enum view_kind {
    VIEW_PLAIN = 0,
    VIEW_MULTI_OUTPUT, /* made by chunk, split, unbind: in-place writes are refused under grad mode */
    VIEW_NO_GRAD       /* made under no_grad: in-place writes with grad mode on are refused */
} view_kind;

struct tsr_autograd; /* autograd/graph.h */

struct tsr_tensor {
    int32_t refs; /* atomic */
    uint8_t dtype;
    int8_t ndim;
    bool requires_grad;  /* a leaf's own flag, or true for a recorded result */
    bool wrapped_number; /* came from a plain number: weak in type promotion */
    uint8_t view;        /* view_kind, when base != NULL */
    int64_t offset;      /* elements */
    int64_t shape[TSR_MAX_DIMS], stride[TSR_MAX_DIMS];
    tsr_storage *storage;
    tsr_tensor *base;              /* reference, or NULL */
    int64_t view_version;          /* views: the storage's version when the view, or its present graph node, was made */
    struct tsr_autograd *autograd; /* owned, or NULL: gradient, graph node, hooks */
};

/* autograd installs its destructor here, so that this layer need not know it. */
extern void (*tsr_autograd_release)(struct tsr_autograd *ag);
/* Likewise the name of the node that made t, "" for leaves: printing shows it. */
extern const char *(*tsr_autograd_name)(tsr_tensor *t);

/* ---- storage.c ---- */
tsr_storage *storage_new(int64_t bytes, tsr_device device);
tsr_storage *storage_retain(tsr_storage *s);
void storage_release(tsr_storage *s);
/* Inference mode of this thread: what it makes is marked. Setting returns what it was. */
bool storage_set_inference_mode(bool enabled);
bool storage_inference_mode(void);
/* The elements were written in place. */
static inline void storage_wrote(tsr_storage *s)
{
    if (!s->inference) s->version++;
}

/* ---- handle.c: raw construction; every result is enrolled in the innermost scope unless it says otherwise ---- */

/* A new handle over `s` (takes its own reference), not a view. The one place where tensors are born. */
tsr_tensor *tensor_wrap(tsr_storage *s, tsr_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                        int64_t offset);
/* Fresh dense memory, row-major. */
tsr_tensor *tensor_empty(tsr_dtype dtype, int ndim, const int64_t *shape, tsr_device device);
/* Fresh memory with the strides given, which need not be dense. */
tsr_tensor *tensor_empty_strided(tsr_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                                 tsr_device device);
/* Fresh memory that keeps t's dense layout (channels-last stays so), row-major where t is not dense. */
tsr_tensor *tensor_empty_like(const tsr_tensor *t, tsr_dtype dtype);
/* A view of t's root base with the geometry given. Autograd is not told: op/run.c does that for operators. */
tsr_tensor *tensor_view(tsr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride, int64_t offset);
/* A handle on the same storage that is not a view and has no history: what detach() is made of. */
tsr_tensor *tensor_alias(const tsr_tensor *t);
/* The reference that the scope holds becomes the caller's: after this the scope does not own t (t->refs unchanged).
   For results that go straight into long-lived objects. */
tsr_tensor *tensor_unscope(tsr_tensor *t);

static inline int64_t tensor_numel(const tsr_tensor *t)
{
    int64_t n = 1;
    for (int d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

/* ---- equality of shapes; of two tsr_shape: tsr_shape_equal ---- */

static inline bool tensor_has_shape(const tsr_tensor *t, const tsr_shape *s)
{
    return t->ndim == s->n && memcmp(t->shape, s->v, (size_t)s->n * sizeof *s->v) == 0;
}

static inline bool tensor_same_shape(const tsr_tensor *a, const tsr_tensor *b)
{
    return a->ndim == b->ndim && memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

/* ---- geometry.c: shapes and strides ---- */

/* -1 and an error naming `op` when dim is outside [-ndim, ndim); 0-d tensors are treated as having one dimension. */
int shape_wrap_dim(const char *op, int64_t dim, int ndim);
void shape_contiguous_strides(int ndim, const int64_t *shape, int64_t *stride);
void shape_channels_last_strides(int ndim, const int64_t *shape, int64_t *stride); /* ndim 3, 4 or 5 */
bool shape_is_contiguous(int ndim, const int64_t *shape, const int64_t *stride);
bool shape_is_channels_last(int ndim, const int64_t *shape, const int64_t *stride);
bool shape_is_dense(int ndim, const int64_t *shape, const int64_t *stride); /* some order of dims is row-major */
/* a * b of sizes that are not negative; INT64_MAX, which no tensor can have, on overflow. */
static inline int64_t shape_mul(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* Product of sizes; -1 on overflow or a negative size. */
int64_t shape_numel(int ndim, const int64_t *shape);
/* Elements from the first that the geometry touches to behind the last, 0 when it has none; -1 on overflow. */
int64_t shape_extent(int ndim, const int64_t *shape, const int64_t *stride);
/* The broadcast shape of a and b; false and an error naming `op` and both shapes when there is none. */
bool shape_broadcast(const char *op, const tsr_shape *a, const tsr_shape *b, tsr_shape *out);
/* Strides with which `t` is read as if it had shape `to` (0 where it is expanded). t must broadcast to it. */
void shape_expand_strides(const tsr_tensor *t, const tsr_shape *to, int64_t *stride);
/* Strides for a view of t as `shape` without moving data, as torch.Tensor.view; false when impossible. */
bool shape_view_strides(const tsr_tensor *t, int ndim, const int64_t *shape, int64_t *stride);
/* Replace one -1 in `shape` so that it has `numel` elements; false and an error naming op otherwise. */
bool shape_infer(const char *op, int64_t numel, tsr_shape *shape);

/* "[2, 3]" of a tensor or shape, in one of a few rotating thread-local buffers: for messages. */
const char *tensor_shape_text(const tsr_tensor *t);
const char *shape_text(const tsr_shape *s);

/* ---- overlap.c ---- */
typedef enum overlap { OVERLAP_NO, OVERLAP_YES, OVERLAP_TOO_HARD } overlap;
overlap tensor_internal_overlap(const tsr_tensor *t);
typedef enum pair_overlap { PAIR_NONE, PAIR_FULL, PAIR_PARTIAL, PAIR_TOO_HARD } pair_overlap;
pair_overlap tensor_pair_overlap(const tsr_tensor *a, const tsr_tensor *b);
/* The two errors of tensor-semantics.md; false and the error when refused. */
bool tensor_check_written(const tsr_tensor *written);
bool tensor_check_no_partial_overlap(const tsr_tensor *written, const tsr_tensor *input);

/* Whether a caller's list is there, with a name and a tensor in each entry; otherwise an error that starts with `what`. Also
   what is pending. */
tsr_status named_check(const char *what, const tsr_named *list, int64_t n);

#endif
