/* linalg_host.h: dense linear algebra for one row-major f64 matrix. The matrices of a training program are small here
   (whitening, least squares, calibration), so these are textbook algorithms, chosen to be accurate. */
#ifndef OP_LINALG_HOST_H
#define OP_LINALG_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* a [n, n] becomes L (unit, below the diagonal) and U of P A = L U; pivot[i] is the row that was exchanged with row i. The
   sign of the permutation, or 0 when the matrix is singular. */
int linalg_lu(double *a, int64_t n, int64_t *pivot);
/* b [n, k] becomes the solution of A x = b. */
void linalg_lu_solve(const double *lu, const int64_t *pivot, int64_t n, double *b, int64_t k);

/* The lower triangle of a becomes L of A = L L^T, the upper one zero; only the lower one is read. False when A is not
   positive definite. */
bool linalg_cholesky(double *a, int64_t n);

/* b [n, k] becomes the solution of A x = b, where only one triangle of a is read; `unit`: its diagonal counts as ones. */
void linalg_triangular_solve(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t k);

/* a [m, n] becomes R (zero below the diagonal) and q [m, m] orthogonal: A = q a, by Householder reflections. v has room for
   m numbers. */
void linalg_qr(double *a, int64_t m, int64_t n, double *q, double *v);

/* The singular values s [min(m, n)], largest first, with orthogonal u [m, m] and v [n, n]: A = u diag(s) v^T, by one-sided
   Jacobi rotations. False: no memory. */
bool linalg_svd(const double *a, int64_t m, int64_t n, double *u, double *s, double *v);

#endif
