/* npy.h: NumPy's array format: a header that is a Python dictionary, then the elements. Used alone and in .npz. */
#ifndef IO_NPY_H
#define IO_NPY_H

#include "io/archive.h"

/* Read the header of an array of which `size` bytes are at hand, and that is `whole` bytes long. Fills item's entry
   (but for the name), offset and fortran; `problem` and `dtype_name` receive texts that the entry points to. */
typedef struct npy_texts {
    char dtype_name[80], problem[160];
} npy_texts;
tsr_status npy_read_header(tsr_archive *a, const char *name, const unsigned char *data, int64_t size, int64_t whole,
                           archive_item *item, npy_texts *texts);
/* A contiguous tensor of Fortran-ordered elements. */
tsr_tensor *npy_from_fortran(const void *data, tsr_shape shape, tsr_dtype dtype);
/* The header for t. */
tsr_status npy_write_header(const tsr_tensor *t, tsr_text *out);

#endif
