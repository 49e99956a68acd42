/* dtype.c: element types: sizes, names, promotion.

   Promotion goes by kind (bool < integer < floating) and then by width, with two exceptions that PyTorch has too: u8
   with a signed integer gives the signed one, and f16 with bf16 gives f32. */
#include "tessera/dtype.h"

#include <string.h>

static const struct dtype_facts {
    size_t size;
    const char *name, *safetensors, *torch;
    int kind, rank; /* kind: 0 bool, 1 integer, 2 floating */
} facts[TSR_DTYPE_COUNT] = {
    [TSR_DTYPE_DEFAULT] = {0, "?", "", "", -1, 0},      [TSR_F32] = {4, "f32", "F32", "float32", 2, 2},
    [TSR_F64] = {8, "f64", "F64", "float64", 2, 3},     [TSR_I64] = {8, "i64", "I64", "int64", 1, 3},
    [TSR_I32] = {4, "i32", "I32", "int32", 1, 2},       [TSR_U8] = {1, "u8", "U8", "uint8", 1, 1},
    [TSR_BOOL] = {1, "bool", "BOOL", "bool", 0, 0},     [TSR_F16] = {2, "f16", "F16", "float16", 2, 1},
    [TSR_BF16] = {2, "bf16", "BF16", "bfloat16", 2, 1},
};

static const struct dtype_facts *of(tsr_dtype d)
{
    return &facts[(unsigned)d < TSR_DTYPE_COUNT ? d : TSR_DTYPE_DEFAULT];
}

size_t tsr_dtype_size(tsr_dtype dtype) { return of(dtype)->size; }
const char *tsr_dtype_name(tsr_dtype dtype) { return of(dtype)->name; }
bool tsr_dtype_is_floating(tsr_dtype dtype) { return of(dtype)->kind == 2; }

tsr_dtype tsr_dtype_from_name(const char *name)
{
    if (!name) return TSR_DTYPE_DEFAULT;
    if (strncmp(name, "torch.", 6) == 0) name += 6;
    for (int d = 1; d < TSR_DTYPE_COUNT; d++)
        if (!strcmp(name, facts[d].name) || !strcmp(name, facts[d].safetensors) || !strcmp(name, facts[d].torch))
            return (tsr_dtype)d;
    return TSR_DTYPE_DEFAULT;
}

tsr_dtype tsr_promote_types(tsr_dtype a, tsr_dtype b)
{
    if (a == b || of(b)->kind < of(a)->kind) return a;
    if (of(a)->kind < of(b)->kind) return b;
    if (of(a)->rank == of(b)->rank) return TSR_F32; /* f16 with bf16 */
    return of(a)->rank > of(b)->rank ? a : b;
}
