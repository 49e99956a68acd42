/* onednn_api.h: the little of oneDNN that we use, the same for its versions 2 and 3, whose C interfaces differ in how memory
   layouts are described and how primitives are made. */
#ifndef ONEDNN_API_H
#define ONEDNN_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oneapi/dnnl/dnnl.h>

/* A memory layout. In version 3 it is a handle that must be destroyed. */
typedef dnnl_memory_desc_t layout;

/* f32 of these sizes and strides. */
bool layout_strided(layout *l, int ndim, const dnnl_dims_t dims, const dnnl_dims_t strides);
/* f32 of these sizes, as the primitive likes it best. */
bool layout_any(layout *l, int ndim, const dnnl_dims_t dims);
void layout_free(layout *l);
bool layout_equal(const layout *a, const layout *b);
size_t layout_bytes(const layout *l);

typedef enum conv_kind { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS } conv_kind;

typedef struct conv_layouts {
    layout src, weights, bias, dst;
    bool has_bias;
} conv_layouts;

/* The description of a convolution primitive with scratch memory of the caller's; NULL when oneDNN has none. The
   strides, dilations and paddings have one entry for each spatial dimension. */
dnnl_primitive_desc_t conv_describe(conv_kind kind, const conv_layouts *l, const dnnl_dims_t strides,
                                    const dnnl_dims_t dilates, const dnnl_dims_t before, const dnnl_dims_t after);
/* The weights' layout that it chose, as a layout of the caller's. */
bool conv_weights_layout(layout *l, dnnl_primitive_desc_t d, conv_kind kind);
size_t describe_scratch_bytes(dnnl_primitive_desc_t d);
/* True for oneDNN's own plain loops, which are slow. */
bool describe_is_reference(dnnl_primitive_desc_t d);
dnnl_primitive_desc_t reorder_describe(const layout *from, const layout *to);

/* Run a primitive; data pointers with their layouts and argument numbers (DNNL_ARG_...). */
typedef struct onednn_argument {
    int number;
    const layout *layout;
    void *data;
} onednn_argument;
bool onednn_run(dnnl_primitive_t primitive, int count, const onednn_argument *arguments, void *scratch,
                size_t scratch_bytes);

#endif
