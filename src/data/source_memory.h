/* source_memory.h: pictures that are kept in memory as bytes: IDX files and CIFAR-10's batches. */
#ifndef DATA_SOURCE_MEMORY_H
#define DATA_SOURCE_MEMORY_H

#include "data/dataset.h"

/* What a file's bytes say; offsets into them. Record i begins at offset + i * stride. */
typedef struct data_records {
    int64_t count, offset, stride;
    int64_t channels, height, width; /* planes, one after the other */
} data_records;

/* Read IDX pictures' header, [N, height, width] bytes. TSR_EFORMAT and a sentence when the bytes are no such file, or not
   as many as the header says. `name` is for messages. */
tsr_status data_parse_idx(const uint8_t *bytes, int64_t size, const char *name, data_records *out);
/* The labels of an IDX file: where they begin; `count` is how many there must be. */
tsr_status data_parse_idx_labels(const uint8_t *bytes, int64_t size, const char *name, int64_t count, int64_t *offset);
/* A CIFAR-10 batch: records of one label, below 10, and 3 x 32 x 32 bytes. */
tsr_status data_parse_cifar(const uint8_t *bytes, int64_t size, const char *name, data_records *out);

/* Begin a set of kind "idx" or "cifar10". */
tsr_status data_memory_start(tsr_dataset *set, const char *kind);
/* Append a file's pictures. The bytes become the set's, also on an error. labels: the first record's label, and the way
   to the next; NULL: none. All files of a set have one picture size. */
tsr_status data_memory_add(tsr_dataset *set, const char *path, uint8_t *bytes, const data_records *records,
                           const uint8_t *labels, int64_t label_stride);
/* Set the picture size, when all files are in. */
tsr_status data_memory_finish(tsr_dataset *set, const tsr_dataset_options *o);

#endif
