/* elements.c: the elements of a contiguous tensor where they are, of any other in a copy. */
#include "io/elements.h"

#include <string.h>

#include "base/alloc.h"

/* Walks the outer dimensions like an odometer; the innermost is one loop, or one memcpy. */
void elements_copy(void *to, const void *from, const tsr_shape *shape, const int64_t *stride, size_t size)
{
    int inner = shape->n - 1;
    int64_t run = inner < 0 ? 1 : shape->v[inner], step = inner < 0 ? 1 : stride[inner], rows = 1;
    int64_t index[TSR_MAX_DIMS] = {0};
    const char *row = from;
    char *out = to;
    for (int d = 0; d < inner; d++) rows *= shape->v[d];
    for (int64_t r = 0; run > 0 && r < rows; r++) {
        for (int64_t i = 0; step != 1 && i < run; i++)
            memcpy(out + (size_t)i * size, row + i * step * (int64_t)size, size);
        if (step == 1) memcpy(out, row, (size_t)run * size);
        out += (size_t)run * size;
        for (int d = inner - 1; d >= 0; d--) {
            row += stride[d] * (int64_t)size;
            if (++index[d] < shape->v[d]) break;
            row -= stride[d] * shape->v[d] * (int64_t)size;
            index[d] = 0;
        }
    }
}

void elements_fix_bools(void *bytes, int64_t n)
{
    unsigned char *p = bytes;
    for (int64_t i = 0; i < n; i++) p[i] = p[i] != 0;
}

tsr_status elements_get(tsr_tensor *t, elements *out)
{
    tsr_dtype dtype = tsr_dtype_of(t);
    *out = (elements){.bytes = (size_t)tsr_numel(t) * tsr_dtype_size(dtype)};
    if (tsr_is_contiguous(t)) {
        out->data = tsr_const_data(t);
        return out->data || out->bytes == 0 ? TSR_OK : tsr_error_status();
    }
    const void *from = tsr_const_data(t);
    if (!from) return tsr_error_status();
    out->data = out->copy = tsr_alloc(out->bytes);
    if (!out->copy) return TSR_ENOMEM;
    tsr_shape shape = tsr_shape_of(t), stride = tsr_strides_of(t);
    elements_copy(out->copy, from, &shape, stride.v, tsr_dtype_size(dtype));
    return TSR_OK;
}

void elements_free(elements *e)
{
    tsr_free(e->copy);
    *e = (elements){0};
}
