/* handle.c: birth and death of tensors, and what can be asked of one.

   Every tensor is made by tensor_wrap, which enrols it in the thread's innermost scope. Releasing one may release its
   base and its part of the graph; the graph takes care not to recurse (autograd/graph.c). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"
#include "tensor/scope.h"
#include "tensor/tensor_impl.h"
#include "tessera/memory.h"

void (*tsr_autograd_release)(struct tsr_autograd *ag);
const char *(*tsr_autograd_name)(tsr_tensor *t);

static void tensor_free(tsr_tensor *t)
{
    if (t->autograd) __atomic_load_n(&tsr_autograd_release, __ATOMIC_RELAXED)(t->autograd);
    if (t->base) tsr_release(t->base); /* a base is never a view: one level */
    storage_release(t->storage);
    tsr_free(t);
    tsr_count_tensors(-1);
}

tsr_tensor *tsr_keep(tsr_tensor *t)
{
    if (t) refs_add(&t->refs);
    return t;
}

void tsr_release(tsr_tensor *t)
{
    if (t && refs_drop(&t->refs)) tensor_free(t);
}

static __attribute__((noinline, cold)) bool fail_impossible(tsr_dtype dtype, int ndim, const int64_t *shape)
{
    tsr_shape s = {.n = ndim >= 0 && ndim <= TSR_MAX_DIMS ? ndim : 0};
    memcpy(s.v, shape, (size_t)s.n * sizeof *shape);
    tsr_fail(TSR_EINVAL,
             "cannot make a tensor of dtype %s and shape %s (%d dimensions; at most %d, sizes from 0, no overflow)",
             tsr_dtype_name(dtype), shape_text(&s), ndim, TSR_MAX_DIMS);
    return false;
}

/* An error unless a tensor can have this dtype and shape. */
static bool possible(tsr_dtype dtype, int ndim, const int64_t *shape)
{
    bool few = ndim >= 0 && ndim <= TSR_MAX_DIMS;
    if (few && shape_numel(ndim, shape) >= 0 && tsr_dtype_size(dtype) > 0) return true;
    return fail_impossible(dtype, ndim, shape);
}

/* A handle of a possible dtype and shape; takes over the reference of s, also on failure. */
static tsr_tensor *give_birth(tsr_storage *s, tsr_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                              int64_t offset)
{
    tsr_tensor *t = tsr_alloc(sizeof *t);
    if (!t) {
        storage_release(s);
        return NULL;
    }
    *t = (tsr_tensor){.refs = 1, .dtype = (uint8_t)dtype, .ndim = (int8_t)ndim, .offset = offset, .storage = s};
    for (int d = 0; d < ndim; d++) t->shape[d] = shape[d], t->stride[d] = stride[d];
    tsr_count_tensors(1);
    if (scope_enrol(t)) return t;
    tensor_free(t);
    return NULL;
}

tsr_tensor *tensor_wrap(tsr_storage *s, tsr_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                        int64_t offset)
{
    return possible(dtype, ndim, shape) ? give_birth(storage_retain(s), dtype, ndim, shape, stride, offset) : NULL;
}

tsr_tensor *tensor_empty_strided(tsr_dtype dtype, int ndim, const int64_t *shape, const int64_t *stride,
                                 tsr_device device)
{
    if (!possible(dtype, ndim, shape)) return NULL;
    int64_t n = shape_extent(ndim, shape, stride);
    tsr_storage *s = storage_new(n < 0 ? INT64_MAX : shape_mul(n, (int64_t)tsr_dtype_size(dtype)), device);
    return s ? give_birth(s, dtype, ndim, shape, stride, 0) : NULL;
}

tsr_tensor *tensor_empty(tsr_dtype dtype, int ndim, const int64_t *shape, tsr_device device)
{
    int64_t stride[TSR_MAX_DIMS] = {0};
    if (ndim >= 0 && ndim <= TSR_MAX_DIMS) shape_contiguous_strides(ndim, shape, stride);
    return tensor_empty_strided(dtype, ndim, shape, stride, device);
}

tsr_tensor *tensor_empty_like(const tsr_tensor *t, tsr_dtype dtype)
{
    tsr_device device = (tsr_device)t->storage->device;
    if (shape_is_dense(t->ndim, t->shape, t->stride) && tensor_numel(t) > 0)
        return tensor_empty_strided(dtype, t->ndim, t->shape, t->stride, device);
    return tensor_empty(dtype, t->ndim, t->shape, device);
}

tsr_tensor *tensor_view(tsr_tensor *t, int ndim, const int64_t *shape, const int64_t *stride, int64_t offset)
{
    tsr_tensor *v = tensor_wrap(t->storage, (tsr_dtype)t->dtype, ndim, shape, stride, offset);
    if (!v) return NULL;
    v->base = tsr_keep(t->base ? t->base : t);
    v->view_version = v->storage->version;
    return v;
}

tsr_tensor *tensor_alias(const tsr_tensor *t)
{
    return tensor_wrap(t->storage, (tsr_dtype)t->dtype, t->ndim, t->shape, t->stride, t->offset);
}

/* ---- from the caller's data --------------------------------------------------------------------------------- */

static bool has_data(const char *function, const void *data, const tsr_shape *shape)
{
    if (data || shape_numel(shape->n, shape->v) == 0) return true;
    tsr_fail(TSR_EINVAL, "%s: data is NULL, for a tensor of shape %s", function, shape_text(shape));
    return false;
}

tsr_tensor *tsr_from_data(const void *data, tsr_shape shape, tsr_dtype dtype)
{
    if (!possible(dtype, shape.n, shape.v) || !has_data("from_data", data, &shape)) return NULL;
    tsr_tensor *t = tensor_empty(dtype, shape.n, shape.v, TSR_CPU);
    if (t && t->storage->bytes > 0) memcpy(t->storage->data, data, (size_t)t->storage->bytes);
    return t;
}

tsr_tensor *tsr_from_blob(void *data, tsr_shape shape, tsr_dtype dtype, void (*done)(void *user), void *user)
{
    int64_t stride[TSR_MAX_DIMS];
    if (!possible(dtype, shape.n, shape.v) || !has_data("from_blob", data, &shape)) return NULL;
    int64_t numel = shape_numel(shape.n, shape.v);
    tsr_storage *s = tsr_alloc_zeroed(1, sizeof *s);
    if (!s) return NULL;
    *s = (tsr_storage){.refs = 1,
                       .device = TSR_CPU,
                       .bytes = numel * (int64_t)tsr_dtype_size(dtype),
                       .data = data,
                       .borrowed = true,
                       .inference = storage_inference_mode()};
    shape_contiguous_strides(shape.n, shape.v, stride);
    tsr_tensor *t = tensor_wrap(s, dtype, shape.n, shape.v, stride, 0);
    if (t) s->done = done, s->user = user; /* on failure the memory stays the caller's */
    storage_release(s);
    return t;
}

static tsr_tensor *number_tensor(const void *value, tsr_dtype dtype)
{
    tsr_tensor *t = tsr_from_data(value, TSR_SCALAR_SHAPE, dtype);
    if (t) t->wrapped_number = true;
    return t;
}

tsr_tensor *tsr_scalar(double value) { return number_tensor(&value, TSR_F64); }
tsr_tensor *tsr_scalar_int(int64_t value) { return number_tensor(&value, TSR_I64); }

/* ---- properties ----------------------------------------------------------------------------------------------- */

tsr_dtype tsr_dtype_of(const tsr_tensor *t) { return t ? (tsr_dtype)t->dtype : TSR_DTYPE_DEFAULT; }
int tsr_ndim(const tsr_tensor *t) { return t ? t->ndim : 0; }
int64_t tsr_storage_offset(const tsr_tensor *t) { return t ? t->offset : 0; }
int64_t tsr_numel(const tsr_tensor *t) { return t ? tensor_numel(t) : 0; }
bool tsr_is_contiguous(const tsr_tensor *t) { return t && shape_is_contiguous(t->ndim, t->shape, t->stride); }
bool tsr_is_channels_last(const tsr_tensor *t) { return t && shape_is_channels_last(t->ndim, t->shape, t->stride); }
bool tsr_shares_storage(const tsr_tensor *a, const tsr_tensor *b) { return a && b && a->storage == b->storage; }
tsr_tensor *tsr_base(const tsr_tensor *t) { return t ? t->base : NULL; }

int64_t tsr_version(const tsr_tensor *t)
{
    if (!t || !t->storage->inference) return t ? t->storage->version : 0;
    tsr_fail(TSR_ESTATE, "version: Inference tensors do not track version counter.");
    return -1;
}

static tsr_shape copy_dims(int n, const int64_t *v)
{
    tsr_shape s = {.n = n};
    memcpy(s.v, v, (size_t)n * sizeof *v);
    return s;
}

tsr_shape tsr_shape_of(const tsr_tensor *t) { return t ? copy_dims(t->ndim, t->shape) : TSR_SCALAR_SHAPE; }
tsr_shape tsr_strides_of(const tsr_tensor *t) { return t ? copy_dims(t->ndim, t->stride) : TSR_SCALAR_SHAPE; }

int64_t tsr_size(const tsr_tensor *t, int dim)
{
    if (!t || dim < -t->ndim || dim >= t->ndim) {
        tsr_fail(TSR_EINVAL, "size: dimension %d of a tensor with %d dimensions", dim, tsr_ndim(t));
        return -1;
    }
    return t->shape[dim < 0 ? dim + t->ndim : dim];
}

/* ---- elements --------------------------------------------------------------------------------------------------- */

const void *tsr_const_data(const tsr_tensor *t)
{
    if (!t || t->storage->device != TSR_CPU) {
        tsr_fail(TSR_EINVAL, "data: %s", t ? "the host cannot read this device's memory" : "the tensor is NULL");
        return NULL;
    }
    return (const char *)t->storage->data + t->offset * (int64_t)tsr_dtype_size((tsr_dtype)t->dtype);
}

void *tsr_data(tsr_tensor *t)
{
    union {
        const void *in;
        void *out;
    } p = {tsr_const_data(t)};
    return p.out;
}

void tsr_bump_version(tsr_tensor *t)
{
    if (t) storage_wrote(t->storage);
}
