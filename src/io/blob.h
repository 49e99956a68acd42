/* blob.h: a file's bytes, mapped or in memory, shared by the archive that reads it and the tensors that lie in it. */
#ifndef IO_BLOB_H
#define IO_BLOB_H

#include <stdint.h>

#include "tessera/tensor.h"

/* Files are little-endian, and so is every machine Tessera is built for. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "reading files on a big-endian machine needs byte swapping");

typedef struct blob {
    _Atomic int64_t refs;
    unsigned char *data;
    int64_t size;
    void (*done)(void *user); /* called with the last reference, or NULL */
    void *user;
} blob;

/* Map a file; what cannot be mapped (a pipe) is read. Writing to the memory changes this process's copy only. */
blob *blob_map(const char *path);
/* Over memory of somebody's. On failure done is called. */
blob *blob_wrap(void *data, int64_t size, void (*done)(void *user), void *user);
blob *blob_retain(blob *b);
void blob_release(void *b);

/* A tensor over the elements at data + offset, without copying when they are aligned for the dtype. The range has been
   checked. bool is copied, since a file may hold bytes other than 0 and 1. */
tsr_tensor *blob_tensor(blob *b, int64_t offset, tsr_shape shape, tsr_dtype dtype);

#endif
