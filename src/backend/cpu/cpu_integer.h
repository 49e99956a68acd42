/* cpu_integer.h: functions and reductions of integers, faster than the reference and the same for every instruction set. */
#ifndef CPU_INTEGER_H
#define CPU_INTEGER_H

#include "backend/backend.h"

/* Put unary, binary and reduce over the entries that b has, for the integers and codes that they take. */
void cpu_integer_fill(backend *b);
void cpu_integer_reduce_fill(backend *b);

#endif
