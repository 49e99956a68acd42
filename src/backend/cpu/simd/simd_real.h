/* simd_real.h: one source for float and double. A file that is included twice, with REAL_BITS 32 and 64, starts with this
   and speaks of REAL, its vectors VEC of LANES elements and their MASK; F(name) is name32 or name64. No include guard: it
   means something else each time. */
#include "backend/cpu/simd/simd_vec.h"

#undef REAL
#undef VEC
#undef MASK
#undef LANES
#undef F
#undef LIBM
#undef SLEEF
#undef SLEEF_TYPE

#if REAL_BITS == 32
#define REAL float
#define VEC vec32
#define MASK mask32
#define LANES LANES32
#define F(name) name##32
#define LIBM(name) name##f
#define SLEEF(name, accuracy) SLEEF32(name, accuracy)
#define SLEEF_TYPE sleef32
#else
#define REAL double
#define VEC vec64
#define MASK mask64
#define LANES LANES64
#define F(name) name##64
#define LIBM(name) name
#define SLEEF(name, accuracy) SLEEF64(name, accuracy)
#define SLEEF_TYPE sleef64
#endif
