/* error.h: how functions say that something went wrong.

   A function that returns a tensor returns NULL on an error; a function with effects returns a tsr_status. The first
   error of a thread stays, with its sentence, until it is read and cleared, and an operation that is given NULL returns
   NULL, so an expression of any length is checked once, at its end. Functions with effects (tsr_backward, tsr_save, an
   optimiser's step) refuse to run while an error is pending. */
#ifndef TESSERA_ERROR_H
#define TESSERA_ERROR_H

#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What kind of thing went wrong; the sentence is in tsr_error_message. */
typedef enum tsr_status {
    TSR_OK = 0,
    TSR_EINVAL,  /**< an argument is wrong: shape, dtype, value, name */
    TSR_ENOMEM,  /**< no memory */
    TSR_EIO,     /**< a file cannot be read or written */
    TSR_EFORMAT, /**< a file or text is not what it should be */
    TSR_ESTATE,  /**< not allowed now: graph already freed, saved tensor modified, leaf written in place */
    TSR_ENUMERIC /**< not a number where one is needed: non-finite loss, singular matrix */
} tsr_status;

/** The pending error's sentence, or NULL when there is none. Valid until it is cleared. */
TSR_API const char *tsr_error_message(void);

/** The pending error's kind; TSR_OK when there is none. */
TSR_API tsr_status tsr_error_status(void);

/** Forget the pending error of this thread. */
TSR_API void tsr_error_clear(void);

/**
 * Report an error, as the library's own functions do; for custom functions, modules and kernels.
 * A pending error is kept: the first one says why the later ones happened. Returns the status given.
 */
TSR_API tsr_status tsr_fail(tsr_status status, const char *format, ...) TSR_PRINTF(2, 3);

/**
 * Where warnings go. The default writes "tessera: warning: ..." to stderr; NULL silences them.
 * The function may be called from any thread.
 */
typedef void (*tsr_warning_handler)(const char *message, void *user);
TSR_API void tsr_set_warning_handler(tsr_warning_handler handler, void *user);

#ifdef __cplusplus
}
#endif
#endif
