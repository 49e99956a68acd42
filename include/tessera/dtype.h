/* dtype.h: element types, their names, and how they combine (PyTorch's type promotion). */
#ifndef TESSERA_DTYPE_H
#define TESSERA_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Element type. 0 in an optional argument means the default that the function documents. */
typedef enum tsr_dtype {
    TSR_DTYPE_DEFAULT = 0,
    TSR_F32,
    TSR_F64,
    TSR_I64,
    TSR_I32,
    TSR_U8,
    TSR_BOOL, /**< one byte, 0 or 1 */
    TSR_F16,  /**< storage only: created, converted, saved */
    TSR_BF16, /**< storage only: created, converted, saved */
    TSR_DTYPE_COUNT
} tsr_dtype;

/** Bytes of one element; 0 for TSR_DTYPE_DEFAULT. */
TSR_API size_t tsr_dtype_size(tsr_dtype dtype);

/** "f32", "f64", "i64", "i32", "u8", "bool", "f16", "bf16"; "?" for anything else. */
TSR_API const char *tsr_dtype_name(tsr_dtype dtype);

/** The inverse of tsr_dtype_name, which also takes safetensors' (F32) and PyTorch's (float32, torch.float32) names;
    TSR_DTYPE_DEFAULT when unknown. */
TSR_API tsr_dtype tsr_dtype_from_name(const char *name);

/** True for f32, f64, f16, bf16. */
TSR_API bool tsr_dtype_is_floating(tsr_dtype dtype);

/** The smallest type both convert to by PyTorch's rules, as torch.promote_types. */
TSR_API tsr_dtype tsr_promote_types(tsr_dtype a, tsr_dtype b);

#ifdef __cplusplus
}
#endif
#endif
