/* profile.h: where the time goes. Between tsr_profile_start and tsr_profile_stop every operator that runs, in any thread, is
   timed, with the bytes of its operands and results and the floating-point operations of products, convolutions and
   attention. What is found can be read as rows, as a table, and as a trace of single calls for chrome://tracing or
   ui.perfetto.dev.

   The environment variable TSR_PROFILE=1 does this for a whole process without a change to it: recording starts with the first
   use of the library; when the process exits normally the table goes to stderr and the trace to the file that
   TSR_PROFILE_TRACE names (tessera-trace.json without it; none if it is empty). A process ended by a signal reports nothing.

   Besides operators there are rows for derivatives, under PyTorch's names (MmBackward0), and for ranges: "backward",
   "optimizer" and "data" (waiting for a loader's batch) around these functions of the library, "forward" and "discriminator" in
   its trainers, and those that a program gives names to. What runs inside another row is part of that row's total time and not of its self
   time. While nothing is recorded an operator pays one comparison for all this; while it is, less than a microsecond, which
   is left out of the times. */
#ifndef TESSERA_PROFILE_H
#define TESSERA_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "tessera/error.h"
#include "tessera/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- recording ------------------------------------------------------------------------------------------------------ */

/** Forget what was recorded and start to record, in all threads. A call that has begun already is not counted. */
TSR_API void tsr_profile_start(void);
/** Stop. What was recorded stays, to be read. A call that has not ended yet is not counted. */
TSR_API void tsr_profile_stop(void);
/** Stop, forget, and give back the memory. */
TSR_API void tsr_profile_clear(void);
TSR_API bool tsr_profile_is_on(void);

/** Name what this thread does until the matching end (torch.profiler.record_function), to see it as a row of its own and
    in the trace. Ranges nest, 32 deep at most; deeper and NULL are errors. The name is not copied and must stay until the
    end; 200 bytes of it are used. Labels of tsr_push_anomaly_label (autograd.h) are ranges, too. Costs next to nothing while
    nothing is recorded. */
TSR_API tsr_status tsr_profile_range_begin(const char *name);
/** End the innermost range; TSR_ESTATE when there is none. */
TSR_API tsr_status tsr_profile_range_end(void);

/* ---- reading --------------------------------------------------------------------------------------------------------- */

typedef enum tsr_profile_kind {
    TSR_PROFILE_OPERATOR,   /**< an operator's or a custom function's forward */
    TSR_PROFILE_DERIVATIVE, /**< a node of the graph in backward, with its hooks */
    TSR_PROFILE_RANGE       /**< named by the library or the program */
} tsr_profile_kind;

/** All calls under one name. */
typedef struct tsr_profile_row {
    const char *name; /**< valid until the next start or clear */
    tsr_profile_kind kind;
    int64_t calls;  /**< also those that failed */
    double total_s; /**< seconds, all threads added up; a call inside one of the same name counts once */
    double self_s;  /**< without what ran inside and has a row of its own */
    int64_t bytes;  /**< of operands and results, each tensor once a call, expanded dimensions once; 0 for views and
                       ranges */
    int64_t flops;  /**< 2 for each multiplication and addition of matmul, linear, convolution, attention and
                       nearest_code, in it and in what ran inside; 0: none were counted, not: there were none. Of a
                       convolution those of a direct one, also where Winograd's algorithm does fewer: such a rate can
                       exceed the machine's peak */
} tsr_profile_row;

/** The rows, those of the largest self time first: up to `room` of them are written. Returns how many there are. */
TSR_API int64_t tsr_profile_rows(tsr_profile_row *rows, int64_t room);

/** The rows as a table in text, for tsr_free. Rates are per second of total time. Of names 48 bytes are shown, control
    characters as '?'. NULL: no memory. */
TSR_API char *tsr_profile_report(void);

/**
 * Write the calls, one event each, as JSON for chrome://tracing and ui.perfetto.dev: name, start, duration, thread, and
 * the shapes of operands. The first million calls are kept; the file and the report say how many came after.
 *
 * The file is written whole or not at all. TSR_EIO. TSR_ENOMEM. Refused while an error is pending.
 */
TSR_API tsr_status tsr_profile_save_trace(const char *path);

/** Calls that are not in the trace: those after the first million, and any for which there was no memory. */
TSR_API int64_t tsr_profile_dropped(void);

#ifdef __cplusplus
}
#endif
#endif
