/* table_text.c: text that grows, files read and written whole, and ending with a sentence. A file is written under a
   temporary name and moved, and only when it says something new, so that make has nothing to rebuild otherwise. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "genops.h"

enum { LINE_WIDTH = 118 };

static void say(const char *format, va_list args)
{
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("genops: ", stderr);
    say(format, args);
    va_end(args);
    exit(1);
}

void fail_at(place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", at.file, at.line);
    say(format, args);
    va_end(args);
    exit(1);
}

void *need(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) fail("there is no memory for %zu bytes", bytes);
    return p;
}

/* Room doubles at powers of two, so the count alone says when it is used up. */
void *grow(void *items, int count, size_t size)
{
    if (count & (count - 1)) return items;
    void *bigger = realloc(items, (count ? 2 * (size_t)count : 1) * size);
    if (!bigger) fail("there is no memory for %d entries", 2 * count);
    return bigger;
}

const char *join(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t length = (size_t)vsnprintf(NULL, 0, format, args);
    char *text = need(length + 1);
    vsnprintf(text, length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

const char *copy_text(const char *from, size_t length)
{
    char *text = need(length + 1);
    memcpy(text, from, length);
    return text;
}

void texts_add(texts *list, const char *text)
{
    list->v = grow(list->v, list->n, sizeof *list->v);
    list->v[list->n++] = text;
}

bool texts_have(const texts *list, const char *text)
{
    for (int i = 0; i < list->n; i++)
        if (!strcmp(list->v[i], text)) return true;
    return false;
}

static void reserve(buffer *b, size_t more)
{
    if (b->length + more < b->room) return;
    b->room = 2 * (b->length + more) + 4096;
    b->data = realloc(b->data, b->room);
    if (!b->data) fail("there is no memory for %zu bytes", b->room);
}

void put(buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t length = (size_t)vsnprintf(NULL, 0, format, args);
    reserve(b, length + 1);
    vsnprintf(b->data + b->length, length + 1, format, again);
    b->length += length;
    va_end(again);
    va_end(args);
}

/* The column at which the buffer's last line ends. */
static size_t column(const buffer *b)
{
    size_t n = 0;
    while (n < b->length && b->data[b->length - 1 - n] != '\n') n++;
    return n;
}

void put_wrapped(buffer *b, const char *indent, const char *text)
{
    bool first = true;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (!first && column(b) + 1 + word > LINE_WIDTH) put(b, "\n%s", indent);
        else if (!first) put(b, " ");
        put(b, "%.*s", (int)word, text);
        text += word;
        while (*text == ' ') text++;
        first = false;
    }
}

void put_quoted(buffer *b, const char *text)
{
    put(b, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') put(b, "\\%c", *text);
        else if (*text == '\n') put(b, "\\n");
        else put(b, "%c", *text);
    }
    put(b, "\"");
}

const char *one_line(const char *text)
{
    buffer b = {0};
    for (; *text; text++) {
        bool blank = isspace((unsigned char)*text);
        if (blank && (!b.length || b.data[b.length - 1] == ' ')) continue;
        put(&b, "%c", blank ? ' ' : *text);
    }
    while (b.length && b.data[b.length - 1] == ' ') b.data[--b.length] = 0;
    return b.data ? b.data : "";
}

const char *joined(const texts *list, const char *separator)
{
    const char *all = "";
    for (int i = 0; i < list->n; i++) all = join("%s%s%s", all, i ? separator : "", list->v[i]);
    return all;
}

/* The file's text, or NULL when it cannot be read. */
static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    buffer b = {0};
    for (size_t got = 1; got;) {
        reserve(&b, 65536);
        got = fread(b.data + b.length, 1, 65535, f);
        b.length += got;
    }
    bool bad = ferror(f);
    fclose(f);
    b.data[b.length] = 0;
    return bad ? NULL : b.data;
}

char *read_file(const char *path)
{
    char *text = slurp(path);
    if (!text) fail("%s cannot be read", path);
    return text;
}

void write_if_changed(const char *path, const buffer *b)
{
    char *old = slurp(path);
    if (old && !strcmp(old, b->data)) return;
    const char *temporary = join("%s.tmp", path);
    FILE *f = fopen(temporary, "wb");
    if (!f) fail("%s cannot be written", temporary);
    bool good = fwrite(b->data, 1, b->length, f) == b->length;
    good = fclose(f) == 0 && good;
    if (!good || rename(temporary, path)) {
        remove(temporary);
        fail("%s cannot be written", path);
    }
}
