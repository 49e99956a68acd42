/* faults.h: what is asked of a function when memory fails. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Call run(user) with its nth allocation failing, for n = 1, 2 and so on until it makes fewer. Fails the test unless a call
   whose allocation failed returns false with TSR_ENOMEM, the last one true, and none keeps any memory. Returns how many
   allocations there were. */
int64_t faults_expect_clean(bool (*run)(void *user), void *user);

#endif
