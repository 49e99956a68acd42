/* image.h: pictures: reading and writing PNG and JPEG, geometry (resize, crop, flip), and sheets of samples.

   A picture is a contiguous tensor [height, width, channels]: u8 with values 0..255, or, for 16-bit PNG, i32 with values
   0..65535 (Tessera has no 16-bit integers). Channels: 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA. Models take
   [channels, height, width] floats: tsr_image_to_float and tsr_image_from_float go between the two.
   None of these functions is differentiable. */
#ifndef TESSERA_IMAGE_H
#define TESSERA_IMAGE_H

#include "tessera/io.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files ------------------------------------------------------------------------------------------------------ */

typedef struct tsr_image_options {
    int channels;          /**< 1 gray, 3 RGB, 4 RGBA; 0: as in the file */
    int bits;              /**< 8: reduce 16-bit samples to u8; 0: as in the file */
    bool keep_orientation; /**< do not apply the EXIF orientation of a JPEG */
    int64_t max_pixels;    /**< larger pictures are refused before decoding; 0: 2^27 (134 million) */
    int end_;
} tsr_image_options;

/**
 * Decode a PNG or JPEG, told apart by content.
 *
 * options   may be NULL. Alpha is dropped, not blended; gray is Rec. 601 luma; a missing alpha is opaque
 *
 * PNG: every bit depth, palette (with transparency: RGBA), interlaced. Depths below 8 become u8 0..255, 16 becomes i32.
 * JPEG: gray, YCbCr and RGB as they are; CMYK and YCCK (Adobe's inverted ones too) become RGB.
 *
 * Returns   [H, W, C] in the innermost scope.
 * NULL      TSR_EFORMAT: neither format, truncated, damaged, or more than max_pixels; TSR_EINVAL: options that there are
 *           not; TSR_EIO; TSR_ENOMEM.
 */
TSR_API tsr_tensor *tsr_image_load(const char *path, const tsr_image_options *options);
TSR_API tsr_tensor *tsr_image_decode(const void *data, int64_t size, const tsr_image_options *options);

/** Encode a picture, u8 or i32 [H, W, C] or [H, W] (gray), as PNG of 8 or 16 bits; out is freed with tsr_bytes_free. */
TSR_API tsr_status tsr_image_encode_png(const tsr_tensor *image, tsr_bytes *out);
/** Encode a u8 picture, gray or RGB, as JPEG. quality 1..100; 0 means 90. */
TSR_API tsr_status tsr_image_encode_jpeg(const tsr_tensor *image, int quality, tsr_bytes *out);
/** Write a picture, whole or not at all: JPEG (quality 90) when the path ends in .jpg or .jpeg, PNG when in .png. */
TSR_API tsr_status tsr_image_save(const char *path, const tsr_tensor *image);

/* ---- pictures and floats ------------------------------------------------------------------------------------------ */

/** u8 [H, W, C] -> f32 [C, H, W], contiguous, with 0 -> low and 255 -> high. */
TSR_API tsr_tensor *tsr_image_to_float(const tsr_tensor *image, double low, double high);
/** Floating [C, H, W], any strides -> u8 [H, W, C] with low -> 0 and high -> 255, rounded and clamped; NaN -> 0. */
TSR_API tsr_tensor *tsr_image_from_float(const tsr_tensor *t, double low, double high);

typedef struct tsr_image_grid_args {
    const tsr_tensor *images; /**< floating [N, C, H, W], N > 0, C 1, 3 or 4 */
    int64_t columns;          /**< 0: 8, or N when that is less */
    int64_t padding;          /**< pixels between pictures and around them; 0: 2, negative: none */
    double low, high;         /**< the values of black and white; both 0: -1 and 1 */
    int background;           /**< 0..255, of padding and of the places after the last picture */
    int end_;
} tsr_image_grid_args;
/** One picture with N pictures in rows: u8 [rows (H + padding) + padding, columns (W + padding) + padding, C]. */
#define tsr_image_grid(...) tsr_image_grid_v(&(tsr_image_grid_args){__VA_ARGS__, .end_ = 0})
TSR_API tsr_tensor *tsr_image_grid_v(const tsr_image_grid_args *args);

/* ---- geometry: u8 or f32 [H, W, C] -------------------------------------------------------------------------------- */

typedef enum tsr_filter {
    TSR_FILTER_BOX = 0,
    TSR_FILTER_TRIANGLE, /**< "bilinear" */
    TSR_FILTER_BICUBIC,  /**< Keys' cubic, a = -1/2 */
    TSR_FILTER_LANCZOS   /**< three lobes */
} tsr_filter;

/** Resize with the filter's support scaled by the ratio when shrinking (antialiased), rows then columns, u8 rounded in
    between: the pixels that Pillow gives (before version 13, which may take columns first). Alpha is filtered like a
    colour. */
TSR_API tsr_tensor *tsr_image_resize(const tsr_tensor *image, int64_t height, int64_t width, tsr_filter filter);
/** Resize so that the shorter side is `size`; the longer one is cut to a whole number, as torchvision's Resize(size). */
TSR_API tsr_tensor *tsr_image_resize_shorter(const tsr_tensor *image, int64_t size, tsr_filter filter);
/** A copy of the rectangle; it must lie inside the picture. */
TSR_API tsr_tensor *tsr_image_crop(const tsr_tensor *image, int64_t top, int64_t left, int64_t height, int64_t width);
/** The rectangle in the middle; of two possible places, torchvision's CenterCrop. */
TSR_API tsr_tensor *tsr_image_center_crop(const tsr_tensor *image, int64_t height, int64_t width);
/** Mirrored left to right. */
TSR_API tsr_tensor *tsr_image_flip(const tsr_tensor *image);

#ifdef __cplusplus
}
#endif
#endif
