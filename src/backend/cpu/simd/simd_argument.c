/* simd_argument.c: argmax and argmin: the extreme of a row in vectors, then the first element equal to it. Where the
   folded dimensions are not one contiguous row in their order, the array is copied so that they are. */
#include "backend/cpu/simd/simd_argument.h"

#include "backend/cpu/loop.h"
#include "backend/cpu/simd/simd_math.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/util.h"

#define REAL_BITS 32
#include "backend/cpu/simd/simd_argument_real.h"
#undef REAL_BITS
#define REAL_BITS 64
#include "backend/cpu/simd/simd_argument_real.h"
#undef REAL_BITS

typedef struct rows {
    int64_t n;
    bool largest, f32;
} rows;

static void find_positions(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const rows *r = user;
    for (int64_t i = 0; i < n; i++) {
        const char *row = data[0] + i * step[0];
        int64_t *to = (int64_t *)(data[1] + i * step[1]);
        *to = r->f32 ? position32((const float *)row, r->n, r->largest)
                     : position64((const double *)row, r->n, r->largest);
    }
}

static bool one_row(const array *in, uint32_t dims)
{
    array folded = array_only_dims(in, dims);
    loop l = loop_make(false, &folded, NULL, NULL, NULL);
    return l.ndim == 1 && l.stride[0][0] == l.size[0];
}

static void run(reduce_code code, const array *out, const array *in, uint32_t dims)
{
    array in_kept = array_only_dims(in, ~dims), out_kept = array_only_dims(out, ~dims),
          folded = array_only_dims(in, dims);
    loop kept = loop_make(true, &in_kept, &out_kept, NULL, NULL);
    rows r = {loop_make(false, &folded, NULL, NULL, NULL).count, code == R_ARGMAX, in->dtype == TSR_F32};
    loop_run(&kept, tsr_max_i64(1, LOOP_GRAIN / r.n), find_positions, &r);
}

bool TIER(simd_argument)(const backend *table, reduce_code code, const array *out, const array *in, uint32_t dims)
{
    if (one_row(in, dims)) {
        run(code, out, in, dims);
        return true;
    }
    array moved;
    bool ok = stage_room(&moved, in, (tsr_dtype)in->dtype, dims) && table->copy(&moved, in);
    if (ok) run(code, out, &moved, dims);
    tsr_free(moved.data);
    return ok;
}
