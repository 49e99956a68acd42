/* loader.c: batches, for one consumer.

   The queue between workers and consumer is a ring of items, not of batches: only so can a batch be made of the next good
   pictures when some cannot be read. The consumer copies items from the ring into a batch's tensors, which costs little
   beside reading them. The loader's whole position is one number, that of the next item; going somewhere else
   means letting the workers come to rest and setting it. */
#include "data/loader.h"

#include <string.h>
#include <unistd.h>

#include "base/profile.h"
#include "tensor/tensor_impl.h"

enum { DEFAULT_BATCH = 32, DEFAULT_PREFETCH = 2, DEFAULT_MOST_THREADS = 4, MOST_THREADS = 256 };

/* ---- making one ------------------------------------------------------------------------------------------------------------------ */

static tsr_status check_options(const tsr_dataset *set, const tsr_loader_options *o)
{
    if (o->batch < 1 || o->batch > INT32_MAX)
        return tsr_fail(TSR_EINVAL, "loader: a batch of %lld pictures", (long long)o->batch);
    if (o->threads < 1 || o->threads > MOST_THREADS || o->prefetch < 1 || o->prefetch > 1024 || o->epochs < 0)
        return tsr_fail(TSR_EINVAL, "loader: %lld threads (1 to %d), %lld batches ahead (1 to 1024), %lld epochs",
                        (long long)o->threads, MOST_THREADS, (long long)o->prefetch, (long long)o->epochs);
    if (o->shards < 1 || o->shard < 0 || o->shard >= o->shards || o->shards > set->info.length)
        return tsr_fail(TSR_EINVAL, "loader: shard %lld of %lld of a data set of %lld pictures", (long long)o->shard,
                        (long long)o->shards, (long long)set->info.length);
    if (o->dtype != TSR_F32 && o->dtype != TSR_F64)
        return tsr_fail(TSR_EINVAL, "loader: pictures are f32 or f64, not %s", tsr_dtype_name(o->dtype));
    if (o->augment && (set->info.extras & TSR_WITH_RIGHT))
        return tsr_fail(TSR_EINVAL,
                        "loader: a pair of eyes cannot be flipped or cut; leave out augment or the right eye");
    return TSR_OK;
}

static int64_t default_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : tsr_min_i64(cores, DEFAULT_MOST_THREADS);
}

static tsr_loader_options with_defaults(const tsr_loader_options *options)
{
    tsr_loader_options o = options ? *options : (tsr_loader_options){0};
    if (o.batch == 0) o.batch = DEFAULT_BATCH;
    if (o.threads == 0) o.threads = default_threads();
    if (o.prefetch == 0) o.prefetch = DEFAULT_PREFETCH;
    if (o.dtype == TSR_DTYPE_DEFAULT) o.dtype = TSR_F32;
    if (o.shards == 0) o.shards = 1;
    if (o.epochs == 0 && o.order == TSR_ORDER_SEQUENTIAL) o.epochs = 1;
    return o;
}

/* Shuffled shards are equally long, the order's beginning filling its end; sequential ones cover each item once. */
static int64_t shard_items(const tsr_dataset *set, const tsr_loader_options *o)
{
    int64_t length = set->info.length;
    bool equal = o->order == TSR_ORDER_SHUFFLED;
    int64_t items = (length - (equal ? 0 : o->shard) + o->shards - 1) / o->shards;
    return equal && o->drop_last ? items / o->batch * o->batch : items;
}

static tsr_status measure(tsr_loader *l)
{
    l->epoch_items = shard_items(l->set, &l->options);
    if (l->epoch_items < 1)
        return tsr_fail(TSR_EINVAL,
                        "loader: %lld pictures in %lld shards do not fill a batch of %lld, and drop_last is set",
                        (long long)l->set->info.length, (long long)l->options.shards, (long long)l->options.batch);
    bool endless = l->options.epochs == 0 || l->options.epochs > INT64_MAX / l->epoch_items;
    l->end = endless ? INT64_MAX : l->options.epochs * l->epoch_items;
    l->slot_count = tsr_min_i64(l->options.prefetch * l->options.batch + l->options.threads, l->end);
    return TSR_OK;
}

/* A slot's views lie in one block, which begins with the picture; that of a set of doubles takes twice the room. */
static tsr_status make_slot(const tsr_dataset *set, loader_slot *slot)
{
    const tsr_dataset_info *f = &set->info;
    size_t plane = (size_t)(f->height * f->width), picture = (size_t)f->channels * plane;
    float *p = tsr_alloc((2 * picture + plane) * sizeof *p + plane);
    if (!p) return TSR_ENOMEM;
    slot->target.picture = p;
    if (set->wide) slot->target.wide = (double *)p; /* where the right eye's picture would lie too: tensors have none */
    if (f->extras & TSR_WITH_RIGHT) slot->target.right = p + picture;
    if (f->extras & TSR_WITH_DEPTH) slot->target.depth = p + 2 * picture;
    if (f->extras & TSR_WITH_LABEL_MAP) slot->target.label_map = (uint8_t *)(p + 2 * picture + plane);
    return TSR_OK;
}

static tsr_status make_slots(tsr_loader *l)
{
    l->slots = tsr_alloc_zeroed((size_t)l->slot_count, sizeof *l->slots);
    if (!l->slots) return TSR_ENOMEM;
    for (int64_t i = 0; i < l->slot_count; i++) TSR_TRY(make_slot(l->set, &l->slots[i]));
    return TSR_OK;
}

static tsr_status start_threads(tsr_loader *l)
{
    l->threads = tsr_alloc((size_t)l->options.threads * sizeof *l->threads);
    if (!l->threads) return TSR_ENOMEM;
    for (; l->thread_count < l->options.threads; l->thread_count++) {
        int error = pthread_create(&l->threads[l->thread_count], NULL, loader_work, l);
        if (error) return tsr_fail(TSR_ENOMEM, "loader: a thread cannot be started: %s", strerror(error));
    }
    return TSR_OK;
}

static tsr_status prepare(tsr_loader *l)
{
    TSR_TRY(check_options(l->set, &l->options));
    TSR_TRY(measure(l));
    TSR_TRY(make_slots(l));
    return start_threads(l);
}

tsr_loader *tsr_loader_new(tsr_dataset *set, const tsr_loader_options *options)
{
    if (!set) {
        tsr_fail(TSR_EINVAL, "loader: there is no data set");
        return NULL;
    }
    tsr_loader *l = tsr_alloc_zeroed(1, sizeof *l);
    if (!l) return NULL;
    l->set = set;
    l->options = with_defaults(options);
    l->paused = true; /* until the first batch is asked for, which may be elsewhere */
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    if (prepare(l) == TSR_OK) return l;
    tsr_loader_free(l);
    return NULL;
}

static void stop_threads(tsr_loader *l)
{
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int64_t i = 0; i < l->thread_count; i++) pthread_join(l->threads[i], NULL);
}

void tsr_loader_free(tsr_loader *l)
{
    if (!l) return;
    stop_threads(l);
    for (int64_t i = 0; l->slots && i < l->slot_count; i++) tsr_free(l->slots[i].target.picture);
    tsr_free(l->slots);
    tsr_free(l->threads);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    tsr_free(l);
}

/* ---- the position ------------------------------------------------------------------------------------------------------------------ */

static void resume_workers(tsr_loader *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->paused) {
        l->paused = false;
        pthread_cond_broadcast(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
}

/* Let the workers come to rest, forget what they read, and make `number` the next item. They go on at the next batch. */
static void seek(tsr_loader *l, int64_t number)
{
    pthread_mutex_lock(&l->lock);
    l->paused = true;
    while (l->busy > 0) pthread_cond_wait(&l->ready, &l->lock);
    for (int64_t i = 0; i < l->slot_count; i++) l->slots[i].ready = false;
    l->claimed = l->consumed = number;
    pthread_mutex_unlock(&l->lock);
}

int64_t tsr_loader_batches(const tsr_loader *l)
{
    if (!l) return 0;
    int64_t batch = l->options.batch;
    return l->options.drop_last ? l->epoch_items / batch : (l->epoch_items + batch - 1) / batch;
}

tsr_loader_state tsr_loader_get_state(const tsr_loader *l)
{
    if (!l) return (tsr_loader_state){0};
    return (tsr_loader_state){.epoch = l->consumed / l->epoch_items,
                              .position = l->consumed % l->epoch_items,
                              .seed = l->options.seed,
                              .length = l->set->info.length};
}

tsr_status tsr_loader_set_state(tsr_loader *l, tsr_loader_state state)
{
    if (!l) return tsr_fail(TSR_EINVAL, "loader: there is no loader");
    if (state.length != l->set->info.length || state.seed != l->options.seed)
        return tsr_fail(
            TSR_EINVAL,
            "loader: the state is of a data set of %lld pictures with seed %llu; this one has %lld and %llu",
            (long long)state.length, (unsigned long long)state.seed, (long long)l->set->info.length,
            (unsigned long long)l->options.seed);
    if (state.epoch < 0 || state.position < 0 || state.position > l->epoch_items ||
        state.epoch > INT64_MAX / l->epoch_items - 2)
        return tsr_fail(TSR_EINVAL, "loader: there is no position %lld of epoch %lld; an epoch has %lld items",
                        (long long)state.position, (long long)state.epoch, (long long)l->epoch_items);
    seek(l, state.epoch * l->epoch_items + state.position);
    return TSR_OK;
}

/* ---- batches ---------------------------------------------------------------------------------------------------------------------- */

/* Tensors of `count` items, uninitialised, in the innermost scope. */
static tsr_status batch_tensors(const tsr_loader *l, int64_t count, tsr_batch *out)
{
    const tsr_dataset_info *f = &l->set->info;
    int64_t picture[4] = {count, f->channels, f->height, f->width};
    int64_t plane[4] = {count, 1, f->height, f->width}, map[3] = {count, f->height, f->width};
    out->pictures = tensor_empty(l->options.dtype, 4, picture, TSR_CPU);
    out->labels = tensor_empty(TSR_I64, 1, picture, TSR_CPU);
    out->indices = tensor_empty(TSR_I64, 1, picture, TSR_CPU);
    if (f->extras & TSR_WITH_DEPTH) out->depth = tensor_empty(TSR_F32, 4, plane, TSR_CPU);
    if (f->extras & TSR_WITH_RIGHT) out->right = tensor_empty(l->options.dtype, 4, picture, TSR_CPU);
    if (f->extras & TSR_WITH_LABEL_MAP) out->label_map = tensor_empty(TSR_U8, 3, map, TSR_CPU);
    return tsr_error_status();
}

/* Item `at` of a tensor from doubles, converted to its type. */
static void put_doubles(tsr_tensor *t, int64_t at, const double *from, int64_t n)
{
    if (tsr_dtype_of(t) == TSR_F64) {
        memcpy((double *)tsr_data(t) + at * n, from, (size_t)n * sizeof *from);
        return;
    }
    float *to = (float *)tsr_data(t) + at * n;
    for (int64_t i = 0; i < n; i++) to[i] = (float)from[i];
}

/* The same from floats. */
static void put_floats(tsr_tensor *t, int64_t at, const float *from, int64_t n)
{
    if (!t) return;
    if (tsr_dtype_of(t) == TSR_F32) {
        memcpy((float *)tsr_data(t) + at * n, from, (size_t)n * sizeof *from);
        return;
    }
    double *to = (double *)tsr_data(t) + at * n;
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

static void put_item(const tsr_loader *l, const loader_slot *slot, int64_t at, tsr_batch *out)
{
    const tsr_dataset_info *f = &l->set->info;
    int64_t plane = f->height * f->width;
    if (slot->target.wide) put_doubles(out->pictures, at, slot->target.wide, f->channels * plane);
    else put_floats(out->pictures, at, slot->target.picture, f->channels * plane);
    put_floats(out->right, at, slot->target.right, f->channels * plane);
    put_floats(out->depth, at, slot->target.depth, plane);
    if (out->label_map) memcpy((uint8_t *)tsr_data(out->label_map) + at * plane, slot->target.label_map, (size_t)plane);
    ((int64_t *)tsr_data(out->labels))[at] = slot->target.label;
    ((int64_t *)tsr_data(out->indices))[at] = slot->index;
}

static loader_slot *wait_for_next(tsr_loader *l)
{
    loader_slot *slot = &l->slots[l->consumed % l->slot_count];
    pthread_mutex_lock(&l->lock);
    while (!slot->ready) pthread_cond_wait(&l->ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return slot;
}

static void give_back(tsr_loader *l, loader_slot *slot)
{
    pthread_mutex_lock(&l->lock);
    slot->ready = false;
    l->consumed++;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* Take the next item into the batch, unless it is to be skipped. */
static tsr_status take_next(tsr_loader *l, tsr_batch *out)
{
    loader_slot *slot = wait_for_next(l);
    if (slot->status != TSR_OK) return tsr_fail(slot->status, "%s", slot->message);
    if (!slot->skip) put_item(l, slot, out->count++, out);
    give_back(l, slot);
    return TSR_OK;
}

/* Fill the batch from the current epoch, to its end at most. */
static tsr_status fill_from_epoch(tsr_loader *l, tsr_batch *out)
{
    int64_t batch = l->options.batch;
    out->count = 0;
    out->epoch = l->consumed / l->epoch_items;
    int64_t end = (out->epoch + 1) * l->epoch_items;
    while (out->count < batch && l->consumed < end) TSR_TRY(take_next(l, out));
    int64_t rest = end - l->consumed;
    out->last = rest == 0 || (l->options.drop_last && rest < batch);
    if (l->options.drop_last && out->count < batch) out->count = 0;
    return TSR_OK;
}

static tsr_status nothing_to_give(const tsr_loader *l)
{
    return tsr_fail(TSR_EFORMAT, "loader: no batch of %lld can be made of %lld pictures, of which %lld cannot be read",
                    (long long)l->options.batch, (long long)l->epoch_items, (long long)tsr_dataset_skipped(l->set));
}

/* An epoch's end may hold nothing that can be given; the next epoch then goes on. A whole epoch of that is an error. */
static tsr_status fill(tsr_loader *l, tsr_batch *out)
{
    while (l->consumed < l->end) {
        bool whole = l->consumed % l->epoch_items == 0;
        TSR_TRY(fill_from_epoch(l, out));
        if (out->count > 0) return TSR_OK;
        if (whole) return nothing_to_give(l);
    }
    return TSR_OK;
}

static tsr_tensor *shortened(tsr_tensor *t, int64_t count)
{
    tsr_shape shape = tsr_shape_of(t);
    shape.v[0] = count;
    return t ? tsr_from_data(tsr_const_data(t), shape, tsr_dtype_of(t)) : NULL;
}

/* Tensors were made for a full batch. */
static tsr_status shorten(tsr_batch *b)
{
    b->pictures = shortened(b->pictures, b->count);
    b->labels = shortened(b->labels, b->count);
    b->indices = shortened(b->indices, b->count);
    b->depth = shortened(b->depth, b->count);
    b->right = shortened(b->right, b->count);
    b->label_map = shortened(b->label_map, b->count);
    return tsr_error_status();
}

static tsr_status make_batch(tsr_loader *l, tsr_batch *out)
{
    if (l->consumed >= l->end) return TSR_OK;
    TSR_TRY(batch_tensors(l, tsr_min_i64(l->options.batch, l->epoch_items), out));
    TSR_TRY(fill(l, out));
    return out->count > 0 && out->count < tsr_size(out->pictures, 0) ? shorten(out) : TSR_OK;
}

tsr_status tsr_loader_next(tsr_loader *l, tsr_batch *out)
{
    *out = (tsr_batch){0};
    if (tsr_error_pending()) return tsr_error_status();
    if (!l) return tsr_fail(TSR_EINVAL, "loader: there is no loader");
    int64_t begin = l->consumed;
    profile_frame f;
    profile_enter_range(&f, "data");
    tsr_mark m = tsr_scope_open();
    resume_workers(l);
    tsr_status status = make_batch(l, out);
    if (status != TSR_OK) seek(l, begin);
    if (status != TSR_OK || out->count == 0) *out = (tsr_batch){0};
    tsr_tensor *results[6] = {out->pictures, out->labels, out->indices, out->depth, out->right, out->label_map};
    tsr_scope_return_many(m, results, 6);
    profile_leave(&f);
    return status;
}
