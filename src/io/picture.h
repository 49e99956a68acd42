/* picture.h: a decoded picture on its way between the codecs (png.c, jpeg.c), the changes asked for (image.c) and a
   tensor. */
#ifndef IO_PICTURE_H
#define IO_PICTURE_H

#include "base/util.h"
#include "tessera/image.h"

typedef struct picture {
    int64_t height, width;
    int channels; /* 1, 2, 3 or 4 */
    int bits;     /* 8: bytes; 16: pixels are uint16_t of this machine */
    void *pixels; /* from tsr_alloc, rows without gaps */
} picture;

/* What a decoder is given. Errors begin with `name`. */
typedef struct picture_source {
    const char *name;
    const unsigned char *data;
    size_t size;
    int64_t max_pixels;
    bool keep_orientation;
} picture_source;

static inline int64_t picture_samples(const picture *p) { return p->height * p->width * p->channels; }

/* An error for a picture without pixels or with too many: to be asked before memory is taken for it. */
tsr_status picture_check_size(const picture_source *from, int64_t height, int64_t width);
/* Set the size and take memory for it. */
tsr_status picture_alloc(picture *p, int64_t height, int64_t width, int channels, int bits);

tsr_status png_decode(const picture_source *from, picture *out);
tsr_status jpeg_decode(const picture_source *from, picture *out);
bool png_recognises(const unsigned char *data, size_t size);
bool jpeg_recognises(const unsigned char *data, size_t size);

/* The EXIF orientation (1..8) in the body of a JPEG's APP1 segment; 1 when there is none. */
int exif_orientation(const unsigned char *data, size_t size);
/* Turn and mirror the picture as the orientation says. */
tsr_status picture_orient(picture *p, int orientation);

#endif
