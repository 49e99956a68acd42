/* util.h: small things every layer uses: passing errors on, growing arrays, text. */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tessera/error.h"

/* Return the status of `expr` to the caller unless it is TSR_OK. */
#define TSR_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        tsr_status tsr_try_status_ = (expr);                                                                           \
        if (tsr_try_status_ != TSR_OK) return tsr_try_status_;                                                         \
    } while (0)

/* A small thread-local variable that is read often: no function call to find it, also in a shared library. Such space
   is scarce in a library that is loaded at run time: pointers and numbers only. */
#if defined(__ELF__)
#define TSR_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define TSR_THREAD_LOCAL _Thread_local
#endif

#define TSR_COUNT(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))

static inline int64_t tsr_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t tsr_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Truncation; what does not fit, and NaN, gives the smallest integer, as x86 does and so PyTorch there. */
static inline int64_t tsr_i64_of_f64(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }

/* n / 2 for n >= 0, rounded to the nearest, a half to the even one, as Python's round(n / 2). */
static inline int64_t tsr_half_to_even(int64_t n) { return n / 2 + (n % 2) * (n / 2 % 2); }

/* How many bytes of the text fit into `most` without a character of UTF-8 cut in two. */
size_t tsr_utf8_fit(const char *text, size_t most);

/* Whether the path ends in the extension (".png"), in small or large letters. */
bool tsr_has_extension(const char *path, const char *extension);

/* Has this thread an error that was not cleared? */
static inline bool tsr_error_pending(void) { return tsr_error_status() != TSR_OK; }

/* Let the pending error's message begin with "NAME: ", unless it does. */
void tsr_error_name(const char *name);

/* Say something on the warning channel (tsr_set_warning_handler). */
void tsr_warn(const char *format, ...) TSR_PRINTF(1, 2);

/* Whether the environment variable is 1; not set, "" and 0 mean no, anything else no with a warning. */
bool tsr_env_switch(const char *name);

/* Text that grows. Zero-initialise; tsr_text_free when done. A failed allocation sets the error, and later appends do
   nothing, so only the end needs a check (failed). */
typedef struct tsr_text {
    char *data; /* NULL until something is appended, else zero-terminated */
    size_t length, room;
    bool failed;
} tsr_text;
void tsr_text_add(tsr_text *t, const char *format, ...) TSR_PRINTF(2, 3);
void tsr_text_vadd(tsr_text *t, const char *format, va_list args) TSR_PRINTF(2, 0);
void tsr_text_add_bytes(tsr_text *t, const void *bytes, size_t n);
const char *tsr_text_get(const tsr_text *t); /* "" when empty */
void tsr_text_free(tsr_text *t);

/* Make room for one more element: *items has *room elements of `size` bytes, `count` in use. False: no memory. */
bool tsr_grow(void *items, int64_t count, int64_t *room, size_t size);

/* How many insertions, deletions and replacements of bytes turn a into b (Levenshtein), for "did you mean". Bytes after
   the 255th of each are not looked at. */
int64_t tsr_edit_distance(const char *a, const char *b);

/* A map from strings to pointers (open addressing; keys are copied). Zero-initialise. */
typedef struct tsr_map {
    struct tsr_map_slot *slots;
    int64_t count, room;
} tsr_map;
void *tsr_map_get(const tsr_map *m, const char *key);
bool tsr_map_put(tsr_map *m, const char *key, void *value); /* replaces; false: no memory */
void tsr_map_free(tsr_map *m);

#endif
