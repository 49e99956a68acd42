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

/* Integers: loops that compilers vectorise. */
#define INTEGER_POSITION(name, type)                                                                                   \
    static int64_t name(const type *row, int64_t n, bool largest)                                                      \
    {                                                                                                                  \
        type best = row[0];                                                                                            \
        if (largest)                                                                                                   \
            for (int64_t i = 1; i < n; i++) best = row[i] > best ? row[i] : best;                                      \
        else                                                                                                           \
            for (int64_t i = 1; i < n; i++) best = row[i] < best ? row[i] : best;                                      \
        int64_t i = 0;                                                                                                 \
        while (row[i] != best) i++;                                                                                    \
        return i;                                                                                                      \
    }

INTEGER_POSITION(position_i64, int64_t)
INTEGER_POSITION(position_i32, int32_t)
INTEGER_POSITION(position_u8, uint8_t)

static int64_t position(int32_t dtype, const void *row, int64_t n, bool largest)
{
    switch (dtype) {
    case TSR_F32:
        return position32(row, n, largest);
    case TSR_F64:
        return position64(row, n, largest);
    case TSR_I64:
        return position_i64(row, n, largest);
    case TSR_I32:
        return position_i32(row, n, largest);
    default:
        return position_u8(row, n, largest);
    }
}

bool TIER(simd_argument_takes)(int32_t dtype)
{
    return dtype == TSR_F32 || dtype == TSR_F64 || dtype == TSR_I64 || dtype == TSR_I32 || dtype == TSR_U8;
}

typedef struct rows {
    int64_t n;
    bool largest;
    int32_t dtype;
} rows;

static void find_positions(char *const *data, const int64_t *step, int64_t n, const void *user)
{
    const rows *r = user;
    for (int64_t i = 0; i < n; i++) {
        const char *row = data[0] + i * step[0];
        int64_t *to = (int64_t *)(data[1] + i * step[1]);
        *to = position(r->dtype, row, r->n, r->largest);
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
    rows r = {loop_make(false, &folded, NULL, NULL, NULL).count, code == R_ARGMAX, in->dtype};
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
