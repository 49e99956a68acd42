/* io.h: files of tensors, and writing files whole.

   Reading goes through an archive: tsr_archive_open recognises safetensors, .npz and .npy by their content, lists the
   tensors they hold, and hands out one at a time. Tensors of a safetensors file are views of the mapped file: opening a
   model of many gigabytes takes no time, and memory is used as elements are touched. Writing into such a tensor changes
   this process's copy alone, never the file. Replacing the file (as the functions below do, and mv) is safe while it is
   mapped; truncating it in place is not, as with any mapped file. An archive is for one thread at a time.

   Every function that writes a file writes it whole or not at all: to a temporary name in the same folder, synced,
   then renamed. After an error (a full disk, no permission) the old file, if any, is unchanged and nothing is left. */
#ifndef TESSERA_IO_H
#define TESSERA_IO_H

#include "tessera/named.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reading ------------------------------------------------------------------------------------------------- */

typedef struct tsr_archive tsr_archive;

/** What an archive says of one tensor without loading it. Texts live as long as the archive. */
typedef struct tsr_entry {
    const char *name;       /**< "" in a .npy file; without ".npy" in a .npz */
    const char *dtype_name; /**< as the file spells it: "F8_E4M3", "<u2" */
    tsr_dtype dtype;        /**< TSR_DTYPE_DEFAULT when Tessera has no such type */
    tsr_shape shape;        /**< n = 0 when the file's has more than 8 dimensions */
    int64_t bytes;          /**< in the file, after decompression */
    const char *problem;    /**< NULL, or why tsr_archive_get would refuse it, as half a sentence */
} tsr_entry;

/**
 * Open a .safetensors, .npz or .npy file, told apart by content. The whole header is checked, so that later calls fail
 * only for tensors of types that Tessera does not have, or for a compressed member that is damaged.
 *
 * Returns  an archive, owned by the caller: tsr_archive_close.
 * NULL     TSR_EIO: cannot be opened or read; TSR_EFORMAT: not such a file, or damaged: the sentence says where;
 *          TSR_ENOMEM.
 */
TSR_API tsr_archive *tsr_archive_open(const char *path);

/** The same for a file in memory. The memory must stay valid, and unchanged, until done(user) is called (once, also
    when opening fails; done may be NULL): when the archive and all its tensors are gone. */
TSR_API tsr_archive *tsr_archive_open_memory(void *data, int64_t size, void (*done)(void *user), void *user);

/** NULL is allowed. Tensors that came from the archive stay valid. */
TSR_API void tsr_archive_close(tsr_archive *a);

/** Number of tensors. */
TSR_API int64_t tsr_archive_count(const tsr_archive *a);
/** The i-th tensor's description, in the file's order. False when i is out of range. */
TSR_API bool tsr_archive_entry(const tsr_archive *a, int64_t i, tsr_entry *out);
/** Index of the tensor of that name, -1 when there is none (not an error). */
TSR_API int64_t tsr_archive_find(const tsr_archive *a, const char *name);

/**
 * The i-th tensor, contiguous, in the innermost scope. NULL: i out of range; a dtype that Tessera does not have (the
 * sentence names it); a damaged member; no memory.
 */
TSR_API tsr_tensor *tsr_archive_get(tsr_archive *a, int64_t i);
/** The tensor of that name; a name that is not there is an error that mentions the most similar one. */
TSR_API tsr_tensor *tsr_archive_get_named(tsr_archive *a, const char *name);

/** The value of a metadata key (safetensors' __metadata__), borrowed; NULL when there is none. */
TSR_API const char *tsr_archive_metadata(const tsr_archive *a, const char *key);
/** The i-th metadata key, borrowed; NULL when i is out of range. */
TSR_API const char *tsr_archive_metadata_key(const tsr_archive *a, int64_t i);

/** The only tensor of a file. NULL and an error also when the file holds none or several. */
TSR_API tsr_tensor *tsr_load_one(const char *path);

/* ---- writing ------------------------------------------------------------------------------------------------- */

/** A key with its text, for safetensors' metadata. */
typedef struct tsr_text_pair {
    const char *key, *value;
} tsr_text_pair;

/**
 * Write a safetensors file. Tensors may be strided; all dtypes can be saved. They are laid out by falling element size,
 * in the given order otherwise, so that each is aligned.
 *
 * metadata   n_metadata pairs, or NULL and 0
 *
 * TSR_EINVAL: a name or key twice, not UTF-8, or "__metadata__"; NULL among the arguments. TSR_EIO. TSR_ENOMEM.
 * Refused while an error is pending.
 */
TSR_API tsr_status tsr_save_safetensors(const char *path, const tsr_named *tensors, int64_t n,
                                        const tsr_text_pair *metadata, int64_t n_metadata);

/** Write a NumPy .npz file (stored, not compressed, as numpy.savez). bf16 has no NumPy type and is refused. */
TSR_API tsr_status tsr_save_npz(const char *path, const tsr_named *tensors, int64_t n);

/** Write a NumPy .npy file, version 1.0, C order. bf16 is refused. */
TSR_API tsr_status tsr_save_npy(const char *path, tsr_tensor *t);

/** Write one tensor: a .npy file when the path ends so, else a safetensors file with the name "tensor". */
TSR_API tsr_status tsr_save_one(const char *path, tsr_tensor *t);

/* ---- whole files --------------------------------------------------------------------------------------------- */

/** A run of bytes on the heap. `data` has a zero after the last byte, so that text can be used as it is. */
typedef struct tsr_bytes {
    void *data;
    int64_t size;
} tsr_bytes;

/** Read a whole file (a pipe too). out is freed with tsr_bytes_free; empty after an error. */
TSR_API tsr_status tsr_read_file(const char *path, tsr_bytes *out);
/** Write a whole file, or nothing. */
TSR_API tsr_status tsr_write_file(const char *path, const void *data, int64_t size);
/** A copy of the bytes at data; for tsr_bytes_free. */
TSR_API tsr_status tsr_bytes_copy(const void *data, int64_t size, tsr_bytes *out);
/** Free the bytes and set them to {NULL, 0}; NULL is allowed. */
TSR_API void tsr_bytes_free(tsr_bytes *bytes);

/** Make a folder and those above it. No error when it exists. */
TSR_API tsr_status tsr_make_folder(const char *path);

#ifdef __cplusplus
}
#endif
#endif
