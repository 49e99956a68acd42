/* jpeg.c: JPEG by libjpeg-turbo, from and to memory. Like libpng it reports errors by not returning. Its warnings are
   about damaged data that it papers over with grey; a picture that is partly invented is no use for training, so they
   are errors here, but for the few that concern no pixel. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/alloc.h"
#include "io/picture.h"

enum { MOST_SCANS = 500 }; /* a small progressive file may ask for endless passes over a large picture */

bool jpeg_recognises(const unsigned char *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

typedef struct codec {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    jmp_buf escape;
    const char *name;
} codec;

/* The sentence of the library's message, and out. */
static void failed(j_common_ptr info)
{
    codec *c = (codec *)info->err;
    char text[JMSG_LENGTH_MAX];
    c->errors.format_message(info, text);
    bool memory = c->errors.msg_code == JERR_OUT_OF_MEMORY;
    tsr_fail(memory ? TSR_ENOMEM : TSR_EFORMAT, "%s: %s: %s", c->name,
             info->is_decompressor ? "damaged JPEG" : "cannot encode JPEG", text);
    longjmp(c->escape, 1);
}

static void on_message(j_common_ptr info, int level)
{
    int code = info->err->msg_code;
    bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR;
    if (level < 0 && !harmless) failed(info);
}

static struct jpeg_error_mgr *set_up_errors(codec *c, const char *name)
{
    jpeg_std_error(&c->errors);
    c->errors.error_exit = failed;
    c->errors.emit_message = on_message;
    c->name = name;
    return &c->errors;
}

/* ---- reading ---- */

typedef struct reader {
    codec codec;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    const picture_source *from;
    picture *out;
    unsigned char *cmyk; /* a row */
} reader;

static void check_scans(j_common_ptr info)
{
    const j_decompress_ptr jpeg = (j_decompress_ptr)info;
    if (jpeg->input_scan_number <= MOST_SCANS) return;
    tsr_fail(TSR_EFORMAT, "%s: a JPEG of more than %d scans", ((codec *)info->err)->name, MOST_SCANS);
    longjmp(((codec *)info->err)->escape, 1);
}

/* Inks are subtractive: what is left of white after C (M, Y) and then K. Adobe stores 255 - ink. */
static void cmyk_to_rgb(const unsigned char *from, unsigned char *to, int64_t pixels, bool inverted)
{
    int flip = inverted ? 0 : 255;
    for (int64_t i = 0; i < pixels; i++, from += 4, to += 3) {
        int k = from[3] ^ flip;
        for (int c = 0; c < 3; c++) to[c] = (unsigned char)(((from[c] ^ flip) * k + 127) / 255);
    }
}

static void choose_colours(struct jpeg_decompress_struct *jpeg)
{
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        jpeg->out_color_space = JCS_CMYK;
        break;
    default:
        jpeg->out_color_space = JCS_RGB;
        break;
    }
}

static void read_rows(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    bool cmyk = jpeg->out_color_space == JCS_CMYK;
    size_t stride = (size_t)(r->out->width * r->out->channels);
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *row = (unsigned char *)r->out->pixels + jpeg->output_scanline * stride;
        JSAMPROW target = cmyk ? r->cmyk : row;
        jpeg_read_scanlines(jpeg, &target, 1);
        if (cmyk) cmyk_to_rgb(r->cmyk, row, r->out->width, jpeg->saw_Adobe_marker);
    }
}

static int orientation_of(const struct jpeg_decompress_struct *jpeg)
{
    int orientation = 1;
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m && orientation == 1; m = m->next)
        if (m->marker == JPEG_APP0 + 1) orientation = exif_orientation(m->data, m->data_length);
    return orientation;
}

/* Returns the orientation, 0 after an error. */
static int read_guarded(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->codec.escape)) return 0;
    jpeg_create_decompress(jpeg);
    r->progress.progress_monitor = check_scans;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, r->from->data, r->from->size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    choose_colours(jpeg);
    int channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    if (picture_check_size(r->from, jpeg->image_height, jpeg->image_width) != TSR_OK) return 0;
    if (picture_alloc(r->out, jpeg->image_height, jpeg->image_width, channels, 8) != TSR_OK) return 0;
    if (jpeg->out_color_space == JCS_CMYK && !(r->cmyk = tsr_alloc((size_t)jpeg->image_width * 4))) return 0;
    int orientation = orientation_of(jpeg); /* finishing forgets the markers */
    jpeg_start_decompress(jpeg);
    read_rows(r);
    jpeg_finish_decompress(jpeg);
    return orientation;
}

tsr_status jpeg_decode(const picture_source *from, picture *out)
{
    reader r = {.from = from, .out = out};
    r.jpeg.err = set_up_errors(&r.codec, from->name);
    int orientation = read_guarded(&r);
    jpeg_destroy_decompress(&r.jpeg);
    tsr_free(r.cmyk);
    if (orientation == 0) return tsr_error_status();
    return from->keep_orientation ? TSR_OK : picture_orient(out, orientation);
}

/* ---- writing ---- */

enum { PIECE = 1 << 14 };

typedef struct writer {
    codec codec;
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr target;
    tsr_text out;
    JOCTET piece[PIECE];
    const unsigned char *pixels;
    int64_t height, width;
    int channels, quality;
} writer;

static void begin_piece(j_compress_ptr jpeg)
{
    writer *w = jpeg->client_data;
    w->target.next_output_byte = w->piece;
    w->target.free_in_buffer = PIECE;
}

static void add_piece(writer *w, size_t n)
{
    tsr_text_add_bytes(&w->out, w->piece, n);
    if (w->out.failed) longjmp(w->codec.escape, 1);
}

static boolean next_piece(j_compress_ptr jpeg)
{
    add_piece(jpeg->client_data, PIECE);
    begin_piece(jpeg);
    return TRUE;
}

static void end_pieces(j_compress_ptr jpeg)
{
    writer *w = jpeg->client_data;
    add_piece(w, PIECE - w->target.free_in_buffer);
}

static bool write_guarded(writer *w)
{
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    if (setjmp(w->codec.escape)) return false;
    jpeg_create_compress(jpeg);
    w->target = (struct jpeg_destination_mgr){
        .init_destination = begin_piece, .empty_output_buffer = next_piece, .term_destination = end_pieces};
    jpeg->dest = &w->target;
    jpeg->client_data = w;
    jpeg->image_width = (JDIMENSION)w->width;
    jpeg->image_height = (JDIMENSION)w->height;
    jpeg->input_components = w->channels;
    jpeg->in_color_space = w->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, w->quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    for (int64_t y = 0; y < w->height; y++) {
        JSAMPROW row = (JSAMPROW)w->pixels + y * w->width * w->channels;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

static tsr_status check_image(const tsr_tensor *image, int quality)
{
    if (!image)
        return tsr_error_pending() ? tsr_error_status() : tsr_fail(TSR_EINVAL, "encode_jpeg: the image is NULL");
    tsr_shape s = tsr_shape_of(image);
    bool fits = (s.n == 2 || (s.n == 3 && (s.v[2] == 1 || s.v[2] == 3))) && s.v[0] > 0 && s.v[1] > 0 &&
                s.v[0] <= JPEG_MAX_DIMENSION && s.v[1] <= JPEG_MAX_DIMENSION;
    if (!fits || tsr_dtype_of(image) != TSR_U8 || !tsr_is_contiguous(image))
        return tsr_fail(TSR_EINVAL,
                        "encode_jpeg: wants a contiguous u8 [height, width, 1 or 3 channels] of at most %ld pixels a "
                        "side, got %s of %d dimensions with %lld elements",
                        JPEG_MAX_DIMENSION, tsr_dtype_name(tsr_dtype_of(image)), s.n, (long long)tsr_numel(image));
    if (quality < 0 || quality > 100) return tsr_fail(TSR_EINVAL, "encode_jpeg: quality %d is not in 1..100", quality);
    return TSR_OK;
}

tsr_status tsr_image_encode_jpeg(const tsr_tensor *image, int quality, tsr_bytes *out)
{
    *out = (tsr_bytes){0};
    TSR_TRY(check_image(image, quality));
    tsr_shape s = tsr_shape_of(image);
    writer w = {.pixels = tsr_const_data(image), .height = s.v[0], .width = s.v[1]};
    w.channels = s.n == 2 ? 1 : (int)s.v[2];
    w.quality = quality ? quality : 90;
    w.jpeg.err = set_up_errors(&w.codec, "encode_jpeg");
    bool ok = w.pixels && write_guarded(&w);
    jpeg_destroy_compress(&w.jpeg);
    if (ok) {
        *out = (tsr_bytes){w.out.data, (int64_t)w.out.length};
    } else {
        tsr_text_free(&w.out);
    }
    return ok ? TSR_OK : tsr_error_status();
}
