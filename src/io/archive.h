/* archive.h: what the formats of tensor files (safetensors.c, npz.c, npy.c) share with the reader that users see
   (archive.c). A format fills in the entries when a file is opened, and makes one tensor when it is asked for. */
#ifndef IO_ARCHIVE_H
#define IO_ARCHIVE_H

#include "base/util.h"
#include "io/blob.h"
#include "tessera/io.h"

typedef struct archive_format {
    /* Whether the file begins like one of this format. */
    bool (*recognises)(const unsigned char *data, int64_t size);
    /* Check the file and add its entries; a->blob and a->name are set. */
    tsr_status (*open)(tsr_archive *a);
    /* Make the tensor of entry i, which has no problem. */
    tsr_tensor *(*get)(tsr_archive *a, int64_t i);
    /* Free a->state; may be NULL. */
    void (*close)(tsr_archive *a);
} archive_format;

extern const archive_format safetensors_format, npz_format, npy_format;

typedef struct archive_item {
    tsr_entry entry; /* name, dtype_name and problem are copies of the archive's own */
    int64_t offset;  /* of the elements in the file, or in the uncompressed member of a zip */
    uint64_t member; /* of a zip */
    bool fortran;    /* first dimension innermost */
} archive_item;

struct tsr_archive {
    const archive_format *format;
    blob *blob;
    char *name; /* the path, for messages */
    archive_item *items;
    int64_t count, room;
    tsr_map index; /* name -> number of the item + 1, as a pointer */
    tsr_text_pair *metadata;
    int64_t metadata_count, metadata_room;
    void *state;
};

/* Add a copy of the item and of its texts. The name is new: checked by the caller with tsr_archive_find. */
tsr_status archive_add(tsr_archive *a, const archive_item *item);
tsr_status archive_add_metadata(tsr_archive *a, const char *key, const char *value);
/* "<file>: <sentence>" as TSR_EFORMAT. */
tsr_status archive_damaged(const tsr_archive *a, const char *format, ...) TSR_PRINTF(2, 3);
/* shape's elements times `size` bytes; -1 when that overflows or a size is negative. */
int64_t archive_bytes(const tsr_shape *shape, int64_t size);

#endif
