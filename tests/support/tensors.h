/* tensors.h: tests of layers, optimisers and models: a scope for each test, the check that nothing is left after it, and
   comparing tensors. */
#ifndef TESTS_TENSORS_H
#define TESTS_TENSORS_H

#include "tessera/named.h"

/* Set-up and tear-down of a test: tensors without another owner belong to it; afterwards none that it made may be alive, and
   no error pending. */
int tensors_begin(void **state);
int tensors_end(void **state);
#define TENSOR_TEST(f) cmocka_unit_test_setup_teardown(f, tensors_begin, tensors_end)

/* Tensors and blocks of memory that are alive now. */
typedef struct tensors_alive {
    int64_t tensors, blocks;
} tensors_alive;
tensors_alive tensors_count_alive(void);

/* The elements as doubles, row-major; freed with free. */
double *tensors_values(tsr_tensor *t);
/* Element i in row-major order. */
double tensors_at(tsr_tensor *t, int64_t i);

/* Fail the test unless shapes agree and |got - want| <= tolerance (1 + |want|) everywhere. */
void tensors_expect_close(const char *what, tsr_tensor *got, tsr_tensor *want, double tolerance);
/* Fail the test unless shapes and all bits agree. */
void tensors_expect_same(const char *what, tsr_tensor *got, tsr_tensor *want);

/* Fail the test unless an error is pending whose sentence contains `part`; clears it. */
void tensors_expect_error(tsr_status status, const char *part);
/* Fail the test with the pending error's sentence unless `ok`. */
void tensors_require(bool ok, const char *what);

#endif
