/* Parsers of IDX files and CIFAR-10 batches on any bytes (libFuzzer). The first byte chooses the parser; what a parser
   accepts must lie within the bytes, which reading every element under AddressSanitizer shows. */
#include <stddef.h>
#include <stdint.h>

#include "data/source_memory.h"

static unsigned sum_bytes(const uint8_t *bytes, int64_t n)
{
    unsigned sum = 0;
    for (int64_t i = 0; i < n; i++) sum += bytes[i];
    return sum;
}

static unsigned read_records(const uint8_t *bytes, const data_records *r)
{
    unsigned sum = 0;
    for (int64_t i = 0; i < r->count; i++)
        sum += sum_bytes(bytes + r->offset + i * r->stride, r->channels * r->height * r->width);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    const uint8_t *bytes = data + 1;
    int64_t n = (int64_t)size - 1, offset;
    volatile unsigned sink = 0;
    data_records r;
    if (data[0] % 3 == 0 && data_parse_idx(bytes, n, "fuzz", &r) == TSR_OK) sink = read_records(bytes, &r);
    if (data[0] % 3 == 1 && data_parse_cifar(bytes, n, "fuzz", &r) == TSR_OK) sink = read_records(bytes, &r);
    if (data[0] % 3 == 2 && data_parse_idx_labels(bytes, n, "fuzz", n - 8, &offset) == TSR_OK)
        sink = sum_bytes(bytes + offset, n - 8);
    (void)sink;
    tsr_error_clear();
    return 0;
}
