/* source_cifar.c: CIFAR-10's binary version: records of one label byte and 3 x 32 x 32 pixels, red plane first.
   https://www.cs.toronto.edu/~kriz/cifar.html. The folder holds data_batch_1.bin to data_batch_5.bin for training and
   test_batch.bin. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "data/source_memory.h"
#include "tessera/io.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS, CLASSES = 10, BATCHES = 5 };

static const char *const NAMES[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                           "dog",      "frog",       "horse", "ship", "truck"};

tsr_status data_parse_cifar(const uint8_t *bytes, int64_t size, const char *name, data_records *out)
{
    if (size == 0 || size % RECORD != 0)
        return tsr_fail(TSR_EFORMAT, "data: %s is %lld bytes; a CIFAR-10 batch is a whole number of %d-byte records",
                        name, (long long)size, RECORD);
    for (int64_t i = 0; i < size / RECORD; i++) {
        if (bytes[i * RECORD] >= CLASSES)
            return tsr_fail(TSR_EFORMAT, "data: %s is not a CIFAR-10 batch: record %lld has the label %d", name,
                            (long long)i, bytes[i * RECORD]);
    }
    *out = (data_records){size / RECORD, 1, RECORD, 3, SIDE, SIDE};
    return TSR_OK;
}

static tsr_status add_file(tsr_dataset *set, const char *path)
{
    tsr_bytes file;
    data_records r;
    TSR_TRY(tsr_read_file(path, &file));
    tsr_status status = data_parse_cifar(file.data, file.size, path, &r);
    if (status == TSR_OK) return data_memory_add(set, path, file.data, &r, file.data, RECORD);
    tsr_bytes_free(&file);
    return status;
}

static tsr_status finish(tsr_dataset *set, const tsr_dataset_options *o)
{
    TSR_TRY(data_memory_finish(set, o));
    for (int k = 0; k < CLASSES; k++) TSR_TRY(data_add_class(set, NAMES[k]));
    return TSR_OK;
}

tsr_status data_open_cifar(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    TSR_TRY(data_memory_start(set, "cifar10"));
    TSR_TRY(add_file(set, path));
    return finish(set, o);
}

/* The i-th of the six files; the last is the test part. */
static void batch_path(tsr_text *out, const char *folder, int i)
{
    if (i < BATCHES) tsr_text_add(out, "%s/data_batch_%d.bin", folder, i + 1);
    else tsr_text_add(out, "%s/test_batch.bin", folder);
}

/* Whether the i-th file is there. */
static tsr_status batch_exists(const char *folder, int i, bool *out)
{
    tsr_text path = {0};
    batch_path(&path, folder, i);
    *out = !path.failed && access(tsr_text_get(&path), F_OK) == 0;
    tsr_status status = path.failed ? TSR_ENOMEM : TSR_OK;
    tsr_text_free(&path);
    return status;
}

static tsr_status add_batch(tsr_dataset *set, const char *folder, int i)
{
    tsr_text path = {0};
    batch_path(&path, folder, i);
    tsr_status status = path.failed ? TSR_ENOMEM : add_file(set, tsr_text_get(&path));
    tsr_text_free(&path);
    return status;
}

/* A folder with some of the files is a data set of these. */
tsr_status data_open_cifar_folder(tsr_dataset *set, const char *folder, const tsr_dataset_options *o)
{
    bool exists[BATCHES + 1], train = false;
    TSR_TRY(data_memory_start(set, "cifar10"));
    for (int i = 0; i <= BATCHES; i++) {
        TSR_TRY(batch_exists(folder, i, &exists[i]));
        train = train || (i < BATCHES && exists[i]);
    }
    set->has_parts = train && exists[BATCHES];
    for (int i = 0; i <= BATCHES; i++) {
        bool wanted = !set->has_parts || o->part == TSR_PART_ALL || (i == BATCHES) == (o->part == TSR_PART_HELD_OUT);
        if (exists[i] && wanted) TSR_TRY(add_batch(set, folder, i));
    }
    return finish(set, o);
}
