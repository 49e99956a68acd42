/* report.c: errors as a few lines on stderr.

   The library's messages are complete: a checkpoint of another configuration gives every key and every size that differs,
   hundreds of them. A terminal wants the first few and a count, so each line's list of quoted names is cut, and lines
   beyond the limit are counted. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_LINES = 5, MOST_NAMES = 4, MOST_LINE = 600 };

/* The end of the first MOST_NAMES of a line's quoted names, and how many follow. */
static size_t cut_names(const char *line, size_t length, int *left_out)
{
    size_t end = length;
    int names = 1;
    for (size_t i = 0; i + 4 <= length; i++)
        if (!strncmp(line + i, "\", \"", 4) && names++ == MOST_NAMES) end = i + 1;
    *left_out = names > MOST_NAMES ? names - MOST_NAMES : 0;
    return end;
}

static void print_line(const char *line, size_t length)
{
    int left_out;
    size_t end = cut_names(line, length, &left_out);
    bool cut = end > MOST_LINE;
    if (cut) end = MOST_LINE;
    for (; end > 0 && *line == '\t'; line++, end--) fputs("  ", stderr);
    fprintf(stderr, "%.*s%s", (int)end, line, cut ? "..." : "");
    if (left_out) fprintf(stderr, " and %d more", left_out);
    fputc('\n', stderr);
}

static int count_lines(const char *text)
{
    int n = 0;
    for (; text && *text; text = strchr(text, '\n'), text += text != NULL) n++;
    return n;
}

static void print_message(const char *text)
{
    for (int i = 0; text && *text && i < MOST_LINES; i++) {
        size_t length = strcspn(text, "\n");
        print_line(text, length);
        text += length + (text[length] == '\n');
    }
    int left = count_lines(text);
    if (left > 0) fprintf(stderr, "  and %d more like that\n", left);
}

int report_error(const char *command)
{
    const char *message = tsr_error_message();
    fprintf(stderr, "tessera %s: ", command);
    print_message(message ? message : "failed without a message");
    tsr_error_clear();
    return EXIT_RUN_FAILED;
}

int report_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "tessera %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n`tessera %s --help` lists the options\n", command);
    return EXIT_WRONG_USE;
}

void report_note(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "tessera %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

tsr_status report_prefix(const char *where)
{
    char message[1024];
    tsr_status status = tsr_error_status();
    snprintf(message, sizeof message, "%s", status == TSR_OK ? "" : tsr_error_message());
    tsr_error_clear();
    return tsr_fail(status, "%s: %s", where, message);
}

bool report_json(json_t *figures)
{
    if (!figures) {
        tsr_fail(TSR_ENUMERIC, "the figures cannot be written as JSON: one is not finite, or there is no memory");
        return false;
    }
    bool ok = json_dumpf(figures, stdout, JSON_REAL_PRECISION(10)) == 0 && putchar('\n') != EOF && fflush(stdout) == 0;
    json_decref(figures);
    if (!ok) tsr_fail(TSR_EIO, "the figures cannot be written to the standard output");
    return ok;
}
