/* conv_matmul.c: convolution as a matrix product, for what has no kernel of its own (f64, odd shapes, builds without
   oneDNN).

   Channels-last, an output position's inputs are taps runs of C / groups contiguous elements. We gather these for a
   chunk of positions into the rows of a matrix, "columns" [positions, taps C / groups], and then
       out            = columns weight              with the weight as [taps C / groups, K / groups]
       columns' grad  = grad weight^T               scattered back with addition
       weight's grad += columns^T grad              over the chunks.
   With 1x1 kernels, stride 1 and no padding the columns are the input itself. The chunk bounds the memory. Threads split the gather by position and the scatter by channel, so that every sum has
   the same order for any number of them. */
#include "backend/cpu/conv_matmul.h"

#include <string.h>

#include "backend/cpu/spatial.h"
#include "backend/cpu/stage.h"
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/util.h"

enum { CHUNK_ELEMENTS = 1 << 20, GATHER_GRAIN = 16 };

typedef struct conv {
    conv_params p;
    int64_t in[3], out[3], kernel[3]; /* three spatial dimensions; missing ones are 1 */
    int64_t positions, taps;          /* output positions of all pictures, kernel taps */
    int64_t c, k;                     /* channels in all */
    int64_t cg, kg;                   /* in a group */
    size_t size;                      /* of an element */
    int32_t dtype;
    stage x, grad; /* activations, channels-last: input side, output side */
    bool direct;   /* columns are x itself */
    char *columns; /* [chunk, taps cg] */
    char *weight;  /* [groups, taps, cg, kg] */
    int64_t chunk; /* positions */
} conv;

static void conv_free(conv *v)
{
    stage_free(&v->x);
    stage_free(&v->grad);
    tsr_free(v->columns);
    tsr_free(v->weight);
}

static void set_geometry(conv *v, const array *x, const array *weight, const array *out, const conv_params *p)
{
    v->p = *p;
    spatial_as_3(v->in, x->shape + 2, p->spatial, 1);
    spatial_as_3(v->out, out->shape + 2, p->spatial, 1);
    spatial_as_3(v->kernel, weight->shape + 2, p->spatial, 1);
    spatial_as_3(v->p.stride, p->stride, p->spatial, 1);
    spatial_as_3(v->p.padding, p->padding, p->spatial, 0);
    spatial_as_3(v->p.dilation, p->dilation, p->spatial, 1);
}

/* 1x1 with stride 1 and no padding. */
static bool is_direct(const conv *v)
{
    bool direct = v->taps == 1;
    for (int d = 0; d < 3; d++) direct = direct && v->p.stride[d] == 1 && v->p.padding[d] == 0;
    return direct;
}

static bool conv_make(conv *v, const array *x, const array *weight, const array *out, const conv_params *p)
{
    *v = (conv){.c = x->shape[1], .k = out->shape[1], .dtype = x->dtype};
    set_geometry(v, x, weight, out, p);
    v->size = tsr_dtype_size((tsr_dtype)x->dtype);
    v->positions = x->shape[0] * v->out[0] * v->out[1] * v->out[2];
    v->taps = v->kernel[0] * v->kernel[1] * v->kernel[2];
    v->cg = v->c / p->groups;
    v->kg = v->k / p->groups;
    int64_t row = tsr_max_i64(v->taps * v->cg, 1);
    v->direct = is_direct(v);
    v->chunk = v->direct ? v->positions : tsr_min_i64(v->positions, CHUNK_ELEMENTS / row);
    v->chunk = tsr_max_i64(v->chunk, 1);
    v->columns = tsr_alloc(v->direct ? 0 : (size_t)(v->chunk * row) * v->size);
    v->weight = tsr_alloc((size_t)(v->taps * v->cg * v->k) * v->size);
    return v->columns && v->weight;
}

/* ---- arrays over our buffers ---- */

static array matrix(const conv *v, void *data, int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (array){.data = data, .dtype = v->dtype, .ndim = 3, .shape = {1, rows, columns}, .stride = {0, row, column}};
}

static array columns_matrix(const conv *v, int64_t first, int64_t rows, int64_t g)
{
    if (v->direct)
        return matrix(v, (char *)v->x.a.data + (size_t)(first * v->c + g * v->cg) * v->size, rows, v->cg, v->c, 1);
    return matrix(v, v->columns, rows, v->taps * v->cg, v->taps * v->cg, 1);
}

/* Group g of the output side, `rows` positions from `first` on. */
static array output_matrix(const conv *v, int64_t first, int64_t rows, int64_t g)
{
    return matrix(v, (char *)v->grad.a.data + (size_t)(first * v->k + g * v->kg) * v->size, rows, v->kg, v->k, 1);
}

static array weight_matrix(const conv *v, int64_t g)
{
    return matrix(v, v->weight + (size_t)(g * v->taps * v->cg * v->kg) * v->size, v->taps * v->cg, v->kg, v->kg, 1);
}

static array turned(array a)
{
    int64_t rows = a.shape[1], row = a.stride[1];
    a.shape[1] = a.shape[2];
    a.stride[1] = a.stride[2];
    a.shape[2] = rows;
    a.stride[2] = row;
    return a;
}

/* The caller's weight [K, C / groups, ...] seen as [groups, taps, cg, kg] (taps in up to three dimensions). */
static array weight_view(const conv *v, const array *w)
{
    int spatial = w->ndim - 2;
    array a = {.data = w->data, .dtype = w->dtype, .ndim = spatial + 3};
    a.shape[0] = v->p.groups;
    a.stride[0] = v->kg * w->stride[0];
    for (int d = 0; d < spatial; d++) {
        a.shape[1 + d] = w->shape[2 + d];
        a.stride[1 + d] = w->stride[2 + d];
    }
    a.shape[spatial + 1] = v->cg;
    a.stride[spatial + 1] = w->stride[1];
    a.shape[spatial + 2] = v->kg;
    a.stride[spatial + 2] = w->stride[0];
    return a;
}

/* Our weight buffer with the same shape. */
static array weight_buffer(const conv *v, const array *view)
{
    array a = *view;
    a.data = v->weight;
    int64_t step = 1;
    for (int d = a.ndim - 1; d >= 0; d--) {
        a.stride[d] = step;
        step *= a.shape[d];
    }
    return a;
}

static bool load_weight(conv *v, const array *w)
{
    array view = weight_view(v, w), buffer = weight_buffer(v, &view);
    return backend_of(TSR_CPU)->copy(&buffer, &view);
}

/* ---- gathering and scattering ---- */

typedef struct chunk {
    const conv *v;
    int64_t first, rows, group;
} chunk;

/* Calls visit for each tap of output position `at`: the offset in x of channel 0 of the group, or -1 outside. */
static inline int64_t tap_offset(const conv *v, const int64_t o[4], const int64_t tap[3], int64_t group)
{
    int64_t at = o[0];
    for (int d = 0; d < 3; d++) {
        int64_t i = o[1 + d] * v->p.stride[d] - v->p.padding[d] + tap[d] * v->p.dilation[d];
        if (i < 0 || i >= v->in[d]) return -1;
        at = at * v->in[d] + i;
    }
    return at * v->c + group * v->cg;
}

static void position(const conv *v, int64_t at, int64_t o[4])
{
    for (int d = 2; d >= 0; d--) {
        o[1 + d] = at % v->out[d];
        at /= v->out[d];
    }
    o[0] = at;
}

static void next_tap(const conv *v, int64_t tap[3])
{
    for (int d = 2; d >= 0; d--) {
        if (++tap[d] < v->kernel[d]) return;
        tap[d] = 0;
    }
}

static void gather(int64_t begin, int64_t end, void *user)
{
    const chunk *c = user;
    const conv *v = c->v;
    size_t bytes = (size_t)v->cg * v->size;
    for (int64_t row = begin; row < end; row++) {
        int64_t o[4], tap[3] = {0};
        char *to = v->columns + (size_t)(row * v->taps) * bytes;
        position(v, c->first + row, o);
        for (int64_t t = 0; t < v->taps; t++, to += bytes, next_tap(v, tap)) {
            int64_t from = tap_offset(v, o, tap, c->group);
            if (from < 0) memset(to, 0, bytes);
            else memcpy(to, (const char *)v->x.a.data + (size_t)from * v->size, bytes);
        }
    }
}

static void add_f32(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

static void add_f64(double *restrict to, const double *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

static void scatter_row(const chunk *c, int64_t row, int64_t t, const int64_t tap[3], int64_t begin, int64_t n)
{
    const conv *v = c->v;
    int64_t o[4], from = (row * v->taps + t) * v->cg + begin;
    position(v, c->first + row, o);
    int64_t to = tap_offset(v, o, tap, c->group);
    if (to < 0) return;
    to += begin;
    if (v->dtype == TSR_F32) add_f32((float *)v->x.a.data + to, (const float *)(void *)v->columns + from, n);
    else add_f64((double *)v->x.a.data + to, (const double *)(void *)v->columns + from, n);
}

/* Channels [begin, end) of the group. Taps run outermost, so that a sum is taken in the kernel's order, as PyTorch takes
   it: in single precision sums that cancel then round alike. */
static void scatter(int64_t begin, int64_t end, void *user)
{
    const chunk *c = user;
    int64_t tap[3] = {0};
    for (int64_t t = 0; t < c->v->taps; t++, next_tap(c->v, tap))
        for (int64_t row = 0; row < c->rows; row++) scatter_row(c, row, t, tap, begin, end - begin);
}

static void gather_chunk(const conv *v, int64_t first, int64_t rows, int64_t group)
{
    chunk c = {v, first, rows, group};
    if (!v->direct) tsr_parallel_for(rows, GATHER_GRAIN, gather, &c);
}

static void scatter_chunk(const conv *v, int64_t first, int64_t rows, int64_t group)
{
    chunk c = {v, first, rows, group};
    if (!v->direct) tsr_parallel_for(v->cg, 8, scatter, &c);
}

/* ---- the three operations on staged arrays ---- */

/* body(v, first, rows, group) over all chunks of all groups, until one fails. */
static bool for_each_chunk(conv *v, bool (*body)(conv *v, int64_t first, int64_t rows, int64_t group))
{
    for (int64_t g = 0; g < v->p.groups; g++)
        for (int64_t first = 0; first < v->positions; first += v->chunk)
            if (!body(v, first, tsr_min_i64(v->chunk, v->positions - first), g)) return false;
    return true;
}

static bool forward_chunk(conv *v, int64_t first, int64_t rows, int64_t g)
{
    array columns = columns_matrix(v, first, rows, g), weight = weight_matrix(v, g),
          out = output_matrix(v, first, rows, g);
    gather_chunk(v, first, rows, g);
    return backend_of(TSR_CPU)->matmul(&out, &columns, &weight, 1, 1);
}

static bool grad_input_chunk(conv *v, int64_t first, int64_t rows, int64_t g)
{
    array columns = columns_matrix(v, first, rows, g), weight = turned(weight_matrix(v, g)),
          grad = output_matrix(v, first, rows, g);
    if (!backend_of(TSR_CPU)->matmul(&columns, &grad, &weight, 1, 0)) return false;
    scatter_chunk(v, first, rows, g);
    return true;
}

static bool grad_weight_chunk(conv *v, int64_t first, int64_t rows, int64_t g)
{
    array columns = turned(columns_matrix(v, first, rows, g)), weight = weight_matrix(v, g),
          grad = output_matrix(v, first, rows, g);
    gather_chunk(v, first, rows, g);
    return backend_of(TSR_CPU)->matmul(&weight, &columns, &grad, 1, first > 0);
}

/* Every position of the output starts as the bias, or 0. */
static bool lay_bias(const array *out, const array *bias)
{
    if (!bias) return backend_of(TSR_CPU)->fill(out, 0, 0);
    array rows = *out;
    rows.data = bias->data;
    for (int d = 0; d < out->ndim; d++) rows.stride[d] = d == 1 ? bias->stride[0] : 0;
    return backend_of(TSR_CPU)->copy(out, &rows);
}

bool conv_sum_bias(const array *grad_bias, const array *grad)
{
    array out = *grad;
    out.data = grad_bias->data;
    for (int d = 0; d < out.ndim; d++) {
        out.shape[d] = d == 1 ? grad->shape[1] : 1;
        out.stride[d] = d == 1 ? grad_bias->stride[0] : 0;
    }
    uint32_t all = (UINT32_C(1) << grad->ndim) - 1;
    return backend_of(TSR_CPU)->reduce(R_SUM, &out, grad, all & ~UINT32_C(2), NULL);
}

/* A dense f64 array of a's shape, filled with a's values when `filled`; data NULL: no memory. */
static array in_double(const array *a, bool filled)
{
    array d;
    if (stage_room(&d, a, TSR_F64, 0) && filled) backend_of(TSR_CPU)->copy(&d, a);
    return d;
}

/* Sums over three dimensions have so many terms that single precision's rounding shows where they cancel. */
static bool forward_in_double(const array *out, const array *x, const array *weight, const array *bias,
                              const conv_params *p)
{
    array y = in_double(out, false), dx = in_double(x, true), dw = in_double(weight, true);
    array db = bias ? in_double(bias, true) : (array){0};
    bool ok = y.data && dx.data && dw.data && (!bias || db.data);
    ok = ok && conv_matmul_forward(&y, &dx, &dw, bias ? &db : NULL, p) && backend_of(TSR_CPU)->copy(out, &y);
    tsr_free(y.data);
    tsr_free(dx.data);
    tsr_free(dw.data);
    tsr_free(db.data);
    return ok;
}

bool conv_matmul_forward(const array *out, const array *x, const array *weight, const array *bias, const conv_params *p)
{
    if (p->spatial == 3 && x->dtype == TSR_F32) return forward_in_double(out, x, weight, bias, p);
    conv v;
    bool ok = conv_make(&v, x, weight, out, p) && stage_input(&v.x, x, STAGE_CHANNELS_LAST) &&
              stage_output(&v.grad, out, STAGE_CHANNELS_LAST) && load_weight(&v, weight) && lay_bias(&v.grad.a, bias) &&
              for_each_chunk(&v, forward_chunk) && stage_deliver(&v.grad, out);
    conv_free(&v);
    return ok;
}

bool conv_matmul_grad_input(const array *grad_x, const array *grad, const array *weight, const conv_params *p)
{
    conv v;
    bool ok = conv_make(&v, grad_x, weight, grad, p) && stage_input(&v.grad, grad, STAGE_CHANNELS_LAST) &&
              stage_output(&v.x, grad_x, STAGE_CHANNELS_LAST) && load_weight(&v, weight) &&
              backend_of(TSR_CPU)->fill(&v.x.a, 0, 0) && for_each_chunk(&v, grad_input_chunk) &&
              stage_deliver(&v.x, grad_x);
    conv_free(&v);
    return ok;
}

/* With no positions at all the weight's gradient is 0. */
static bool store_weight(conv *v, const array *grad_weight)
{
    array view = weight_view(v, grad_weight), buffer = weight_buffer(v, &view);
    if (v->positions == 0) return backend_of(TSR_CPU)->fill(&view, 0, 0);
    return backend_of(TSR_CPU)->copy(&view, &buffer);
}

bool conv_matmul_grad_weight(const array *grad_weight, const array *grad_bias, const array *grad, const array *x,
                             const conv_params *p)
{
    conv v;
    bool ok = conv_make(&v, x, grad_weight, grad, p) && stage_input(&v.x, x, STAGE_CHANNELS_LAST) &&
              stage_input(&v.grad, grad, STAGE_CHANNELS_LAST) && for_each_chunk(&v, grad_weight_chunk) &&
              store_weight(&v, grad_weight) && (!grad_bias || conv_sum_bias(grad_bias, grad));
    conv_free(&v);
    return ok;
}
