/* code_counts.c: usage and entropy of codes. */
#include "code_counts.h"

#include <math.h>

#include "tessera/memory.h"

tsr_status code_counts_start(code_counts *c, int64_t codes)
{
    *c = (code_counts){.codes = codes, .count = tsr_alloc_zeroed((size_t)codes, sizeof *c->count)};
    return c->count ? TSR_OK : TSR_ENOMEM;
}

void code_counts_free(code_counts *c)
{
    tsr_free(c->count);
    c->count = NULL;
}

tsr_status code_counts_add(code_counts *c, const tsr_tensor *codes)
{
    if (!codes) return tsr_error_status();
    int64_t n = tsr_numel(codes), bad = 0, wrong = 0;
    int64_t *values = tsr_alloc((size_t)n * sizeof *values);
    if (!values) return TSR_ENOMEM;
    tsr_status status = tsr_to_host(codes, values, n, TSR_I64);
    for (int64_t i = 0; status == TSR_OK && i < n; i++) {
        if (values[i] >= 0 && values[i] < c->codes) c->count[values[i]]++;
        else bad = values[i], wrong++;
    }
    tsr_free(values);
    c->total += n;
    if (wrong == 0) return status;
    return tsr_fail(TSR_EINVAL, "code %lld; there are 0 to %lld", (long long)bad, (long long)c->codes - 1);
}

int64_t code_counts_used(const code_counts *c)
{
    int64_t used = 0;
    for (int64_t i = 0; i < c->codes; i++) used += c->count[i] > 0;
    return used;
}

double code_counts_entropy(const code_counts *c)
{
    double sum = 0;
    for (int64_t i = 0; i < c->codes; i++) {
        double p = (double)c->count[i] / (double)(c->total > 0 ? c->total : 1);
        if (p > 0) sum -= p * log(p);
    }
    return sum;
}
