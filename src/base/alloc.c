/* alloc.c: the caching allocator.

   Training asks for the same sizes again and again. Returning a large block to the system and getting it back costs a
   page fault for every 4 KiB; a small one costs more in malloc than the operation on it. So blocks are kept.

   - Sizes are rounded up to classes: multiples of 64 bytes up to 1 KiB, then eight classes a doubling (at most 12.5 %
     lost). A header of 64 bytes before the memory says the class, so that freeing needs no size.
   - Each thread keeps free blocks of up to 64 KiB in lists of its own, without locks. What overflows them, and all of
     them when the thread ends, goes to the depot.
   - The depot, under one lock, holds blocks of every class, and large ones directly. A large request may also take a
     block one class up. Blocks leave the depot for the system, the longest unused first, as soon as handed-out and kept
     memory together exceed the peak of handed-out memory by DEPOT_SLACK: caching never makes a process much larger than
     it was anyway.
   - Counters belong to threads and are summed when they are read. The peak is followed with a coarseness of 64 KiB a
     thread, to keep shared writes off the path of small requests.

   Under AddressSanitizer every request goes to the system, so that each overflow and use after free is seen. */
#include "base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <malloc.h>
#include <sys/mman.h>
#endif

#include "base/thread_room.h"
#include "base/util.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHING 0
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define CACHING 0
#endif
#ifndef CACHING
#define CACHING 1
#endif

enum {
    UNIT = 64,           /* alignment, header, and the smallest class */
    SMALL_CLASSES = 64,  /* up to 64 KiB */
    CLASSES = 8 * 48,    /* up to MAX_BYTES */
    LIST_BYTES = 1 << 17 /* what a thread keeps of one class, unless that is below 4 blocks */
};
#define MAX_BYTES ((size_t)1 << 47)
#define HUGE_PAGE ((size_t)2 << 20)
#define PUBLISH_STEP (INT64_C(1) << 16)
#define DEPOT_SLACK (INT64_C(128) << 20)

typedef struct block {
    size_t bytes; /* usable */
    int32_t class;
    struct block *next, *previous; /* in its list; the thread's lists use next alone */
    struct block *newer, *older;   /* in the depot */
} block;

typedef struct counters {
    _Atomic int64_t current, allocations, frees, tensors;
} counters;

typedef struct thread_cache {
    block *top[SMALL_CLASSES];
    _Atomic int64_t count[SMALL_CLASSES]; /* of blocks in top; this and the next are written by the owner alone */
    counters counted;
    int64_t published; /* what of counted.current is in published_current */
    struct thread_cache *next, *previous;
    tsr_thread_room room;
} thread_cache;

static struct depot {
    pthread_mutex_t lock; /* for everything here */
    block *top[CLASSES];
    block *newest, *oldest;
    int64_t bytes;
    thread_cache *threads;
    counters retired; /* of threads that ended, or that have no cache */
} depot = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic int64_t published_current, peak;
static TSR_THREAD_LOCAL thread_cache *my_cache;

/* ---- size classes ---- */

static int class_of(size_t bytes)
{
    size_t last = bytes ? (bytes - 1) / UNIT : 0; /* units - 1 */
    if (last < 8) return (int)last;
    int shift = 60 - __builtin_clzll(last); /* last >> shift is in [8, 16) */
    return 8 * shift + (int)(last >> shift);
}

static size_t class_bytes(int class)
{
    if (class < 8) return (size_t)(class + 1) * UNIT;
    return ((size_t)(class % 8 + 9) << (class / 8 - 1)) * UNIT;
}

static int64_t list_limit(int class) { return tsr_max_i64(4, LIST_BYTES / (int64_t)class_bytes(class)); }

/* count > list_limit, without a division. */
static bool exceeds_limit(int64_t count, size_t bytes) { return count > 4 && count * (int64_t)bytes > LIST_BYTES; }

/* ---- counting ---- */

/* For counters that only this thread writes: cheaper than an atomic addition, and still readable by others. */
static void bump(_Atomic int64_t *counter, int64_t by)
{
    int64_t was = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, was + by, memory_order_relaxed);
}

static int64_t read_counter(const _Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void raise_peak(int64_t to)
{
    int64_t was = read_counter(&peak);
    while (was < to && !atomic_compare_exchange_weak(&peak, &was, to)) {}
}

static void publish(thread_cache *c)
{
    int64_t change = read_counter(&c->counted.current) - c->published;
    c->published += change;
    raise_peak(atomic_fetch_add(&published_current, change) + change);
}

/* So many bytes went out, or came back when negative. */
static void count_bytes(thread_cache *c, int64_t bytes)
{
    int64_t now = read_counter(&c->counted.current) + bytes, unpublished = now - c->published;
    atomic_store_explicit(&c->counted.current, now, memory_order_relaxed);
    if (unpublished >= PUBLISH_STEP || unpublished <= -PUBLISH_STEP) publish(c);
}

static void add_counters(counters *to, const counters *from)
{
    bump(&to->current, read_counter(&from->current));
    bump(&to->allocations, read_counter(&from->allocations));
    bump(&to->frees, read_counter(&from->frees));
    bump(&to->tensors, read_counter(&from->tensors));
}

static int64_t cached_bytes(const thread_cache *c)
{
    int64_t bytes = 0;
    for (int class = 0; class < SMALL_CLASSES; class ++)
        bytes += read_counter(&c->count[class]) * (int64_t)class_bytes(class);
    return bytes;
}

/* ---- the depot; its lock is held ---- */

static void depot_put(block *b)
{
    block **top = &depot.top[b->class];
    b->previous = NULL;
    b->next = *top;
    if (*top) (*top)->previous = b;
    *top = b;
    b->newer = NULL;
    b->older = depot.newest;
    *(depot.newest ? &depot.newest->newer : &depot.oldest) = b;
    depot.newest = b;
    depot.bytes += (int64_t)b->bytes;
}

static void depot_remove(block *b)
{
    *(b->previous ? &b->previous->next : &depot.top[b->class]) = b->next;
    if (b->next) b->next->previous = b->previous;
    *(b->newer ? &b->newer->older : &depot.newest) = b->older;
    *(b->older ? &b->older->newer : &depot.oldest) = b->newer;
    depot.bytes -= (int64_t)b->bytes;
}

static block *depot_take(int class)
{
    block *b = depot.top[class];
    if (!b && class >= SMALL_CLASSES && class + 1 < CLASSES) b = depot.top[class + 1];
    if (b) depot_remove(b);
    return b;
}

/* Take the longest unused blocks out until at most `keep` bytes are left; returns them as a list. */
static block *depot_evict(int64_t keep)
{
    block *evicted = NULL;
    while (depot.oldest && depot.bytes > keep) {
        block *b = depot.oldest;
        depot_remove(b);
        b->next = evicted;
        evicted = b;
    }
    return evicted;
}

/* What the depot may keep while `more` bytes are about to be handed out. */
static int64_t depot_limit(int64_t more)
{
    int64_t current = atomic_load(&published_current) + more;
    return tsr_max_i64(atomic_load(&peak), current) - current + DEPOT_SLACK;
}

/* ---- the system; no lock is held, since these may take long ---- */

static void system_free(block *list)
{
    while (list) {
        block *next = list->next;
        free(list);
        list = next;
    }
}

static void depot_trim(int64_t keep)
{
    pthread_mutex_lock(&depot.lock);
    block *evicted = depot_evict(keep);
    pthread_mutex_unlock(&depot.lock);
    system_free(evicted);
}

static block *system_block(int class, size_t bytes)
{
    void *p = NULL;
    bool huge = CACHING && bytes >= 2 * HUGE_PAGE;
    size_t total = bytes + UNIT, alignment = huge ? HUGE_PAGE : UNIT;
    if (posix_memalign(&p, alignment, total) != 0) {
        depot_trim(0);
        if (posix_memalign(&p, UNIT, total) != 0) return NULL;
        huge = false;
    }
#ifdef MADV_HUGEPAGE
    if (huge) madvise(p, total, MADV_HUGEPAGE);
#endif
    block *b = p;
    *b = (block){.bytes = bytes, .class = class};
    return b;
}

/* ---- a thread's lists ---- */

static block *list_pop(thread_cache *c, int class)
{
    block *b = c->top[class];
    if (!b) return NULL;
    c->top[class] = b->next;
    bump(&c->count[class], -1);
    return b;
}

static void list_push(thread_cache *c, block *b)
{
    b->next = c->top[b->class];
    c->top[b->class] = b;
    bump(&c->count[b->class], 1);
}

/* Move blocks of the class to the depot until `keep` are left. The depot's lock is held. */
static void hand_over(thread_cache *c, int class, int64_t keep)
{
    while (read_counter(&c->count[class]) > keep) depot_put(list_pop(c, class));
}

static void hand_over_all(thread_cache *c)
{
    for (int class = 0; class < SMALL_CLASSES; class ++) hand_over(c, class, 0);
}

static void retire_thread(void *cache)
{
    thread_cache *c = cache;
    my_cache = NULL;
    publish(c);
    pthread_mutex_lock(&depot.lock);
    hand_over_all(c);
    add_counters(&depot.retired, &c->counted);
    *(c->previous ? &c->previous->next : &depot.threads) = c->next;
    if (c->next) c->next->previous = c->previous;
    block *evicted = depot_evict(depot_limit(0));
    pthread_mutex_unlock(&depot.lock);
    system_free(evicted);
    free(c);
}

static pthread_key_t thread_end;
static bool thread_end_known;
static void make_thread_end(void) { thread_end_known = pthread_key_create(&thread_end, retire_thread) == 0; }

/* The calling thread's cache, made at its first request. NULL: no memory. */
static thread_cache *get_cache(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (my_cache) return my_cache;
    pthread_once(&once, make_thread_end);
    thread_cache *c = thread_end_known ? calloc(1, sizeof *c) : NULL;
    if (!c || pthread_setspecific(thread_end, c) != 0) {
        free(c);
        return NULL;
    }
    pthread_mutex_lock(&depot.lock);
    c->next = depot.threads;
    if (c->next) c->next->previous = c;
    depot.threads = c;
    pthread_mutex_unlock(&depot.lock);
    return my_cache = c;
}

tsr_thread_room *tsr_get_thread_room(void)
{
    thread_cache *c = my_cache ? my_cache : get_cache();
    return c ? &c->room : NULL;
}

/* ---- failing on purpose ---- */

static _Atomic int64_t fail_countdown; /* requests until the one that fails; 0: off */
static _Atomic bool fail_happened;

void tsr_alloc_fail_at(int64_t nth)
{
    atomic_store(&fail_happened, false);
    atomic_store(&fail_countdown, nth > 0 ? nth : 0);
}

bool tsr_alloc_failed(void) { return atomic_load(&fail_happened); }

static __attribute__((noinline, cold)) bool count_down(void)
{
    int64_t left = read_counter(&fail_countdown);
    while (left > 0 && !atomic_compare_exchange_weak(&fail_countdown, &left, left - 1)) {}
    if (left == 1) atomic_store(&fail_happened, true);
    return left == 1;
}

static bool fails_now(void) { return read_counter(&fail_countdown) != 0 && count_down(); }

static __attribute__((noinline, cold)) void *no_memory(size_t bytes)
{
    tsr_fail(TSR_ENOMEM, "no memory for %zu bytes", bytes);
    return NULL;
}

/* ---- requests ---- */

/* Fill the thread's list of a small class from the depot, up to half. The depot's lock is held. */
static void refill(thread_cache *c, int class)
{
    block *b;
    for (int64_t n = list_limit(class) / 2; n > 0 && (b = depot_take(class)); n--) list_push(c, b);
}

/* A block that the thread's list does not have. */
static __attribute__((noinline)) block *find_block(thread_cache *c, int class)
{
    bool small = class < SMALL_CLASSES;
    block *b, *evicted = NULL;
    size_t size = class_bytes(class);
    pthread_mutex_lock(&depot.lock);
    if (small) refill(c, class);
    b = small ? list_pop(c, class) : depot_take(class);
    if (!b && !small) evicted = depot_evict(depot_limit((int64_t)size));
    pthread_mutex_unlock(&depot.lock);
    system_free(evicted);
    return b ? b : system_block(class, size);
}

static block *get_block(thread_cache *c, size_t bytes)
{
    if (!CACHING) return system_block(0, bytes);
    int class = class_of(bytes);
    block *b = class < SMALL_CLASSES ? list_pop(c, class) : NULL;
    return b ? b : find_block(c, class);
}

void *tsr_alloc(size_t bytes)
{
    if (bytes > MAX_BYTES || fails_now()) return no_memory(bytes);
    thread_cache *c = my_cache ? my_cache : get_cache();
    block *b = c ? get_block(c, bytes) : NULL;
    if (!b) return no_memory(bytes);
    bump(&c->counted.allocations, 1);
    count_bytes(c, (int64_t)b->bytes);
    return (char *)b + UNIT;
}

void *tsr_alloc_zeroed(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) return no_memory(SIZE_MAX);
    void *p = tsr_alloc(n * size);
    return p ? memset(p, 0, n * size) : NULL;
}

/* A block of a thread that ended, or never got a cache. */
static void free_without_cache(block *b)
{
    int64_t bytes = (int64_t)b->bytes;
    pthread_mutex_lock(&depot.lock);
    bump(&depot.retired.current, -bytes);
    bump(&depot.retired.frees, 1);
    pthread_mutex_unlock(&depot.lock);
    atomic_fetch_sub(&published_current, bytes);
    free(b);
}

/* A large block, or what makes a thread's list too long. */
static __attribute__((noinline)) void put_in_depot(thread_cache *c, block *b)
{
    pthread_mutex_lock(&depot.lock);
    if (b->class < SMALL_CLASSES) {
        hand_over(c, b->class, list_limit(b->class) / 2);
    } else {
        depot_put(b);
    }
    block *evicted = depot_evict(depot_limit(0));
    pthread_mutex_unlock(&depot.lock);
    system_free(evicted);
}

static void put_block(thread_cache *c, block *b)
{
    bool small = b->class < SMALL_CLASSES;
    if (small) list_push(c, b);
    if (!small || exceeds_limit(read_counter(&c->count[b->class]), b->bytes)) put_in_depot(c, b);
}

void tsr_free(void *p)
{
    if (!p) return;
    block *b = (block *)((char *)p - UNIT);
    thread_cache *c = my_cache ? my_cache : get_cache();
    if (!c) {
        free_without_cache(b);
        return;
    }
    bump(&c->counted.frees, 1);
    count_bytes(c, -(int64_t)b->bytes);
    if (CACHING) {
        put_block(c, b);
    } else {
        free(b);
    }
}

void *tsr_realloc(void *p, size_t bytes)
{
    if (!p) return tsr_alloc(bytes);
    size_t room = ((block *)((char *)p - UNIT))->bytes;
    if (CACHING && bytes <= room && bytes >= room / 2) return fails_now() ? no_memory(bytes) : p;
    void *moved = tsr_alloc(bytes);
    if (!moved) return NULL;
    memcpy(moved, p, bytes < room ? bytes : room);
    tsr_free(p);
    return moved;
}

char *tsr_strdup(const char *text)
{
    if (!text) return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = tsr_alloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

/* ---- statistics ---- */

static counters sum_counters(int64_t *cached)
{
    counters sum = {0};
    pthread_mutex_lock(&depot.lock);
    *cached = depot.bytes;
    add_counters(&sum, &depot.retired);
    for (thread_cache *c = depot.threads; c; c = c->next) {
        add_counters(&sum, &c->counted);
        *cached += cached_bytes(c);
    }
    pthread_mutex_unlock(&depot.lock);
    return sum;
}

tsr_memory_stats tsr_memory_get_stats(void)
{
    int64_t cached = 0;
    counters sum = sum_counters(&cached);
    raise_peak(read_counter(&sum.current));
    return (tsr_memory_stats){.current = read_counter(&sum.current),
                              .peak = read_counter(&peak),
                              .cached = cached,
                              .allocations = read_counter(&sum.allocations),
                              .blocks = read_counter(&sum.allocations) - read_counter(&sum.frees)};
}

int64_t tsr_live_tensors(void)
{
    int64_t cached;
    counters sum = sum_counters(&cached);
    return read_counter(&sum.tensors);
}

void tsr_count_tensors(int64_t by)
{
    thread_cache *c = my_cache ? my_cache : get_cache();
    if (c) {
        bump(&c->counted.tensors, by);
        return;
    }
    pthread_mutex_lock(&depot.lock);
    bump(&depot.retired.tensors, by);
    pthread_mutex_unlock(&depot.lock);
}

void tsr_memory_reset_peak(void)
{
    atomic_store(&peak, 0);
    tsr_memory_get_stats();
}

void tsr_memory_trim(void)
{
    if (my_cache) {
        pthread_mutex_lock(&depot.lock);
        hand_over_all(my_cache);
        pthread_mutex_unlock(&depot.lock);
    }
    depot_trim(0);
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
