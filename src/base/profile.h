/* profile.h: what the library's layers tell the profiler (tessera/profile.h). A frame is one call that is being timed; it lies
   on the stack of the function that makes the call, and frames of a thread are linked from the innermost outwards. */
#ifndef BASE_PROFILE_H
#define BASE_PROFILE_H

#include <stdatomic.h>
#include <stddef.h>

#include "tessera/profile.h"

enum { PROFILE_OFF, PROFILE_ON, PROFILE_UNKNOWN /* nobody has looked at the environment yet */ };

extern _Atomic int profile_state;
bool profile_first_use(void); /* looks; whether the profiler is on */

/* The one comparison that every operator pays. */
static inline bool profile_on(void)
{
    int state = atomic_load_explicit(&profile_state, memory_order_relaxed);
    if (__builtin_expect(state == PROFILE_OFF, 1)) return false;
    return state == PROFILE_ON || profile_first_use();
}

typedef struct profile_frame {
    struct profile_frame *outer;
    const char *name; /* NULL: not timed */
    tsr_profile_kind kind;
    int session;        /* of the profiler, when it began */
    int64_t begin, end; /* nanoseconds */
    int64_t inside;     /* of frames inside it */
    int64_t recording;  /* that the profiler itself took inside it */
    int64_t flops;
} profile_frame;

/* Begin and end a frame. The name must stay as long. Between the end and the record the caller may find out, on nobody's
   time, what there is to say: shapes of operands as JSON ("[2, 3], [3]", "" for none) and bytes. */
void profile_enter(profile_frame *f, tsr_profile_kind kind, const char *name);
void profile_end(profile_frame *f);
void profile_record(profile_frame *f, const char *shapes, int64_t bytes);

/* A range, if the profiler is on: begin it, leave it. */
static inline void profile_enter_range(profile_frame *f, const char *name)
{
    f->name = NULL;
    if (profile_on()) profile_enter(f, TSR_PROFILE_RANGE, name);
}
static inline void profile_leave(profile_frame *f)
{
    if (!f->name) return;
    profile_end(f);
    profile_record(f, "", 0);
}

/* Ranges that lie in no function: this thread's stack of them. False: it is full, it is empty. */
bool profile_push_range(const char *name);
bool profile_pop_range(void);

/* Operations that the thread's innermost frame does. */
void profile_add_flops(int64_t n);
static inline void profile_count_flops(int64_t n)
{
    if (profile_on()) profile_add_flops(n);
}

/* ---- reading ---- */

typedef struct profile_event {
    const char *name, *shapes;
    tsr_profile_kind kind;
    int thread;          /* from 1 */
    int64_t begin, time; /* nanoseconds; begin counts from the start of the recording */
} profile_event;

/* Every event that was kept, until visit returns false: then false. Nothing is recorded meanwhile: visit runs no operators. */
bool profile_each_event(bool (*visit)(const profile_event *e, void *user), void *user);
/* From the start to the stop, or until now. */
double profile_seconds(void);

/* At the exit of a process with TSR_PROFILE=1: the table and the trace. Implemented by io, which can write files. */
void profile_at_exit(void);

#endif
