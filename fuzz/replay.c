/* replay.c: runs a fuzz target as an ordinary test: on every seed, and on some hundred mutations of each, the same at
   every run. Seeds are the files of fuzz/corpus/NAME and the goldens of tests/io: any file is a fair input to any parser.
   A real hunt needs libFuzzer: see cmake/Fuzz.cmake. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "tessera/io.h"
#include "tessera/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 200, LARGEST_SEED = 1 << 16, MOST_CHANGES = 6 };

static uint64_t below(uint64_t n) { return tsr_random_u64(NULL) % n; }

/* A byte set to a value that parsers trip over, a bit flipped, a piece copied elsewhere. */
static void change(uint8_t *data, size_t size)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '9'};
    size_t at = below(size), other = below(size), room = size - (at > other ? at : other);
    switch (below(3)) {
    case 0:
        data[at] = values[below(sizeof values)];
        break;
    case 1:
        data[at] ^= (uint8_t)(1 << below(8));
        break;
    default:
        memmove(data + at, data + other, below(room) % 16);
        break;
    }
}

/* From memory of exactly its size, so that AddressSanitizer sees a read beyond it. */
static void run_mutation(const tsr_bytes *seed)
{
    size_t size = (size_t)seed->size;
    uint8_t *data = tsr_alloc(size);
    assert_non_null(data);
    memcpy(data, seed->data, size);
    for (uint64_t n = below(MOST_CHANGES); n > 0 && size > 0; n--) change(data, size);
    if (below(4) == 0) size = below(size + 1);
    uint8_t *exact = tsr_realloc(data, size);
    assert_non_null(exact);
    LLVMFuzzerTestOneInput(exact, size);
    tsr_free(exact);
}

static int run_seed(const char *path)
{
    tsr_bytes seed;
    if (tsr_read_file(path, &seed) != TSR_OK || seed.size > LARGEST_SEED) {
        tsr_error_clear();
        tsr_bytes_free(&seed);
        return 0;
    }
    LLVMFuzzerTestOneInput(seed.data, (size_t)seed.size);
    for (int i = 0; i < MUTATIONS; i++) run_mutation(&seed);
    tsr_bytes_free(&seed);
    return 1;
}

static int run_folder(const char *folder)
{
    int seeds = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[800];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        tsr_manual_seed(e->d_name[0]); /* whatever the order of the files */
        if (e->d_name[0] != '.') seeds += run_seed(path);
    }
    if (d) closedir(d);
    return seeds;
}

static void seeds_and_their_mutations_are_survived(void **state)
{
    (void)state;
    int64_t blocks = tsr_memory_get_stats().blocks;
    assert_true(run_folder(TSR_SOURCE_DIR "/tests/io/goldens") > 0);
    run_folder(TSR_SOURCE_DIR "/fuzz/corpus/" FUZZ_NAME);
    assert_int_equal(tsr_live_tensors(), 0);
    assert_int_equal(tsr_memory_get_stats().blocks, blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_and_their_mutations_are_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
