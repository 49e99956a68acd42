/* cpu_scan.h: running sums and products, faster than the reference and the same for every instruction set. */
#ifndef CPU_SCAN_H
#define CPU_SCAN_H

#include "backend/backend.h"

/* Put scan over the entry that b has. */
void cpu_scan_fill(backend *b);

#endif
