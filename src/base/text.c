/* text.c: text that grows. Room doubles, so that building a text of n bytes costs O(n); a failure is remembered. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/util.h"

/* Room for n more bytes and the terminating zero. */
static bool reserve(tsr_text *t, size_t n)
{
    if (t->failed) return false;
    if (n < t->room - t->length) return true; /* room - length >= 1, or both are 0 */
    size_t room = t->length + n + 1;
    if (room < n) room = SIZE_MAX; /* fails below */
    if (room < 2 * t->room) room = 2 * t->room;
    char *data = tsr_realloc(t->data, room < 64 ? 64 : room);
    t->failed = !data;
    if (!data) return false;
    t->data = data;
    t->room = room < 64 ? 64 : room;
    return true;
}

void tsr_text_add_bytes(tsr_text *t, const void *bytes, size_t n)
{
    if (!reserve(t, n)) return;
    if (n) memcpy(t->data + t->length, bytes, n);
    t->length += n;
    t->data[t->length] = 0;
}

void tsr_text_vadd(tsr_text *t, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        t->failed = true;
        tsr_fail(TSR_EINVAL, "text: \"%.100s\" cannot be formatted", format);
    } else if (reserve(t, (size_t)n)) {
        vsnprintf(t->data + t->length, (size_t)n + 1, format, again);
        t->length += (size_t)n;
    }
    va_end(again);
}

void tsr_text_add(tsr_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tsr_text_vadd(t, format, args);
    va_end(args);
}

const char *tsr_text_get(const tsr_text *t) { return t->data ? t->data : ""; }

void tsr_text_free(tsr_text *t)
{
    tsr_free(t->data);
    *t = (tsr_text){0};
}
