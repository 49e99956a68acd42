/* Files of tensors, safetensors, .npz and .npy, on any bytes (libFuzzer). What is accepted is read whole, so that
   AddressSanitizer sees a tensor that does not lie within the file. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tessera/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned read_all(const tsr_tensor *t)
{
    const uint8_t *bytes = tsr_const_data(t);
    unsigned sum = 0;
    for (size_t i = 0, n = (size_t)tsr_numel(t) * tsr_dtype_size(tsr_dtype_of(t)); i < n; i++) sum += bytes[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile unsigned sink = 0;
    tsr_archive *a = tsr_archive_open_memory((void *)(uintptr_t)data, (int64_t)size, NULL, NULL);
    tsr_error_clear();
    for (int64_t i = 0; i < tsr_archive_count(a); i++) {
        tsr_tensor *t = tsr_archive_get(a, i);
        if (t) sink = read_all(t);
        tsr_release(t);
        tsr_error_clear();
    }
    tsr_archive_get_named(a, "no such name");
    tsr_error_clear();
    tsr_archive_close(a);
    (void)sink;
    return 0;
}
