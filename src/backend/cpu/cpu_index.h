/* cpu_index.h: reading and writing by index, faster than the reference and the same for every instruction set. */
#ifndef CPU_INDEX_H
#define CPU_INDEX_H

#include "backend/backend.h"

/* Put gather, scatter, index_select, index_add, index_range, nonzero and topk over the entries that b has. */
void cpu_index_fill(backend *b);

#endif
