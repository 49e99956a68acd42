/* crc32c.c: CRC-32C a byte at a time by a table made at the first use: event files are small. */
#include "io/crc32c.h"

#include <pthread.h>

static uint32_t table[256];

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        table[i] = crc;
    }
}

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_table);
    const unsigned char *p = data;
    crc = ~crc;
    while (n--) crc = table[(crc ^ *p++) & 255] ^ crc >> 8;
    return ~crc;
}

uint32_t crc32c_masked(const void *data, size_t n)
{
    uint32_t crc = crc32c(0, data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
