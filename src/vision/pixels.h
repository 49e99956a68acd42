/* pixels.h: what the functions on pictures share. */
#ifndef VISION_PIXELS_H
#define VISION_PIXELS_H

#include "tessera/tensor.h"

/* A picture that geometry works on: contiguous u8 or f32 [H, W, C], not empty. False and an error naming `op` if not; no
   new error for NULL. */
bool pixels_check(const char *op, const tsr_tensor *image);
/* A copy of a rectangle that lies inside. */
tsr_tensor *pixels_crop(const tsr_tensor *image, int64_t top, int64_t left, int64_t height, int64_t width);

/* Make height x width the smallest size of a tall x wide picture's shape that covers it; the free side is cut to a whole
   number. */
static inline void pixels_cover(int64_t tall, int64_t wide, int64_t *height, int64_t *width)
{
    bool by_height = wide * *height >= *width * tall;
    if (by_height) *width = wide * *height / tall;
    else *height = tall * *width / wide;
}

#endif
