/* onednn_api.c: oneDNN's versions 2 and 3 behind one face. Nothing else of ours depends on the version.

   There is one engine for the process, made at the first use and kept, and one stream for each thread, destroyed with it:
   on the CPU a stream has no state of its own, but its documentation does not promise that it may be shared. */
#include "backend/cpu/onednn/onednn_api.h"

#include <pthread.h>
#include <string.h>

#include "base/parallel.h"

static dnnl_engine_t engine;
static pthread_key_t stream_key;
static bool have_stream_key;

static void drop_stream(void *stream) { dnnl_stream_destroy((dnnl_stream_t)stream); }

static void make_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
    have_stream_key = pthread_key_create(&stream_key, drop_stream) == 0;
}

static dnnl_engine_t the_engine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_engine);
    return engine;
}

static dnnl_stream_t the_stream(void)
{
    if (!the_engine() || !have_stream_key) return NULL;
    dnnl_stream_t stream = (dnnl_stream_t)pthread_getspecific(stream_key);
    if (stream) return stream;
    if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success) return NULL;
    if (pthread_setspecific(stream_key, stream) == 0) return stream;
    dnnl_stream_destroy(stream);
    return NULL;
}

/* Primitives take their scratch memory from the caller, so that it comes from our allocator. */
static dnnl_primitive_attr_t user_scratchpad(void)
{
    dnnl_primitive_attr_t attr = NULL;
    if (dnnl_primitive_attr_create(&attr) != dnnl_success) return NULL;
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    return attr;
}

#if DNNL_VERSION_MAJOR >= 3

bool layout_strided(layout *l, int ndim, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(l, ndim, dims, dnnl_f32, strides) == dnnl_success;
}

bool layout_any(layout *l, int ndim, const dnnl_dims_t dims)
{
    return dnnl_memory_desc_create_with_tag(l, ndim, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

void layout_free(layout *l)
{
    if (*l) dnnl_memory_desc_destroy(*l);
    *l = NULL;
}

static const_dnnl_memory_desc_t pointer(const layout *l) { return *l; }

static dnnl_primitive_desc_t describe(conv_kind kind, const conv_layouts *l, const dnnl_dims_t strides,
                                      const dnnl_dims_t dilates, const dnnl_dims_t before, const dnnl_dims_t after,
                                      dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t d = NULL, hint = NULL;
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        kind == CONV_FORWARD ? &d : &hint, engine, dnnl_forward_training, dnnl_convolution_direct, l->src, l->weights,
        l->has_bias ? l->bias : NULL, l->dst, strides, dilates, before, after, attr);
    if (status == dnnl_success && kind == CONV_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_primitive_desc_create(&d, engine, dnnl_convolution_direct, l->src,
                                                                      l->weights, l->dst, strides, dilates, before,
                                                                      after, hint, attr);
    if (status == dnnl_success && kind == CONV_BACKWARD_WEIGHTS)
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            &d, engine, dnnl_convolution_direct, l->src, l->weights, l->has_bias ? l->bias : NULL, l->dst, strides,
            dilates, before, after, hint, attr);
    if (hint) dnnl_primitive_desc_destroy(hint);
    return status == dnnl_success ? d : NULL;
}

static bool copy_layout(layout *l, const_dnnl_memory_desc_t from)
{
    return from && dnnl_memory_desc_clone(l, from) == dnnl_success;
}

static dnnl_status_t describe_reorder(dnnl_primitive_desc_t *d, const layout *from, const layout *to,
                                      dnnl_primitive_attr_t attr)
{
    return dnnl_reorder_primitive_desc_create(d, *from, engine, *to, engine, attr);
}

#else

bool layout_strided(layout *l, int ndim, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(l, ndim, dims, dnnl_f32, strides) == dnnl_success;
}

bool layout_any(layout *l, int ndim, const dnnl_dims_t dims)
{
    return dnnl_memory_desc_init_by_tag(l, ndim, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

void layout_free(layout *l) { memset(l, 0, sizeof *l); }

static const dnnl_memory_desc_t *pointer(const layout *l) { return l; }

static dnnl_primitive_desc_t describe_by(const dnnl_convolution_desc_t *desc, dnnl_primitive_desc_t hint,
                                         dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t d = NULL;
    return dnnl_primitive_desc_create(&d, desc, attr, engine, hint) == dnnl_success ? d : NULL;
}

static dnnl_primitive_desc_t describe(conv_kind kind, const conv_layouts *l, const dnnl_dims_t strides,
                                      const dnnl_dims_t dilates, const dnnl_dims_t before, const dnnl_dims_t after,
                                      dnnl_primitive_attr_t attr)
{
    const layout *bias = l->has_bias ? &l->bias : NULL;
    dnnl_convolution_desc_t forward, backward;
    if (dnnl_dilated_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, &l->src,
                                                   &l->weights, bias, &l->dst, strides, dilates, before,
                                                   after) != dnnl_success)
        return NULL;
    dnnl_primitive_desc_t d = describe_by(&forward, NULL, attr);
    if (!d || kind == CONV_FORWARD) return d;
    dnnl_status_t status = kind == CONV_BACKWARD_DATA
                               ? dnnl_dilated_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct,
                                                                                  &l->src, &l->weights, &l->dst,
                                                                                  strides, dilates, before, after)
                               : dnnl_dilated_convolution_backward_weights_desc_init(
                                     &backward, dnnl_convolution_direct, &l->src, &l->weights, bias, &l->dst, strides,
                                     dilates, before, after);
    dnnl_primitive_desc_t result = status == dnnl_success ? describe_by(&backward, d, attr) : NULL;
    dnnl_primitive_desc_destroy(d);
    return result;
}

static bool copy_layout(layout *l, const dnnl_memory_desc_t *from)
{
    if (from) *l = *from;
    return from;
}

static dnnl_status_t describe_reorder(dnnl_primitive_desc_t *d, const layout *from, const layout *to,
                                      dnnl_primitive_attr_t attr)
{
    return dnnl_reorder_primitive_desc_create(d, from, engine, to, engine, attr);
}

#endif

bool layout_equal(const layout *a, const layout *b) { return dnnl_memory_desc_equal(pointer(a), pointer(b)); }

size_t layout_bytes(const layout *l) { return dnnl_memory_desc_get_size(pointer(l)); }

dnnl_primitive_desc_t conv_describe(conv_kind kind, const conv_layouts *l, const dnnl_dims_t strides,
                                    const dnnl_dims_t dilates, const dnnl_dims_t before, const dnnl_dims_t after)
{
    dnnl_primitive_attr_t attr = the_engine() ? user_scratchpad() : NULL;
    if (!attr) return NULL;
    dnnl_primitive_desc_t d = describe(kind, l, strides, dilates, before, after, attr);
    dnnl_primitive_attr_destroy(attr);
    return d;
}

bool conv_weights_layout(layout *l, dnnl_primitive_desc_t d, conv_kind kind)
{
    return copy_layout(l,
                       dnnl_primitive_desc_query_md(
                           d, kind == CONV_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0));
}

size_t describe_scratch_bytes(dnnl_primitive_desc_t d)
{
    return dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0));
}

bool describe_is_reference(dnnl_primitive_desc_t d)
{
    const char *name = NULL;
    dnnl_primitive_desc_query(d, dnnl_query_impl_info_str, 0, (void *)&name);
    return name && strncmp(name, "ref", 3) == 0;
}

dnnl_primitive_desc_t reorder_describe(const layout *from, const layout *to)
{
    dnnl_primitive_desc_t d = NULL;
    dnnl_primitive_attr_t attr = the_engine() ? user_scratchpad() : NULL;
    if (!attr) return NULL;
    if (describe_reorder(&d, from, to, attr) != dnnl_success) d = NULL;
    dnnl_primitive_attr_destroy(attr);
    return d;
}

enum { MAX_ARGUMENTS = 6 };

/* The scratch memory is a plain run of bytes. */
static bool make_scratch(dnnl_memory_t *m, void *scratch, size_t bytes)
{
    layout l;
    dnnl_dims_t dims = {(dnnl_dim_t)((bytes + 3) / 4)}, strides = {1};
    if (!layout_strided(&l, 1, dims, strides)) return false;
    bool ok = dnnl_memory_create(m, pointer(&l), engine, scratch) == dnnl_success;
    layout_free(&l);
    return ok;
}

bool onednn_run(dnnl_primitive_t primitive, int count, const onednn_argument *arguments, void *scratch,
                size_t scratch_bytes)
{
    dnnl_exec_arg_t args[MAX_ARGUMENTS];
    dnnl_stream_t stream = the_stream();
    int made = 0;
    bool ok = stream != NULL && count < MAX_ARGUMENTS;
    for (; ok && made < count; made++) {
        args[made].arg = arguments[made].number;
        ok = dnnl_memory_create(&args[made].memory, pointer(arguments[made].layout), engine, arguments[made].data) ==
             dnnl_success;
        if (!ok) break;
    }
    if (ok && scratch_bytes) {
        args[made].arg = DNNL_ARG_SCRATCHPAD;
        ok = make_scratch(&args[made].memory, scratch, scratch_bytes);
        made += ok;
    }
    tsr_num_threads(); /* tells OpenMP, and so oneDNN, how many */
    if (ok)
        ok = dnnl_primitive_execute(primitive, stream, made, args) == dnnl_success &&
             dnnl_stream_wait(stream) == dnnl_success;
    while (made > 0) dnnl_memory_destroy(args[--made].memory);
    return ok;
}
