/* loader_worker.c: the threads that read items.

   Items are numbered over all epochs: number g is position g % n of epoch g / n. A worker claims the next number and reads
   that item into slot g % slots; the consumer empties slots in the order of the numbers. So whichever worker is quicker,
   the order stays. Which item stands at a position, and how it is flipped and cut, comes from counter-based random numbers of
   (seed, epoch, position or index). Nothing is kept from one item to the next. */
#include <stdio.h>

#include "base/parallel.h"
#include "base/philox.h"
#include "data/loader.h"

/* What an epoch's random key is for. */
enum { KEY_ORDER = 0, KEY_AUGMENT = 1, KEYS = 2 };

static uint64_t epoch_key(const tsr_loader *l, int64_t epoch, int purpose)
{
    tsr_philox_block b = tsr_philox(l->options.seed, (uint64_t)epoch * KEYS + (uint64_t)purpose);
    return (uint64_t)b.v[0] << 32 | b.v[1];
}

/* Which item of the data set stands at a position of this shard's epoch. */
static int64_t item_at(const tsr_loader *l, int64_t epoch, int64_t position)
{
    int64_t length = l->set->info.length;
    int64_t place = (position * l->options.shards + l->options.shard) % length;
    if (l->options.order == TSR_ORDER_SEQUENTIAL) return place;
    return data_permute(epoch_key(l, epoch, KEY_ORDER), length, place);
}

static data_view view_of(const tsr_loader *l, int64_t epoch, int64_t index)
{
    if (l->options.augment == TSR_AUGMENT_NONE) return (data_view){0};
    tsr_philox_block b = tsr_philox(epoch_key(l, epoch, KEY_AUGMENT), (uint64_t)index);
    return (data_view){.flip = (l->options.augment & TSR_AUGMENT_FLIP) && (b.v[0] & 1),
                       .crop = l->options.augment & TSR_AUGMENT_CROP,
                       .x = (double)b.v[1] * 0x1p-32,
                       .y = (double)b.v[2] * 0x1p-32};
}

/* Move the thread's error into the slot. */
static void take_error(loader_slot *slot, tsr_status status)
{
    const char *message = tsr_error_message();
    slot->status = status;
    snprintf(slot->message, sizeof slot->message, "%s", message ? message : "data: an item could not be read");
    tsr_error_clear();
}

/* True: the item is in the slot, or a serious error. False: it is bad, and another may be tried. */
static bool try_item(tsr_loader *l, loader_slot *slot, int64_t epoch, int64_t index)
{
    slot->index = index;
    if (data_is_bad(l->set, index)) return false;
    data_view view = view_of(l, epoch, index);
    tsr_status status = data_read(l->set, index, &view, &slot->target);
    if (status == TSR_OK) return true;
    take_error(slot, status);
    if (status != TSR_EFORMAT && status != TSR_EIO) return true;
    slot->status = TSR_OK;
    return false;
}

static void none_readable(const tsr_loader *l, loader_slot *slot)
{
    slot->status = TSR_EFORMAT;
    snprintf(slot->message, sizeof slot->message, "data: none of the %lld pictures can be read",
             (long long)l->set->info.length);
}

static void read_slot(tsr_loader *l, loader_slot *slot, int64_t number)
{
    int64_t epoch = number / l->epoch_items, length = l->set->info.length;
    int64_t first = item_at(l, epoch, number % l->epoch_items);
    slot->skip = false;
    slot->status = TSR_OK;
    int64_t tries = l->options.order == TSR_ORDER_SEQUENTIAL ? 1 : length;
    for (int64_t k = 0; k < tries; k++)
        if (try_item(l, slot, epoch, (first + k) % length)) return;
    if (l->options.order == TSR_ORDER_SEQUENTIAL) slot->skip = true;
    else none_readable(l, slot);
}

static bool can_claim(const tsr_loader *l)
{
    return !l->paused && l->claimed < l->end && l->claimed < l->consumed + l->slot_count;
}

/* With the lock held, before and after. */
static void work_on_next(tsr_loader *l)
{
    int64_t number = l->claimed++;
    loader_slot *slot = &l->slots[number % l->slot_count];
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    read_slot(l, slot, number);
    pthread_mutex_lock(&l->lock);
    slot->ready = true;
    l->busy--;
    pthread_cond_signal(&l->ready);
}

void *loader_work(void *loader)
{
    tsr_loader *l = loader;
    tsr_run_serially();
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (can_claim(l)) work_on_next(l);
        else pthread_cond_wait(&l->work, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}
