/* ref_copy.c: moving elements: copy with conversion, and fill. */
#include "backend/cpu/ref/ref.h"

static bool ref_copy(const array *dst, const array *src)
{
    bool same = dst->dtype == src->dtype, floating = ref_floating(src->dtype);
    for (walk w = walk_begin(WALK_ALL, dst, src, NULL, NULL); w.left > 0; walk_next(&w)) {
        if (same) ref_move(dst, w.at[0], src, w.at[1]);
        else if (floating) ref_set_f64(dst, w.at[0], ref_get_f64(src, w.at[1]));
        else ref_set_i64(dst, w.at[0], ref_get_i64(src, w.at[1]));
    }
    return true;
}

static bool ref_fill_value(const array *dst, double value, int64_t integer)
{
    for (walk w = walk_begin(WALK_ALL, dst, NULL, NULL, NULL); w.left > 0; walk_next(&w)) {
        if (dst->dtype == TSR_I64) ref_set_i64(dst, w.at[0], integer);
        else ref_set_f64(dst, w.at[0], value);
    }
    return true;
}

void ref_copy_fill(backend *b)
{
    b->copy = ref_copy;
    b->fill = ref_fill_value;
}
