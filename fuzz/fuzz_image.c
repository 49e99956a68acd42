/* Pictures, PNG and JPEG, on any bytes (libFuzzer). */
#include <stddef.h>
#include <stdint.h>

#include "tessera/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tsr_image_options options[] = {{.max_pixels = 1 << 20},
                                                {.max_pixels = 1 << 20, .channels = 3, .bits = 8}};
    for (int i = 0; i < 2; i++) {
        tsr_release(tsr_image_decode(data, (int64_t)size, &options[i]));
        tsr_error_clear();
    }
    return 0;
}
