/* progress.h: how far a long command is: a bar on a terminal, now and then a line elsewhere. On stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    const char *unit; /* "steps" */
    int64_t first, total;
    bool shown, terminal;
    double started, last; /* seconds */
} progress;

/* A clock that only goes forward, in seconds. */
double now_seconds(void);

/* Begin at `first` of `total`. Nothing is ever shown unless `shown`. */
progress progress_start(const char *unit, int64_t first, int64_t total, bool shown);
/* `done` of the total are done; note is what else to say ("loss 0.31"). Shown at most a few times a second. */
void progress_update(progress *p, int64_t done, const char *note);
/* Take the bar away. */
void progress_end(progress *p);

#endif
