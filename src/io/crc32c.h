/* crc32c.h: the checksum of TFRecord files. */
#ifndef IO_CRC32C_H
#define IO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), continued from `crc`, which begins as 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
/* As TFRecord stores it: turned and shifted, so that the checksum of data with checksums in it is no fixed point. */
uint32_t crc32c_masked(const void *data, size_t n);

#endif
