/* factor.h: comparing the factors of matrix decompositions, which are not unique: each vector of a factor may have either
   sign, and vectors that complete a basis (beyond the smaller size of the matrix) may be any that span the same space. */
#ifndef CLI_FACTOR_H
#define CLI_FACTOR_H

#include "tessera/tensor.h"

/* Which way the vectors of an output lie. */
typedef enum factor_vectors { FACTOR_NONE, FACTOR_COLUMNS, FACTOR_ROWS } factor_vectors;

/* Of an operator's output; FACTOR_NONE when that is unique, or the operator is no decomposition. */
factor_vectors factor_of(const char *op, int64_t output);

/* Bring `got` (batches of matrices of this shape, row-major) as close to `want` as the freedom allows: a vector that points
   the other way is turned around, and of those from number `determined` on each becomes its wanted one's projection on the
   space that they span. Where a vector is turned around, so is that of `seed` (may be NULL). */
void factor_align(double *got, const double *want, double *seed, tsr_shape shape, factor_vectors vectors,
                  int64_t determined);

#endif
