/* cpu_sort.h: sorting, faster than the reference and the same for every instruction set. */
#ifndef CPU_SORT_H
#define CPU_SORT_H

#include "backend/backend.h"

/* Put sort and topk over the entries that b has. */
void cpu_sort_fill(backend *b);

#endif
