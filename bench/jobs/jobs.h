/* jobs.h: what bench_jobs can be asked to time.

   A job is a kind and its sizes, and its name says both: "conv3.forward/8x128x32" is the kind "conv3.forward" of the numbers
   8, 128, 32; "gpt.sample/tiny/8" has a configuration before its numbers. bench/peer.py reads the same names, and fills its
   operands by the same formula, so that both sides do the same work on the same data. */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "tessera/tensor.h"

enum { JOB_NUMBERS = 8, JOB_TENSORS = 8 };

typedef struct job job;

typedef struct job_kind {
    const char *name;
    bool (*setup)(job *j);
    /** The work, once; returns what it computed (NULL: an error is pending), in the scope that the caller has opened. */
    tsr_tensor *(*run)(job *j);
    void (*drop)(job *j);         /**< frees j->state; may be NULL */
    tsr_tensor *(*check)(job *j); /**< what to compare with the peer instead of run's result; NULL: that */
    bool grad;                    /**< run records; otherwise in inference mode */
    int inner;                    /**< calls of run that are timed as one, for what is too short for the clock; 0: 1 */
    int kernel, stride, padding;  /**< of convolutions */
} job_kind;

struct job {
    const job_kind *kind;
    char name[64], config[32];
    int64_t n[JOB_NUMBERS];
    int count; /**< of numbers */
    tsr_tensor *t[JOB_TENSORS];
    void *state;
};

/** A place in the standard list; quick: also in the short one. */
typedef struct job_entry {
    const char *name;
    bool quick;
} job_entry;

extern const job_kind operator_kinds[], model_kinds[]; /* both end with a kind without name */
extern const job_entry standard_jobs[];                /* ends with an entry without name */

/** Where the models' jobs leave weights and inputs for the peer; NULL: nowhere. */
extern const char *weights_folder;

/** Operand number `slot`: filled by the formula that the peer uses, kept until the job ends. False: an error is pending. */
bool job_operand(job *j, int slot, tsr_shape shape);
/** The same for a [N, C, H, W] operand that lies channels-last in memory. */
bool job_picture(job *j, int slot, tsr_shape shape);
/** Let the operand require its gradient. */
bool job_wants_grad(job *j, int slot);

/** Multiply-adds in registers alone on all threads, for some milliseconds: GFLOP/s. */
double fma_peak(void);

#endif
