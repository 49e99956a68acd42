/* profile_report.c: the profiler's rows as a table, one line a row. Rates are left empty where nothing was counted.

   Names are a program's, and any bytes; here they must not break the table: long ones are cut, and no control character
   reaches the terminal. */
#include <string.h>

#include "base/alloc.h"
#include "base/profile.h"
#include "base/util.h"

enum { NAME_SHOWN = 48 }; /* bytes */

static const char *const kind_names[] = {"operator", "derivative", "range"};

/* A number per second in units of 10^9, or blanks. */
static void add_rate(tsr_text *t, int64_t n, double seconds)
{
    if (n > 0 && seconds > 0) tsr_text_add(t, "  %9.2f", (double)n / seconds * 1e-9);
    else tsr_text_add(t, "  %9s", "");
}

/* Blanks at the end of a line are of no use to anyone. */
static void end_line(tsr_text *t)
{
    while (t->length > 0 && t->data[t->length - 1] == ' ') t->data[--t->length] = 0;
    tsr_text_add(t, "\n");
}

/* The name as the table shows it. */
static const char *shown_name(const char *name, char text[NAME_SHOWN + 4])
{
    bool whole = strlen(name) <= NAME_SHOWN;
    size_t n = tsr_utf8_fit(name, whole ? NAME_SHOWN : NAME_SHOWN - 3);
    for (size_t i = 0; i < n; i++) text[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
    memcpy(text + n, whole ? "" : "...", whole ? 1 : 4);
    return text;
}

/* Columns on a terminal: bytes that begin a character of UTF-8. */
static int columns_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void add_row(tsr_text *t, const tsr_profile_row *r, int width, double sum)
{
    char text[NAME_SHOWN + 4];
    const char *name = shown_name(r->name, text);
    tsr_text_add(t, "%s%*s  %-10s  %9lld  %11.3f  %6.1f  %11.3f  %10.4f", name, width - columns_of(name), "",
                 kind_names[r->kind], (long long)r->calls, r->self_s * 1e3, sum > 0 ? 100 * r->self_s / sum : 0,
                 r->total_s * 1e3, r->total_s * 1e3 / (double)r->calls);
    add_rate(t, r->flops, r->total_s);
    add_rate(t, r->bytes, r->total_s);
    end_line(t);
}

static bool is_convolution(const tsr_profile_row *r)
{
    return r->kind == TSR_PROFILE_OPERATOR && r->flops > 0 && !strncmp(r->name, "conv", 4);
}

static void add_table(tsr_text *t, const tsr_profile_row *rows, int64_t n)
{
    double sum = 0;
    int64_t width = (int64_t)strlen("name");
    bool convolutions = false;
    for (int64_t i = 0; i < n; i++) {
        char text[NAME_SHOWN + 4];
        sum += rows[i].self_s;
        width = tsr_max_i64(width, columns_of(shown_name(rows[i].name, text)));
        convolutions = convolutions || is_convolution(&rows[i]);
    }
    tsr_text_add(t, "%-*s  %-10s  %9s  %11s  %6s  %11s  %10s  %9s  %9s\n", (int)width, "name", "kind", "calls",
                 "self ms", "self %", "total ms", "ms a call", "GFLOP/s", "GB/s");
    for (int64_t i = 0; i < n; i++) add_row(t, &rows[i], (int)width, sum);
    tsr_text_add(t, "%.3f s were recorded; the rows' own times add up to %.3f s over all threads\n", profile_seconds(),
                 sum);
    if (convolutions)
        tsr_text_add(t, "GFLOP/s of convolutions count a direct one's operations; Winograd's algorithm does fewer\n");
}

static tsr_profile_row *all_rows(int64_t *n)
{
    int64_t room = tsr_profile_rows(NULL, 0);
    tsr_profile_row *rows = tsr_alloc((size_t)room * sizeof *rows);
    if (!rows) return NULL;
    *n = tsr_min_i64(room, tsr_profile_rows(rows, room)); /* other threads may have added some */
    return rows;
}

char *tsr_profile_report(void)
{
    int64_t n = 0, dropped = tsr_profile_dropped();
    tsr_profile_row *rows = all_rows(&n);
    tsr_text t = {.failed = !rows};
    if (n > 0) add_table(&t, rows, n);
    else tsr_text_add(&t, "nothing was recorded\n");
    if (dropped > 0) tsr_text_add(&t, "the trace lacks %lld calls: it keeps the first million\n", (long long)dropped);
    tsr_free(rows);
    if (!t.failed) return t.data;
    tsr_text_free(&t);
    return NULL;
}
