/* interrupt.h: Ctrl-C and SIGTERM as a request that a loop can look at. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on the first signal is noted; a second one ends the process. */
void interrupt_watch(void);
bool interrupt_seen(void);

#endif
