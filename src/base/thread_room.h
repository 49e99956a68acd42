/* thread_room.h: what a thread needs more room for than thread-local variables may take.

   A library that is loaded at run time (dlopen, Python's ctypes) gets its thread-local variables from a few hundred bytes
   that the C library holds in reserve for all such libraries. Ours are therefore pointers and numbers, some 200 bytes in
   all; texts lie in this block, which the allocator keeps with a thread's cache, from the first use to the thread's end. */
#ifndef BASE_THREAD_ROOM_H
#define BASE_THREAD_ROOM_H

#include "base/profile.h"

enum {
    TSR_MESSAGE_ROOM = 1024,
    TSR_SCRATCH_TEXTS = 8,
    TSR_SCRATCH_ROOM = 176,
    TSR_LABEL_ROOM = 32,
    TSR_RANGE_ROOM = 32
};

typedef struct tsr_thread_room {
    char message[TSR_MESSAGE_ROOM];                    /* of the pending error */
    char scratch[TSR_SCRATCH_TEXTS][TSR_SCRATCH_ROOM]; /* parts of messages, used in turn */
    unsigned next_scratch;
    const char *labels[TSR_LABEL_ROOM];   /* of anomaly mode: the caller's texts */
    profile_frame ranges[TSR_RANGE_ROOM]; /* of the profiler: those that are open */
} tsr_thread_room;

/* The calling thread's, zeroed at first. NULL: no memory, which is not reported, since reports are written here. */
tsr_thread_room *tsr_get_thread_room(void);

#endif
