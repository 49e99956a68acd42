/* profile.c: timing calls (tessera/profile.h, base/profile.h).

   Frames belong to their threads and need no lock; when one ends, its figures are added to what is common to all threads
   under one lock, which is held for a few hundred nanoseconds. Two tables are kept: rows, one a name, and signatures, one for
   each name with the shapes it was called on, so that an event is only a signature, a thread and two times: 24 bytes. Both
   tables and the list of events have a limit, so that a run of days can be profiled: what comes later is still counted in
   its row, or in the row "(other)".

   Every start and clear begins a new session. A frame counts if its session is still the current one when it ends, so that
   the profiler may be switched at any moment, also from inside an operator. No memory for a record is not an error of the
   operator that ran: the record is dropped and counted as such. */
#include "base/profile.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/thread_room.h"
#include "base/util.h"

enum { EVENTS_MOST = 1000000, SIGNATURES_MOST = 100000, ROWS_MOST = 10000, NAME_MOST = 200, SHAPES_MOST = 512 };

static const char other[] = "(other)";

typedef struct row {
    char *name;
    tsr_profile_kind kind;
    int64_t calls, total, self, bytes, flops; /* times in nanoseconds */
} row;

typedef struct signature {
    row *row;
    char *shapes;
    int32_t number;
} signature;

typedef struct event {
    int64_t begin, time;
    int32_t signature, thread;
} event;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    tsr_map row_of, signature_of; /* by key */
    row **rows;
    signature **signatures;
    event *events;
    int64_t row_count, row_room, signature_count, signature_room, event_count, event_room;
    int64_t dropped, started, stopped;
} records; /* under the lock */

_Atomic int profile_state = PROFILE_UNKNOWN;
static _Atomic int session = 1;

static _Thread_local struct {
    profile_frame *top;
    int ranges, number; /* ranges: of the thread's room->ranges */
} here;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- on and off ------------------------------------------------------------------------------------------------------ */

static void forget(void)
{
    for (int64_t i = 0; i < records.row_count; i++) {
        tsr_free(records.rows[i]->name);
        tsr_free(records.rows[i]);
    }
    for (int64_t i = 0; i < records.signature_count; i++) {
        tsr_free(records.signatures[i]->shapes);
        tsr_free(records.signatures[i]);
    }
    tsr_map_free(&records.row_of);
    tsr_map_free(&records.signature_of);
    tsr_free(records.rows);
    tsr_free(records.signatures);
    tsr_free(records.events);
    memset(&records, 0, sizeof records);
}

static void begin_session(int state)
{
    pthread_mutex_lock(&lock);
    forget();
    records.started = now();
    atomic_fetch_add(&session, 1);
    atomic_store(&profile_state, state);
    pthread_mutex_unlock(&lock);
}

static void read_environment(void)
{
    bool on = tsr_env_switch("TSR_PROFILE");
    if (on && atexit(profile_at_exit) != 0) tsr_warn("TSR_PROFILE=1: the process has no room for another exit handler");
    begin_session(on ? PROFILE_ON : PROFILE_OFF);
}

bool profile_first_use(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    return atomic_load(&profile_state) == PROFILE_ON;
}

bool tsr_profile_is_on(void) { return profile_on(); }

void tsr_profile_start(void)
{
    profile_first_use(); /* what the environment says comes before what is said here */
    begin_session(PROFILE_ON);
}

void tsr_profile_stop(void)
{
    if (!profile_on()) return;
    pthread_mutex_lock(&lock);
    atomic_store(&profile_state, PROFILE_OFF);
    records.stopped = now();
    pthread_mutex_unlock(&lock);
}

void tsr_profile_clear(void)
{
    profile_first_use();
    begin_session(PROFILE_OFF);
}

double profile_seconds(void)
{
    pthread_mutex_lock(&lock);
    int64_t end = records.stopped ? records.stopped : now(), time = records.started ? end - records.started : 0;
    pthread_mutex_unlock(&lock);
    return (double)time * 1e-9;
}

/* ---- tables ---------------------------------------------------------------------------------------------------------- */

static row *new_row(const char *key, const profile_frame *f)
{
    row *r = tsr_alloc_zeroed(1, sizeof *r);
    char *name = tsr_strdup(key + 1);
    bool ok = r && name && tsr_grow(&records.rows, records.row_count, &records.row_room, sizeof *records.rows) &&
              tsr_map_put(&records.row_of, key, r);
    if (!ok) {
        tsr_free(r);
        tsr_free(name);
        return NULL;
    }
    *r = (row){.name = name, .kind = f->kind};
    return records.rows[records.row_count++] = r;
}

static row *row_for(const profile_frame *f, const char *name)
{
    char key[NAME_MOST + 2];
    snprintf(key, sizeof key, "%d%.*s", (int)f->kind, (int)tsr_utf8_fit(name, NAME_MOST), name);
    row *r = tsr_map_get(&records.row_of, key);
    return r ? r : new_row(key, f);
}

static signature *new_signature(const char *key, row *r, const char *shapes)
{
    signature *s = tsr_alloc(sizeof *s);
    char *text = tsr_strdup(shapes);
    bool ok = r && s && text &&
              tsr_grow(&records.signatures, records.signature_count, &records.signature_room,
                       sizeof *records.signatures) &&
              tsr_map_put(&records.signature_of, key, s);
    if (!ok) {
        tsr_free(s);
        tsr_free(text);
        return NULL;
    }
    *s = (signature){.row = r, .shapes = text, .number = (int32_t)records.signature_count};
    return records.signatures[records.signature_count++] = s;
}

/* The kind is a digit before the name; a line feed, which no shape has, parts it from the shapes. */
static signature *signature_for(const profile_frame *f, const char *name, const char *shapes)
{
    char key[NAME_MOST + SHAPES_MOST + 4];
    snprintf(key, sizeof key, "%d%.*s\n%.*s", (int)f->kind, (int)tsr_utf8_fit(name, NAME_MOST), name, SHAPES_MOST,
             shapes);
    signature *s = tsr_map_get(&records.signature_of, key);
    if (s) return s;
    if (records.signature_count >= SIGNATURES_MOST && *shapes) return signature_for(f, name, "");
    if (records.signature_count >= SIGNATURES_MOST + ROWS_MOST && name != other) return signature_for(f, other, "");
    return new_signature(key, row_for(f, name), shapes);
}

static bool add_event(const profile_frame *f, const signature *s)
{
    if (records.event_count == EVENTS_MOST) return false;
    if (!tsr_grow(&records.events, records.event_count, &records.event_room, sizeof *records.events)) return false;
    records.events[records.event_count++] = (event){
        .begin = f->begin - records.started, .time = f->end - f->begin, .signature = s->number, .thread = here.number};
    return true;
}

/* ---- frames ---------------------------------------------------------------------------------------------------------- */

static int thread_number(void)
{
    static _Atomic int threads;
    if (here.number == 0) here.number = atomic_fetch_add(&threads, 1) + 1;
    return here.number;
}

void profile_enter(profile_frame *f, tsr_profile_kind kind, const char *name)
{
    thread_number();
    *f = (profile_frame){.outer = here.top,
                         .name = name ? name : "(no name)",
                         .kind = kind,
                         .session = atomic_load_explicit(&session, memory_order_relaxed)};
    here.top = f;
    f->begin = now();
}

/* Ranges that were left open inside are cut off, and not recorded. */
void profile_end(profile_frame *f)
{
    f->end = now();
    here.top = f->outer;
}

static bool is_outermost(const profile_frame *f)
{
    for (const profile_frame *o = f->outer; o; o = o->outer)
        if (o->kind == f->kind && !strcmp(o->name, f->name)) return false;
    return true;
}

static bool is_current(const profile_frame *f)
{
    return f->session == atomic_load(&session) && atomic_load(&profile_state) == PROFILE_ON;
}

static int64_t net_time(const profile_frame *f) { return f->end - f->begin - f->recording; }

static bool add(const profile_frame *f, const char *shapes, int64_t bytes)
{
    signature *s = signature_for(f, f->name, shapes);
    if (!s) return false;
    s->row->calls++;
    s->row->self += net_time(f) - f->inside;
    if (is_outermost(f)) {
        s->row->total += net_time(f);
        s->row->flops += f->flops;
    }
    s->row->bytes += bytes;
    return add_event(f, s);
}

void profile_record(profile_frame *f, const char *shapes, int64_t bytes)
{
    bool pending = tsr_error_pending();
    pthread_mutex_lock(&lock);
    if (is_current(f) && !add(f, shapes, bytes)) records.dropped++;
    pthread_mutex_unlock(&lock);
    if (!pending) tsr_error_clear(); /* no memory is our trouble, not the operator's */
    if (!f->outer) return;
    f->outer->inside += net_time(f);
    f->outer->flops += f->flops;
    f->outer->recording += f->recording + now() - f->end;
}

void profile_add_flops(int64_t n)
{
    if (here.top) here.top->flops += n;
}

/* ---- ranges of the program --------------------------------------------------------------------------------------------- */

/* Their number is counted also while nothing is recorded, so that begin and end stay paired across a start or stop. */
bool profile_push_range(const char *name)
{
    tsr_thread_room *room = here.ranges < TSR_RANGE_ROOM ? tsr_get_thread_room() : NULL;
    if (!room) return false;
    profile_enter_range(&room->ranges[here.ranges++], name);
    return true;
}

/* One that ends inside a frame that began after it is taken out from between its neighbours, and not recorded. */
bool profile_pop_range(void)
{
    tsr_thread_room *room = here.ranges > 0 ? tsr_get_thread_room() : NULL;
    if (!room) return false;
    profile_frame *f = &room->ranges[--here.ranges];
    if (here.top == f) profile_leave(f);
    for (profile_frame *o = here.top; o; o = o->outer)
        if (o->outer == f) o->outer = f->outer;
    return true;
}

tsr_status tsr_profile_range_begin(const char *name)
{
    if (!name) return tsr_fail(TSR_EINVAL, "profile_range_begin: the name is NULL");
    if (profile_push_range(name)) return TSR_OK;
    return tsr_fail(TSR_EINVAL, "profile_range_begin: '%.100s' is deeper than %d ranges", name, TSR_RANGE_ROOM);
}

tsr_status tsr_profile_range_end(void)
{
    if (profile_pop_range()) return TSR_OK;
    return tsr_fail(TSR_ESTATE, "profile_range_end: this thread has no open range");
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static int by_self_time(const void *a, const void *b)
{
    const tsr_profile_row *x = a, *y = b;
    if (x->self_s != y->self_s) return x->self_s < y->self_s ? 1 : -1;
    return strcmp(x->name, y->name);
}

static tsr_profile_row row_to_read(const row *r)
{
    return (tsr_profile_row){.name = r->name,
                             .kind = r->kind,
                             .calls = r->calls,
                             .total_s = (double)r->total * 1e-9,
                             .self_s = (double)r->self * 1e-9,
                             .bytes = r->bytes,
                             .flops = r->flops};
}

int64_t tsr_profile_rows(tsr_profile_row *rows, int64_t room)
{
    pthread_mutex_lock(&lock);
    int64_t n = records.row_count;
    tsr_profile_row *all = room > 0 && n > 0 ? tsr_alloc((size_t)n * sizeof *all) : NULL;
    for (int64_t i = 0; all && i < n; i++) all[i] = row_to_read(records.rows[i]);
    pthread_mutex_unlock(&lock);
    if (!all) return room > 0 && n > 0 ? 0 : n; /* no memory: the error says so */
    qsort(all, (size_t)n, sizeof *all, by_self_time);
    memcpy(rows, all, (size_t)tsr_min_i64(n, room) * sizeof *all);
    tsr_free(all);
    return n;
}

int64_t tsr_profile_dropped(void)
{
    pthread_mutex_lock(&lock);
    int64_t n = records.dropped;
    pthread_mutex_unlock(&lock);
    return n;
}

bool profile_each_event(bool (*visit)(const profile_event *e, void *user), void *user)
{
    bool ok = true;
    pthread_mutex_lock(&lock);
    for (int64_t i = 0; ok && i < records.event_count; i++) {
        const event *e = &records.events[i];
        const signature *s = records.signatures[e->signature];
        ok = visit(&(profile_event){s->row->name, s->shapes, s->row->kind, e->thread, e->begin, e->time}, user);
    }
    pthread_mutex_unlock(&lock);
    return ok;
}
