/* host.c: reading elements. Kernels are not known here, so conversion is a plain loop over elements; it serves single
   values, printing and tests, not bulk work. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tensor/element.h"

double element_f64(const tsr_tensor *t, int64_t at)
{
    const void *p = (const char *)t->storage->data + at * (int64_t)tsr_dtype_size((tsr_dtype)t->dtype);
    switch ((tsr_dtype)t->dtype) {
    case TSR_F32:
        return *(const float *)p;
    case TSR_F64:
        return *(const double *)p;
    case TSR_I64:
        return (double)*(const int64_t *)p;
    case TSR_I32:
        return *(const int32_t *)p;
    case TSR_U8:
        return *(const uint8_t *)p;
    case TSR_BOOL:
        return *(const uint8_t *)p != 0;
    case TSR_F16:
        return tsr_f32_from_f16(*(const uint16_t *)p);
    case TSR_BF16:
        return tsr_f32_from_bf16(*(const uint16_t *)p);
    default:
        return NAN;
    }
}

int64_t element_i64(const tsr_tensor *t, int64_t at)
{
    if (t->dtype == TSR_I64) return ((const int64_t *)t->storage->data)[at];
    double v = element_f64(t, at);
    return v != v ? 0 : v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

int64_t element_offset(const tsr_tensor *t, int64_t i)
{
    int64_t at = t->offset;
    for (int d = t->ndim - 1; d >= 0; d--) {
        at += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return at;
}

static void store(void *out, int64_t i, tsr_dtype dtype, const tsr_tensor *t, int64_t at)
{
    switch (dtype) {
    case TSR_F32:
        ((float *)out)[i] = (float)element_f64(t, at);
        break;
    case TSR_F64:
        ((double *)out)[i] = element_f64(t, at);
        break;
    case TSR_I64:
        ((int64_t *)out)[i] = element_i64(t, at);
        break;
    case TSR_I32:
        ((int32_t *)out)[i] = (int32_t)element_i64(t, at);
        break;
    case TSR_U8:
        ((uint8_t *)out)[i] = (uint8_t)element_i64(t, at);
        break;
    case TSR_BOOL:
        ((uint8_t *)out)[i] = element_f64(t, at) != 0;
        break;
    case TSR_F16:
        ((uint16_t *)out)[i] = tsr_f16_from_f32((float)element_f64(t, at));
        break;
    case TSR_BF16:
        ((uint16_t *)out)[i] = tsr_bf16_from_f32((float)element_f64(t, at));
        break;
    default:
        break;
    }
}

tsr_status tsr_to_host(const tsr_tensor *t, void *out, int64_t count, tsr_dtype dtype)
{
    if (!t) return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_EINVAL, "to_host: the tensor is NULL");
    if (count != tensor_numel(t) || tsr_dtype_size(dtype) == 0)
        return tsr_fail(TSR_EINVAL, "to_host: room for %lld elements of dtype %s, the tensor has %lld (%s)",
                        (long long)count, tsr_dtype_name(dtype), (long long)tensor_numel(t), tensor_shape_text(t));
    if (!tsr_const_data(t) && count > 0) return tsr_error_status();
    if (dtype == (tsr_dtype)t->dtype && tsr_is_contiguous(t)) {
        if (count > 0) memcpy(out, tsr_const_data(t), (size_t)count * tsr_dtype_size(dtype));
        return TSR_OK;
    }
    for (int64_t i = 0; i < count; i++) store(out, i, dtype, t, element_offset(t, i));
    return TSR_OK;
}

static bool check_single(const tsr_tensor *t)
{
    if (t && tensor_numel(t) == 1) return tsr_const_data(t) != NULL;
    if (!tsr_error_pending())
        tsr_fail(TSR_EINVAL, "item: a tensor with %lld elements cannot be converted to a number",
                 (long long)tsr_numel(t));
    return false;
}

double tsr_item(const tsr_tensor *t) { return check_single(t) ? element_f64(t, t->offset) : NAN; }
int64_t tsr_item_int(const tsr_tensor *t) { return check_single(t) ? element_i64(t, t->offset) : 0; }
