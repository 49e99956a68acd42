/* crop.c: parts and mirror images of pictures. */
#include <string.h>

#include "base/util.h"
#include "tensor/tensor_impl.h"
#include "tessera/image.h"
#include "vision/pixels.h"

bool pixels_check(const char *op, const tsr_tensor *image)
{
    if (!image) return false;
    tsr_shape s = tsr_shape_of(image);
    tsr_dtype dtype = tsr_dtype_of(image);
    if (s.n == 3 && (dtype == TSR_U8 || dtype == TSR_F32) && tsr_numel(image) > 0 && tsr_is_contiguous(image))
        return true;
    tsr_fail(TSR_EINVAL, "%s: wants a contiguous u8 or f32 [height, width, channels], got %s %s", op,
             tsr_dtype_name(dtype), shape_text(&s));
    return false;
}

tsr_tensor *pixels_crop(const tsr_tensor *image, int64_t top, int64_t left, int64_t height, int64_t width)
{
    tsr_shape s = tsr_shape_of(image);
    size_t pixel = (size_t)s.v[2] * tsr_dtype_size(tsr_dtype_of(image)), row = (size_t)width * pixel;
    tsr_tensor *out = tensor_empty(tsr_dtype_of(image), 3, (int64_t[]){height, width, s.v[2]}, TSR_CPU);
    if (!out) return NULL;
    const char *from = (const char *)tsr_const_data(image) + (size_t)(top * s.v[1] + left) * pixel;
    char *to = tsr_data(out);
    for (int64_t y = 0; y < height; y++) memcpy(to + (size_t)y * row, from + (size_t)(y * s.v[1]) * pixel, row);
    return out;
}

tsr_tensor *tsr_image_crop(const tsr_tensor *image, int64_t top, int64_t left, int64_t height, int64_t width)
{
    if (!pixels_check("image_crop", image)) return NULL;
    tsr_shape s = tsr_shape_of(image);
    bool inside = height > 0 && width > 0 && top >= 0 && left >= 0 && height <= s.v[0] && width <= s.v[1] &&
                  top <= s.v[0] - height && left <= s.v[1] - width;
    if (inside) return pixels_crop(image, top, left, height, width);
    tsr_fail(TSR_EINVAL, "image_crop: %lld x %lld pixels (height x width) at row %lld, column %lld do not lie in %s",
             (long long)height, (long long)width, (long long)top, (long long)left, shape_text(&s));
    return NULL;
}

tsr_tensor *tsr_image_center_crop(const tsr_tensor *image, int64_t height, int64_t width)
{
    if (!pixels_check("image_center_crop", image)) return NULL;
    tsr_shape s = tsr_shape_of(image);
    if (height > 0 && width > 0 && height <= s.v[0] && width <= s.v[1])
        return pixels_crop(image, tsr_half_to_even(s.v[0] - height), tsr_half_to_even(s.v[1] - width), height, width);
    tsr_fail(TSR_EINVAL, "image_center_crop: %lld x %lld pixels do not lie in %s; resize it first", (long long)height,
             (long long)width, shape_text(&s));
    return NULL;
}

tsr_tensor *tsr_image_flip(const tsr_tensor *image)
{
    if (!pixels_check("image_flip", image)) return NULL;
    tsr_shape s = tsr_shape_of(image);
    size_t pixel = (size_t)s.v[2] * tsr_dtype_size(tsr_dtype_of(image));
    tsr_tensor *out = tensor_empty(tsr_dtype_of(image), 3, s.v, TSR_CPU);
    if (!out) return NULL;
    const char *from = tsr_const_data(image);
    char *to = tsr_data(out);
    for (int64_t y = 0; y < s.v[0]; y++)
        for (int64_t x = s.v[1] - 1; x >= 0; x--, to += pixel)
            memcpy(to, from + (size_t)(y * s.v[1] + x) * pixel, pixel);
    return out;
}
