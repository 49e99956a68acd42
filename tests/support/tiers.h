/* tiers.h: the tiers of kernels that a test visits: all that this machine has, or only that which TSR_TEST_TIER names. A test
   that visits none has failed. */
#ifndef TEST_TIERS_H
#define TEST_TIERS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/util.h"
#include "tessera/error.h"

static const char *const test_tiers[] = {"baseline", "avx2", "avx512"};

/* Select the tier's kernels. False: it is not wanted, or not on this machine. */
static inline bool test_tier_select(int tier)
{
    const char *only = getenv("TSR_TEST_TIER");
    if (only && strcmp(only, test_tiers[tier]) != 0) return false;
    if (backend_select(test_tiers[tier]) == TSR_OK) return true;
    tsr_error_clear();
    return false;
}

#endif
