/* image.c: pictures in files: recognises the format, decodes, and gives the channels and bits that were asked for. */
#include "tessera/image.h"

#include <string.h>

#include "base/alloc.h"
#include "io/picture.h"

enum { DEFAULT_MAX_PIXELS = 1 << 27 };

tsr_status picture_check_size(const picture_source *from, int64_t height, int64_t width)
{
    if (height <= 0 || width <= 0) return tsr_fail(TSR_EFORMAT, "%s: a picture without pixels", from->name);
    if (height <= from->max_pixels / width) return TSR_OK;
    return tsr_fail(TSR_EFORMAT, "%s: %lld x %lld pixels; at most %lld are allowed", from->name, (long long)width,
                    (long long)height, (long long)from->max_pixels);
}

tsr_status picture_alloc(picture *p, int64_t height, int64_t width, int channels, int bits)
{
    *p = (picture){.height = height, .width = width, .channels = channels, .bits = bits};
    p->pixels = tsr_alloc((size_t)picture_samples(p) * (size_t)(bits / 8));
    return p->pixels ? TSR_OK : TSR_ENOMEM;
}

/* ---- changes ---- */

/* 0..65535 to 0..255, to the nearest. */
static tsr_status reduce_to_8_bits(picture *p)
{
    if (p->bits == 8) return TSR_OK;
    const uint16_t *from = p->pixels;
    int64_t n = picture_samples(p);
    unsigned char *to = tsr_alloc((size_t)n);
    if (!to) return TSR_ENOMEM;
    for (int64_t i = 0; i < n; i++) to[i] = (unsigned char)((from[i] * 255u + 32767u) / 65535u);
    tsr_free(p->pixels);
    p->pixels = to;
    p->bits = 8;
    return TSR_OK;
}

static uint32_t sample(const picture *p, int64_t i)
{
    return p->bits == 8 ? ((const uint8_t *)p->pixels)[i] : ((const uint16_t *)p->pixels)[i];
}

static void set_sample(picture *p, int64_t i, uint32_t value)
{
    if (p->bits == 8) {
        ((uint8_t *)p->pixels)[i] = (uint8_t)value;
    } else {
        ((uint16_t *)p->pixels)[i] = (uint16_t)value;
    }
}

/* Rec. 601 luma with weights in 16-bit fixed point, as Pillow has it. */
static uint32_t luma(const uint32_t *rgb)
{
    return (uint32_t)(((uint64_t)rgb[0] * 19595 + (uint64_t)rgb[1] * 38470 + (uint64_t)rgb[2] * 7471 + 0x8000) >> 16);
}

/* One pixel in other channels. */
static void convert_pixel(const uint32_t *from, int channels, uint32_t *to, int wanted, uint32_t opaque)
{
    bool gray = channels <= 2;
    uint32_t alpha = channels == 2 ? from[1] : channels == 4 ? from[3] : opaque;
    if (wanted == 1) {
        to[0] = gray ? from[0] : luma(from);
        return;
    }
    for (int c = 0; c < 3; c++) to[c] = from[gray ? 0 : c];
    to[3] = alpha;
}

static tsr_status convert_channels(picture *p, int wanted)
{
    if (wanted == 0 || wanted == p->channels) return TSR_OK;
    picture out = *p;
    out.channels = wanted;
    out.pixels = tsr_alloc((size_t)picture_samples(&out) * (size_t)(out.bits / 8));
    if (!out.pixels) return TSR_ENOMEM;
    for (int64_t i = 0, n = p->height * p->width; i < n; i++) {
        uint32_t from[4] = {0}, to[4];
        for (int c = 0; c < p->channels; c++) from[c] = sample(p, i * p->channels + c);
        convert_pixel(from, p->channels, to, wanted, p->bits == 8 ? 255 : 65535);
        for (int c = 0; c < wanted; c++) set_sample(&out, i * wanted + c, to[c]);
    }
    tsr_free(p->pixels);
    *p = out;
    return TSR_OK;
}

static tsr_tensor *from_16_bits(const picture *p, tsr_shape shape)
{
    int64_t n = picture_samples(p);
    int32_t *wide = tsr_alloc((size_t)n * sizeof *wide);
    if (!wide) return NULL;
    for (int64_t i = 0; i < n; i++) wide[i] = ((const uint16_t *)p->pixels)[i];
    tsr_tensor *t = tsr_from_blob(wide, shape, TSR_I32, tsr_free, wide);
    if (!t) tsr_free(wide);
    return t;
}

/* The tensor takes over the pixels of an 8-bit picture. */
static tsr_tensor *to_tensor(picture *p)
{
    tsr_shape shape = TSR_SHAPE(p->height, p->width, p->channels);
    if (p->bits == 16) return from_16_bits(p, shape);
    tsr_tensor *t = tsr_from_blob(p->pixels, shape, TSR_U8, tsr_free, p->pixels);
    if (t) p->pixels = NULL;
    return t;
}

/* ---- decoding ---- */

static tsr_status check_options(const tsr_image_options *o)
{
    if (o->channels != 0 && o->channels != 1 && o->channels != 3 && o->channels != 4)
        return tsr_fail(TSR_EINVAL, "image: channels = %d; 1, 3 and 4 can be asked for", o->channels);
    if (o->bits != 0 && o->bits != 8) return tsr_fail(TSR_EINVAL, "image: bits = %d; 8 can be asked for", o->bits);
    if (o->max_pixels < 0) return tsr_fail(TSR_EINVAL, "image: max_pixels is negative");
    return TSR_OK;
}

static tsr_status decode_any(const picture_source *from, picture *out)
{
    if (png_recognises(from->data, from->size)) return png_decode(from, out);
    if (jpeg_recognises(from->data, from->size)) return jpeg_decode(from, out);
    return tsr_fail(TSR_EFORMAT, "%s: neither a PNG nor a JPEG (%zu bytes)", from->name, from->size);
}

static tsr_tensor *decode_named(const char *name, const void *data, int64_t size, const tsr_image_options *options)
{
    static const tsr_image_options defaults = {0};
    const tsr_image_options *o = options ? options : &defaults;
    if (check_options(o) != TSR_OK) return NULL;
    picture_source from = {.name = name,
                           .data = data,
                           .size = (size_t)size,
                           .max_pixels = o->max_pixels ? o->max_pixels : DEFAULT_MAX_PIXELS,
                           .keep_orientation = o->keep_orientation};
    picture p = {0};
    tsr_status status = decode_any(&from, &p);
    if (status == TSR_OK && o->bits == 8) status = reduce_to_8_bits(&p);
    if (status == TSR_OK) status = convert_channels(&p, o->channels);
    tsr_tensor *t = status == TSR_OK ? to_tensor(&p) : NULL;
    tsr_free(p.pixels);
    return t;
}

tsr_tensor *tsr_image_decode(const void *data, int64_t size, const tsr_image_options *options)
{
    if (size < 0 || (size > 0 && !data)) {
        tsr_fail(TSR_EINVAL, "image: %lld bytes at %s", (long long)size, data ? "an address" : "NULL");
        return NULL;
    }
    return decode_named("image", data, size, options);
}

tsr_tensor *tsr_image_load(const char *path, const tsr_image_options *options)
{
    tsr_bytes file;
    if (tsr_read_file(path, &file) != TSR_OK) return NULL;
    tsr_tensor *t = decode_named(path, file.data, file.size, options);
    tsr_bytes_free(&file);
    return t;
}

/* ---- saving ---- */

tsr_status tsr_image_save(const char *path, const tsr_tensor *image)
{
    if (tsr_error_pending()) return tsr_error_status();
    if (!path) return tsr_fail(TSR_EINVAL, "image_save: the path is NULL");
    tsr_bytes file;
    if (tsr_has_extension(path, ".png")) {
        TSR_TRY(tsr_image_encode_png(image, &file));
    } else if (tsr_has_extension(path, ".jpg") || tsr_has_extension(path, ".jpeg")) {
        TSR_TRY(tsr_image_encode_jpeg(image, 0, &file));
    } else {
        return tsr_fail(TSR_EINVAL, "image_save: %s ends neither in .png nor in .jpg or .jpeg", path);
    }
    tsr_status status = tsr_write_file(path, file.data, file.size);
    tsr_bytes_free(&file);
    return status;
}
