/* permute.c: a random order of n things, of which any element can be asked for by itself.

   A shuffled array would have to be kept for every epoch that is being read, and be made anew on resuming. A Feistel
   network (Luby and Rackoff 1988) is a permutation of 2^(2h) numbers whatever its round function is; ours is Philox. It
   is applied again while the result is not below n (cycle walking, Black and Rogaway 2002), which happens less than three
   times on average, and gives a permutation of 0 .. n - 1. */
#include "base/philox.h"
#include "data/dataset.h"

enum { ROUNDS = 8 };

static uint64_t feistel(uint64_t key, int half, uint64_t x)
{
    uint64_t mask = (UINT64_C(1) << half) - 1, left = x >> half, right = x & mask;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t mixed = left ^ (tsr_philox(key ^ (round << 56), right).v[0] & mask);
        left = right;
        right = mixed;
    }
    return left << half | right;
}

int64_t data_permute(uint64_t key, int64_t n, int64_t i)
{
    int half = 1;
    while (half < 31 && (INT64_C(1) << (2 * half)) < n) half++;
    uint64_t x = (uint64_t)i;
    do x = feistel(key, half, x);
    while (x >= (uint64_t)n);
    return (int64_t)x;
}
