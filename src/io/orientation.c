/* orientation.c: how a camera was held. The EXIF block of a JPEG says in tag 0x0112 of its first directory how the stored
   picture must be turned or mirrored to be upright. */
#include <string.h>

#include "base/alloc.h"
#include "io/picture.h"

/* ---- finding it ---- */

typedef struct tiff {
    const unsigned char *data;
    size_t size;
    bool big; /* most significant byte first */
} tiff;

static uint32_t number(const tiff *t, size_t at, int bytes)
{
    uint32_t n = 0;
    for (int i = 0; i < bytes; i++) n |= (uint32_t)t->data[at + (size_t)i] << 8 * (t->big ? bytes - 1 - i : i);
    return n;
}

static int orientation_in_directory(const tiff *t, size_t at)
{
    enum { ENTRY = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };
    if (at > t->size || t->size - at < 2) return 1;
    uint32_t entries = number(t, at, 2);
    for (at += 2; entries > 0 && t->size - at >= ENTRY; entries--, at += ENTRY) {
        if (number(t, at, 2) != TAG_ORIENTATION || number(t, at + 2, 2) != TYPE_SHORT) continue;
        uint32_t value = number(t, at + 8, 2);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int exif_orientation(const unsigned char *data, size_t size)
{
    enum { PREFIX = 6, HEADER = 8 };
    if (size < PREFIX + HEADER || memcmp(data, "Exif\0\0", PREFIX) != 0) return 1;
    tiff t = {data + PREFIX, size - PREFIX, data[PREFIX] == 'M'};
    if (memcmp(t.data, t.big ? "MM" : "II", 2) != 0 || number(&t, 2, 2) != 42) return 1;
    return orientation_in_directory(&t, number(&t, 4, 4));
}

/* ---- applying it ---- */

/* The standard says on which side of the upright picture the stored first row and first column lie. 5 to 8: the first row
   is at the left or right. 3, 4, 6, 7: rows run from bottom to top, or from right to left. */
static bool transposed(int o) { return o >= 5; }

static bool rows_reversed(int o) { return o == 3 || o == 4 || o == 6 || o == 7; }

static bool columns_reversed(int o) { return o == 2 || o == 3 || o == 7 || o == 8; }

tsr_status picture_orient(picture *p, int o)
{
    if (o <= 1 || o > 8) return TSR_OK;
    size_t pixel = (size_t)p->channels * (size_t)(p->bits / 8);
    picture out = *p;
    if (transposed(o)) out.height = p->width, out.width = p->height;
    char *to = out.pixels = tsr_alloc((size_t)picture_samples(p) * (size_t)(p->bits / 8));
    if (!to) return TSR_ENOMEM;
    for (int64_t y = 0; y < out.height; y++) {
        for (int64_t x = 0; x < out.width; x++, to += pixel) {
            int64_t row = transposed(o) ? x : y, column = transposed(o) ? y : x; /* of the stored picture */
            if (rows_reversed(o)) row = p->height - 1 - row;
            if (columns_reversed(o)) column = p->width - 1 - column;
            memcpy(to, (char *)p->pixels + (size_t)(row * p->width + column) * pixel, pixel);
        }
    }
    tsr_free(p->pixels);
    *p = out;
    return TSR_OK;
}
