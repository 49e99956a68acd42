/* export.h: TSR_API marks what the library offers. Everything else is built with hidden visibility and stays inside the
   shared library, so that a name without this mark can change freely. */
#ifndef TESSERA_EXPORT_H
#define TESSERA_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define TSR_API __attribute__((visibility("default")))
/* Parameter f is a printf format, whose arguments begin with parameter a: the compiler compares them. */
#define TSR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define TSR_API
#define TSR_PRINTF(f, a)
#endif

#endif
