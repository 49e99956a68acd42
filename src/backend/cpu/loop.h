/* loop.h: one loop over the elements of up to four arrays of one shape (broadcast dimensions have stride 0).

   Making a loop drops dimensions of size 1, sorts the others so that the output's smallest stride is innermost, and
   merges neighbours that step evenly, so that most work is one long row whatever the layout: two channels-last tensors
   are added as one row of all their elements. Rows are then run over threads. What happens to an element does not depend
   on where a row is cut, so neither do the results. */
#ifndef LOOP_H
#define LOOP_H

#include "backend/backend.h"

#define LOOP_OPERANDS 4

typedef struct loop {
    int ndim, operands;                                               /* ndim >= 1 */
    int64_t count;                                                    /* elements */
    int64_t shape[TSR_MAX_DIMS], stride[LOOP_OPERANDS][TSR_MAX_DIMS]; /* strides in bytes; innermost last */
    char *data[LOOP_OPERANDS];
    int64_t size[LOOP_OPERANDS]; /* bytes of an element */
} loop;

/* c and d may be NULL. `sorted` false keeps the dimensions' order, for loops whose order matters. */
loop loop_make(bool sorted, const array *a, const array *b, const array *c, const array *d);

/* Around a row of few elements more is to do than in it: the loop with a longer dimension innermost, though that one's
   elements lie apart: the nearest that is long enough, or the longest. */
loop loop_with_longer_rows(const loop *l);

/* The array with size 1 in the dimensions that are not in the mask: what a loop over some dimensions is made of. */
array array_only_dims(const array *a, uint32_t dims);

/* Work on n elements, `step` bytes apart in each operand. */
typedef void (*loop_body)(char *const *data, const int64_t *step, int64_t n, const void *user);

/* Run the body over all elements: a thread gets `grain` elements or more. */
void loop_run(const loop *l, int64_t grain, loop_body body, const void *user);

/* The same for elements [begin, end) of the loop, on this thread. */
void loop_run_range(const loop *l, int64_t begin, int64_t end, loop_body body, const void *user);

/* Work on a row: operand k's elements are adjacent (step 1) or one element stands for all (step 0); the output's, operand
   0, are adjacent. p are the operation's parameters. */
typedef void (*loop_row)(char *const *data, const int *step, int64_t n, const double *p);

/* The same for rows; elements that lie otherwise are gathered to, and scattered from, small buffers. */
void loop_run_rows(const loop *l, int64_t grain, loop_row row, const double *p);

/* For rows that take no repeated elements: step is 1 throughout, such operands are spread into the buffers too. */
void loop_run_adjacent_rows(const loop *l, int64_t grain, loop_row row, const double *p);

/* Whether the arrays are one contiguous row each, too short for threads: then a row needs no loop around it. b may be NULL. */
static inline bool loop_is_short_row(const array *out, const array *a, const array *b, int64_t grain)
{
    return out->ndim == 1 && out->shape[0] < grain && out->stride[0] == 1 && a->stride[0] == 1 &&
           (!b || b->stride[0] == 1);
}

/* Elements a thread should have at least, for cheap operations and for those that take some ten times as long. */
enum { LOOP_GRAIN = 32768, LOOP_GRAIN_SLOW = 4096 };

#endif
