/* linalg_host.c: LU, Cholesky, QR and the singular value decomposition of one matrix.

   The SVD is Hestenes' one-sided Jacobi method: columns are rotated in pairs until all are orthogonal; their lengths then
   are the singular values. It finds small singular values to full relative accuracy, which bidiagonalisation does not. */
#include "op/linalg_host.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

static void exchange(double *a, double *b, int64_t n)
{
    for (int64_t i = 0; a != b && i < n; i++) {
        double t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

/* to -= factor * from */
static void subtract(double *to, const double *from, double factor, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] -= factor * from[i];
}

/* ---- LU ----------------------------------------------------------------------------------------------------------- */

static int64_t largest_below(const double *a, int64_t n, int64_t column)
{
    int64_t best = column;
    for (int64_t i = column + 1; i < n; i++)
        if (fabs(a[i * n + column]) > fabs(a[best * n + column])) best = i;
    return best;
}

int linalg_lu(double *a, int64_t n, int64_t *pivot)
{
    int sign = 1;
    for (int64_t j = 0; j < n; j++) {
        pivot[j] = largest_below(a, n, j);
        if (pivot[j] != j) sign = -sign;
        exchange(a + j * n, a + pivot[j] * n, n);
        if (a[j * n + j] == 0) {
            sign = 0;
            continue;
        }
        for (int64_t i = j + 1; i < n; i++) {
            a[i * n + j] /= a[j * n + j];
            subtract(a + i * n + j + 1, a + j * n + j + 1, a[i * n + j], n - j - 1);
        }
    }
    return sign;
}

void linalg_lu_solve(const double *lu, const int64_t *pivot, int64_t n, double *b, int64_t k)
{
    for (int64_t i = 0; i < n; i++) exchange(b + i * k, b + pivot[i] * k, k);
    linalg_triangular_solve(lu, n, false, true, b, k);
    linalg_triangular_solve(lu, n, true, false, b, k);
}

void linalg_triangular_solve(const double *a, int64_t n, bool upper, bool unit, double *b, int64_t k)
{
    for (int64_t step = 0; step < n; step++) {
        int64_t i = upper ? n - 1 - step : step;
        for (int64_t j = upper ? i + 1 : 0; j < (upper ? n : i); j++) subtract(b + i * k, b + j * k, a[i * n + j], k);
        for (int64_t c = 0; !unit && c < k; c++) b[i * k + c] /= a[i * n + i];
    }
}

/* ---- Cholesky ----------------------------------------------------------------------------------------------------- */

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

bool linalg_cholesky(double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (int64_t j = 0; j < i; j++) row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
        double square = row[i] - dot(row, row, i);
        if (!(square > 0)) return false;
        row[i] = sqrt(square);
        for (int64_t j = i + 1; j < n; j++) row[j] = 0;
    }
    return true;
}

/* ---- QR ----------------------------------------------------------------------------------------------------------- */

/* The reflection that takes column j of a, from row j on, to a multiple of the first unit vector: v (from index j on), and
   its factor; 0 when there is nothing to do. */
static double reflection(const double *a, int64_t m, int64_t n, int64_t j, double *v)
{
    double square = 0;
    for (int64_t i = j; i < m; i++) {
        v[i] = a[i * n + j];
        if (i > j) square += v[i] * v[i];
    }
    if (square == 0) return 0;
    double length = sqrt(square + v[j] * v[j]);
    v[j] += v[j] < 0 ? -length : length;
    return 2 / (square + v[j] * v[j]);
}

/* Columns [first, n) of a, rows j on: reflected. */
static void reflect_rows(double *a, int64_t m, int64_t n, int64_t j, int64_t first, const double *v, double factor)
{
    for (int64_t c = first; c < n; c++) {
        double sum = 0;
        for (int64_t i = j; i < m; i++) sum += v[i] * a[i * n + c];
        for (int64_t i = j; i < m; i++) a[i * n + c] -= factor * sum * v[i];
    }
}

static void set_identity(double *a, int64_t n)
{
    memset(a, 0, (size_t)(n * n) * sizeof *a);
    for (int64_t i = 0; i < n; i++) a[i * n + i] = 1;
}

void linalg_qr(double *a, int64_t m, int64_t n, double *q, double *v)
{
    set_identity(q, m);
    for (int64_t j = 0; j < n && j < m - 1; j++) {
        double factor = reflection(a, m, n, j, v);
        if (factor == 0) continue;
        reflect_rows(a, m, n, j, j, v, factor);
        for (int64_t i = j + 1; i < m; i++) a[i * n + j] = 0;
        for (int64_t r = 0; r < m; r++) { /* q = q H */
            double sum = dot(q + r * m + j, v + j, m - j);
            subtract(q + r * m + j, v + j, factor * sum, m - j);
        }
    }
}

/* ---- singular values ---------------------------------------------------------------------------------------------- */

/* Columns are rows here: w [n, m] holds the columns of A, v [n, n] those of V. Rotate rows p and q to be orthogonal; false
   when they were already. */
static bool rotate(double *w, double *v, int64_t m, int64_t n, int64_t p, int64_t q)
{
    double *x = w + p * m, *y = w + q * m;
    double a = dot(x, x, m), b = dot(y, y, m), c = dot(x, y, m);
    if (c == 0 || fabs(c) <= 1e-16 * sqrt(a * b)) return false;
    double zeta = (b - a) / (2 * c), t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
    double cosine = 1 / sqrt(1 + t * t), sine = cosine * t;
    for (int64_t i = 0; i < m + n; i++) {
        double *from = i < m ? x + i : v + p * n + i - m, *other = i < m ? y + i : v + q * n + i - m;
        double old = *from;
        *from = cosine * old - sine * *other;
        *other = sine * old + cosine * *other;
    }
    return true;
}

static void make_orthogonal(double *w, double *v, int64_t m, int64_t n)
{
    enum { MOST_SWEEPS = 60 };
    bool turned = true;
    for (int sweep = 0; turned && sweep < MOST_SWEEPS; sweep++) {
        turned = false;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) turned = rotate(w, v, m, n, p, q) || turned;
    }
}

/* Row i of u [m, m], of which the first i are orthonormal, becomes orthogonal to them: the unit vector that is farthest from
   them, twice orthogonalised. */
static void complete(double *u, int64_t m, int64_t i)
{
    double *row = u + i * m, best = -1;
    int64_t chosen = 0;
    for (int64_t e = 0; e < m; e++) {
        double left = 1;
        for (int64_t k = 0; k < i; k++) left -= u[k * m + e] * u[k * m + e];
        if (left > best) best = left, chosen = e;
    }
    memset(row, 0, (size_t)m * sizeof *row);
    row[chosen] = 1;
    for (int again = 0; again < 2; again++)
        for (int64_t k = 0; k < i; k++) subtract(row, u + k * m, dot(row, u + k * m, m), m);
    double length = sqrt(dot(row, row, m));
    for (int64_t e = 0; e < m; e++) row[e] /= length;
}

/* Sort the rows of w by length, v's with them; s receives the lengths. */
static void sort_by_length(double *w, double *v, double *s, int64_t m, int64_t n)
{
    for (int64_t i = 0; i < n; i++) s[i] = sqrt(dot(w + i * m, w + i * m, m));
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t k = i + 1; k < n; k++)
            if (s[k] > s[best]) best = k;
        exchange(s + i, s + best, 1);
        exchange(w + i * m, w + best * m, m);
        exchange(v + i * n, v + best * n, n);
    }
}

static void transpose_square(double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) exchange(a + i * n + j, a + j * n + i, 1);
}

/* m >= n: w [n, m] holds A's columns; u and v are left with their columns as rows. */
static void tall_svd(double *w, int64_t m, int64_t n, double *u, double *s, double *v)
{
    set_identity(v, n);
    make_orthogonal(w, v, m, n);
    sort_by_length(w, v, s, m, n);
    for (int64_t i = 0; i < m; i++) {
        bool given = i < n && s[i] > 0 && s[i] > 1e-300;
        if (!given) {
            complete(u, m, i);
            continue;
        }
        for (int64_t e = 0; e < m; e++) u[i * m + e] = w[i * m + e] / s[i];
    }
}

bool linalg_svd(const double *a, int64_t m, int64_t n, double *u, double *s, double *v)
{
    bool tall = m >= n;
    double *w = tsr_alloc((size_t)(m * n) * sizeof *w + 1);
    if (!w) return false;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) w[tall ? j * m + i : i * n + j] = a[i * n + j];
    if (tall) tall_svd(w, m, n, u, s, v);
    else tall_svd(w, n, m, v, s, u);
    transpose_square(u, m);
    transpose_square(v, n);
    tsr_free(w);
    return true;
}
