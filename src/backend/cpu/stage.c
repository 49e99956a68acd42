/* stage.c: see stage.h. */
#include "backend/cpu/stage.h"

#include "base/alloc.h"

/* The dimension that comes i-th in memory, the slowest first. */
static int dim_at(const array *a, stage_layout layout, int i)
{
    if (layout == STAGE_ROW_MAJOR || i == 0) return i;
    return i == a->ndim - 1 ? 1 : i + 1;
}

static void canonical_strides(const array *a, stage_layout layout, int64_t *stride)
{
    int64_t step = 1;
    for (int i = a->ndim - 1; i >= 0; i--) {
        int d = dim_at(a, layout, i);
        stride[d] = step;
        step *= a->shape[d];
    }
}

bool stage_has_layout(const array *a, stage_layout layout)
{
    int64_t stride[TSR_MAX_DIMS];
    canonical_strides(a, layout, stride);
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1 && a->stride[d] != stride[d]) return false;
    return true;
}

bool stage_are_planes(const array *out, const array *x)
{
    return !stage_has_layout(x, STAGE_CHANNELS_LAST) && stage_has_layout(x, STAGE_ROW_MAJOR) &&
           stage_has_layout(out, STAGE_ROW_MAJOR);
}

bool stage_room(array *room, const array *a, tsr_dtype dtype, uint32_t inner)
{
    int64_t step = 1;
    *room = *a;
    room->dtype = dtype;
    for (int pass = 1; pass >= 0; pass--) {
        for (int d = a->ndim - 1; d >= 0; d--) {
            if ((int)(inner >> d & 1u) != pass) continue;
            room->stride[d] = step;
            step *= a->shape[d];
        }
    }
    room->data = tsr_alloc((size_t)step * tsr_dtype_size(dtype));
    return room->data != NULL;
}

bool stage_output(stage *s, const array *out, stage_layout layout)
{
    *s = (stage){0};
    if (!out) return true;
    s->a = *out;
    if (!stage_has_layout(out, layout)) {
        s->memory = tsr_alloc((size_t)array_numel(out) * tsr_dtype_size((tsr_dtype)out->dtype));
        if (!s->memory) return false;
        s->a.data = s->memory;
    }
    canonical_strides(out, layout, s->a.stride);
    return true;
}

bool stage_input(stage *s, const array *x, stage_layout layout)
{
    if (!stage_output(s, x, layout)) return false;
    if (!s->memory || backend_of(TSR_CPU)->copy(&s->a, x)) return true;
    stage_free(s);
    return false;
}

bool stage_deliver(stage *s, const array *out)
{
    bool ok = !s->memory || backend_of(TSR_CPU)->copy(out, &s->a);
    stage_free(s);
    return ok;
}

void stage_free(stage *s)
{
    tsr_free(s->memory);
    *s = (stage){0};
}
