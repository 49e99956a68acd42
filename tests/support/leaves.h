/* leaves.h: tests of automatic differentiation: small leaves, their gradients, and calls that must be refused. */
#ifndef TESTS_LEAVES_H
#define TESTS_LEAVES_H

#include "tessera/autograd.h"

/* f64 [n], n at most 16: 1, 2, ..., n; the leaf requires a gradient. */
tsr_tensor *counting(int n);
tsr_tensor *leaf(int n);

/* Fail the test unless the elements, n at most 16, are these to 1e-12. */
void assert_values(tsr_tensor *t, int n, const double *want);
#define assert_grad(t, ...)                                                                                            \
    assert_values(tsr_grad(t), (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

/* Fail the test unless the status is an error and its sentence contains the words; clears it. */
void assert_refused(tsr_status status, const char *words);

#endif
