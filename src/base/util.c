/* util.c: growing arrays, switches in the environment, extensions of paths, lengths of names and how different two are. */
#include "base/util.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

bool tsr_grow(void *items, int64_t count, int64_t *room, size_t size)
{
    if (count < *room) return true;
    int64_t wanted = tsr_max_i64(8, count + count / 2 + 1);
    if (size && (uint64_t)wanted > SIZE_MAX / size) {
        tsr_fail(TSR_ENOMEM, "no memory for %lld items of %zu bytes", (long long)wanted, size);
        return false;
    }
    /* items is the address of a pointer of unknown type: move it as bytes. */
    void *old, *grown;
    memcpy(&old, items, sizeof old);
    grown = tsr_realloc(old, (size_t)wanted * size);
    if (!grown) return false;
    memcpy(items, &grown, sizeof grown);
    *room = wanted;
    return true;
}

bool tsr_env_switch(const char *name)
{
    const char *text = getenv(name);
    if (!text || !*text || !strcmp(text, "0")) return false;
    if (!strcmp(text, "1")) return true;
    tsr_warn("%s=%.40s is neither 0 nor 1; ignored", name, text);
    return false;
}

size_t tsr_utf8_fit(const char *text, size_t most)
{
    size_t n = strnlen(text, most + 1);
    if (n <= most) return n;
    n = most;
    while (n > 0 && most - n < 3 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    return ((unsigned char)text[n] & 0xc0) == 0x80 ? most : n; /* no UTF-8 */
}

bool tsr_has_extension(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n >= m && strcasecmp(path + n - m, extension) == 0;
}

int64_t tsr_edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 255 };
    size_t n = strnlen(a, LONGEST), m = strnlen(b, LONGEST);
    int64_t row[LONGEST + 1]; /* row[j]: from the first i bytes of a to the first j of b */
    for (size_t j = 0; j <= m; j++) row[j] = (int64_t)j;
    for (size_t i = 1; i <= n; i++) {
        int64_t diagonal = row[0];
        row[0] = (int64_t)i;
        for (size_t j = 1; j <= m; j++) {
            int64_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = tsr_min_i64(replaced, 1 + tsr_min_i64(row[j], row[j - 1]));
        }
    }
    return row[m];
}
