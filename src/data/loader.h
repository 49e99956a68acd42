/* loader.h: the loader, inside. loader.c is what the consumer calls, loader_worker.c the threads that read. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "data/dataset.h"

enum { LOADER_MESSAGE = 512 };

/* One item, read or being read. Its buffers are lent to the worker that claimed it, until it is ready. */
typedef struct loader_slot {
    bool ready;
    bool skip;         /* it cannot be read and is left out */
    tsr_status status; /* an error that ends the batch, with its sentence */
    char message[LOADER_MESSAGE];
    int64_t index; /* item of the data set */
    data_target target;
} loader_slot;

struct tsr_loader {
    tsr_dataset *set;
    tsr_loader_options options; /* without zeros for defaults */
    int64_t epoch_items;        /* of this shard */
    int64_t end;                /* items in all epochs */

    loader_slot *slots;
    int64_t slot_count;

    pthread_mutex_t lock;
    pthread_cond_t work;  /* there may be something to claim, or the end */
    pthread_cond_t ready; /* a slot was read */
    int64_t claimed;      /* items given to workers: the next one's number, counted over epochs */
    int64_t consumed;     /* items given to the consumer */
    int64_t busy;         /* workers that are reading */
    bool paused, stop;

    pthread_t *threads;
    int64_t thread_count;
};

void *loader_work(void *loader);

#endif
