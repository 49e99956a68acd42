/* window.h: from a picture of any size to a data set's item. */
#ifndef DATA_WINDOW_H
#define DATA_WINDOW_H

#include "data/dataset.h"

/* A picture as a source has it: u8, 0 to 255, or f32 or f64, -1 to 1, with strides in elements. */
typedef struct data_picture {
    const void *data;
    tsr_dtype dtype;
    int64_t channels, height, width;
    int64_t channel_stride, row_stride, column_stride;
    int64_t item; /* of the source, for messages */
} data_picture;

/* A contiguous [channels, height, width] f32 picture. */
data_picture data_planes(const float *data, int64_t channels, int64_t height, int64_t width);

/* Fit the picture into the set's size and channels as `view` says, as floats [C, H, W] in [-1, 1]. */
tsr_status data_fit(const tsr_dataset *set, data_picture picture, const data_view *view, float *out);
/* The same in doubles. Only a picture that has to be scaled is narrowed on the way. */
tsr_status data_fit_wide(const tsr_dataset *set, data_picture picture, const data_view *view, double *out);

/* Which row and column of a picture each pixel of the window takes. */
typedef struct data_window {
    int32_t *row, *column;
    int64_t height, width;
} data_window;

/* The window of height x width (the set's size) in a picture that is at least so large, moved and mirrored as `view` says. */
tsr_status data_window_open(const tsr_dataset *set, int64_t height, int64_t width, const data_view *view,
                            data_window *out);
void data_window_close(data_window *w);
/* Take the window out of one plane. */
void data_window_take(const data_window *w, const float *plane, int64_t width, float *out);
void data_window_take_u8(const data_window *w, const uint8_t *plane, int64_t width, uint8_t *out);

#endif
