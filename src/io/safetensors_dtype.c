/* safetensors_dtype.c: the dtypes of the safetensors format. */
#include "io/safetensors.h"

#include <string.h>

#include "base/util.h"

static const safetensors_dtype dtypes[] = {
    {"F32", 32, TSR_F32},  {"F64", 64, TSR_F64},  {"I64", 64, TSR_I64},   {"I32", 32, TSR_I32}, {"U8", 8, TSR_U8},
    {"BOOL", 8, TSR_BOOL}, {"F16", 16, TSR_F16},  {"BF16", 16, TSR_BF16}, {"I8", 8, 0},         {"I16", 16, 0},
    {"U16", 16, 0},        {"U32", 32, 0},        {"U64", 64, 0},         {"C64", 64, 0},       {"F4", 4, 0},
    {"F6_E2M3", 6, 0},     {"F6_E3M2", 6, 0},     {"F8_E5M2", 8, 0},      {"F8_E4M3", 8, 0},    {"F8_E8M0", 8, 0},
    {"F8_E4M3FNUZ", 8, 0}, {"F8_E5M2FNUZ", 8, 0},
};

const safetensors_dtype *safetensors_dtype_named(const char *name)
{
    for (int64_t i = 0; i < TSR_COUNT(dtypes); i++) {
        if (!strcmp(dtypes[i].name, name)) return &dtypes[i];
    }
    return NULL;
}

const safetensors_dtype *safetensors_dtype_for(tsr_dtype dtype)
{
    for (int64_t i = 0; i < TSR_COUNT(dtypes); i++) {
        if (dtype && dtypes[i].dtype == dtype) return &dtypes[i];
    }
    return NULL;
}
