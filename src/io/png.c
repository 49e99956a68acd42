/* png.c: PNG by libpng, from and to memory. libpng reports errors by not returning, so each direction is one small
   function around setjmp whose state lives in a struct outside it. Its memory is ours: tsr_alloc. */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/alloc.h"
#include "io/picture.h"

bool png_recognises(const unsigned char *data, size_t size)
{
    return size >= 4 && data[0] == 0x89 && !memcmp(data + 1, "PNG", 3);
}

static png_voidp give_memory(png_structp png, png_alloc_size_t bytes)
{
    (void)png;
    return tsr_alloc(bytes);
}

static void take_memory(png_structp png, png_voidp p)
{
    (void)png;
    tsr_free(p);
}

/* Bad ancillary chunks and the like: the picture is whole. */
static void ignore_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* ---- reading ---- */

typedef struct reader {
    const picture_source *from;
    size_t at;
    picture *out;
    png_bytepp rows;
    png_structp png;
    png_infop info;
} reader;

static void read_failed(png_structp png, png_const_charp text)
{
    const reader *r = png_get_error_ptr(png);
    tsr_fail(TSR_EFORMAT, "%s: damaged PNG: %s", r->from->name, text); /* no memory has been reported before */
    png_longjmp(png, 1);
}

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->from->size - r->at) png_error(png, "the file is cut off");
    memcpy(to, r->from->data + r->at, n);
    r->at += n;
}

/* Every kind of PNG becomes 1 to 4 channels of 8 bits, or of 16 in this machine's order. */
static void set_transformations(png_structp png, png_infop info)
{
    png_set_expand(png); /* palette to RGB, fewer bits to 8, a transparent colour to alpha */
    if (png_get_bit_depth(png, info) == 16) png_set_swap(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void read_pixels(reader *r)
{
    png_read_info(r->png, r->info);
    int64_t height = png_get_image_height(r->png, r->info), width = png_get_image_width(r->png, r->info);
    if (picture_check_size(r->from, height, width) != TSR_OK) png_error(r->png, "size");
    set_transformations(r->png, r->info);
    int channels = png_get_channels(r->png, r->info), bits = png_get_bit_depth(r->png, r->info);
    if (picture_alloc(r->out, height, width, channels, bits) != TSR_OK) png_error(r->png, "no memory");
    r->rows = tsr_alloc((size_t)height * sizeof *r->rows);
    if (!r->rows) png_error(r->png, "no memory");
    size_t stride = png_get_rowbytes(r->png, r->info);
    for (int64_t y = 0; y < height; y++) r->rows[y] = (png_bytep)r->out->pixels + (size_t)y * stride;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
}

static bool read_guarded(reader *r)
{
    if (setjmp(png_jmpbuf(r->png))) return false;
    png_set_read_fn(r->png, r, read_bytes);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* the number of pixels is checked instead */
    read_pixels(r);
    return true;
}

tsr_status png_decode(const picture_source *from, picture *out)
{
    reader r = {.from = from, .out = out};
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, read_failed, ignore_warning, NULL, give_memory,
                                     take_memory);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    bool ok = r.info && read_guarded(&r);
    if (!ok) tsr_fail(TSR_ENOMEM, "%s: no memory for libpng", from->name); /* kept only when nothing else was said */
    png_destroy_read_struct(&r.png, &r.info, NULL);
    tsr_free(r.rows);
    return ok ? TSR_OK : tsr_error_status();
}

/* ---- writing ---- */

typedef struct writer {
    const tsr_tensor *image;
    int64_t height, width;
    int channels;
    tsr_text out;
    png_bytep row; /* of 16-bit samples */
    png_structp png;
    png_infop info;
} writer;

static void write_failed(png_structp png, png_const_charp text)
{
    tsr_fail(TSR_EIO, "encode_png: %s", text);
    png_longjmp(png, 1);
}

static void write_bytes(png_structp png, png_bytep from, size_t n)
{
    writer *w = png_get_io_ptr(png);
    tsr_text_add_bytes(&w->out, from, n);
    if (w->out.failed) png_error(png, "no memory");
}

static void flush_nothing(png_structp png) { (void)png; }

/* The samples of a row as PNG stores them: most significant byte first. */
static void pack_row(writer *w, const int32_t *from)
{
    for (int64_t i = 0; i < w->width * w->channels; i++) {
        if (from[i] < 0 || from[i] > 65535) {
            tsr_fail(TSR_EINVAL, "encode_png: the value %d is not in 0..65535", (int)from[i]);
            png_error(w->png, "value");
        }
        w->row[2 * i] = (png_byte)(from[i] >> 8);
        w->row[2 * i + 1] = (png_byte)from[i];
    }
}

static void write_rows(writer *w)
{
    int64_t samples = w->width * w->channels;
    bool wide = tsr_dtype_of(w->image) == TSR_I32;
    const unsigned char *from = tsr_const_data(w->image);
    if (wide && !(w->row = tsr_alloc((size_t)samples * 2))) png_error(w->png, "no memory");
    for (int64_t y = 0; y < w->height; y++) {
        if (wide) pack_row(w, (const int32_t *)from + y * samples);
        png_write_row(w->png, wide ? w->row : from + y * samples);
    }
}

static bool write_guarded(writer *w)
{
    static const int colour[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(w->png))) return false;
    png_set_write_fn(w->png, w, write_bytes, flush_nothing);
    png_set_user_limits(w->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(w->png, w->info, (png_uint_32)w->width, (png_uint_32)w->height,
                 tsr_dtype_of(w->image) == TSR_I32 ? 16 : 8, colour[w->channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    write_rows(w);
    png_write_end(w->png, w->info);
    return true;
}

/* u8 or i32 [H, W, C] or [H, W], contiguous, not empty. */
static tsr_status check_image(const tsr_tensor *image, writer *w)
{
    if (!image) return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_EINVAL, "encode_png: the image is NULL");
    tsr_shape s = tsr_shape_of(image);
    tsr_dtype dtype = tsr_dtype_of(image);
    int64_t channels = s.n == 2 ? 1 : s.v[2];
    bool fits = (s.n == 2 || s.n == 3) && s.v[0] > 0 && s.v[1] > 0 && s.v[0] <= PNG_UINT_31_MAX &&
                s.v[1] <= PNG_UINT_31_MAX && channels >= 1 && channels <= 4;
    if (!fits || (dtype != TSR_U8 && dtype != TSR_I32) || !tsr_is_contiguous(image))
        return tsr_fail(TSR_EINVAL,
                        "encode_png: wants a contiguous u8 or i32 [height, width, 1 to 4 channels], got %s of %d "
                        "dimensions with %lld elements",
                        tsr_dtype_name(dtype), s.n, (long long)tsr_numel(image));
    *w = (writer){.image = image, .height = s.v[0], .width = s.v[1], .channels = (int)channels};
    return TSR_OK;
}

tsr_status tsr_image_encode_png(const tsr_tensor *image, tsr_bytes *out)
{
    writer w;
    *out = (tsr_bytes){0};
    TSR_TRY(check_image(image, &w));
    w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, write_failed, ignore_warning, NULL, give_memory,
                                      take_memory);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    bool ok = w.info && write_guarded(&w);
    if (!ok) tsr_fail(TSR_ENOMEM, "encode_png: no memory for libpng");
    png_destroy_write_struct(&w.png, &w.info);
    tsr_free(w.row);
    if (ok) {
        *out = (tsr_bytes){w.out.data, (int64_t)w.out.length};
    } else {
        tsr_text_free(&w.out);
    }
    return ok ? TSR_OK : tsr_error_status();
}
