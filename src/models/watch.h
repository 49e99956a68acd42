/* watch.h: finding the first operator whose result is not a finite number. */
#ifndef MODELS_WATCH_H
#define MODELS_WATCH_H

#include "tessera/observe.h"

/* Between watch_start and watch_stop, the name of the first operator with a non-finite result is noted: the one that was
   called, not a part of it. */
typedef struct watch {
    char first[64]; /* "" while all is finite */
    int depth;      /* operators that are running, one inside the other */
} watch;

void watch_start(watch *w);
void watch_stop(void);

#endif
