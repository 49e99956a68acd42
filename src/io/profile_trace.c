/* profile_trace.c: the profiler's calls as a file in Chrome's trace format, and what TSR_PROFILE=1 leaves at a process's exit.

   Events are complete ones ("ph": "X") with times in microseconds; the viewer nests those of a thread by their times. The
   text goes to the file in pieces, since a million events take some 150 MB. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/profile.h"
#include "base/util.h"
#include "io/atomic_file.h"

enum { PIECE = 1 << 16 };

typedef struct trace {
    atomic_file file;
    tsr_text text; /* not written yet */
    tsr_status status;
    int threads; /* that have got their name so far */
} trace;

static bool flush(trace *t)
{
    if (t->text.failed) t->status = TSR_ENOMEM;
    else t->status = atomic_file_write(&t->file, tsr_text_get(&t->text), t->text.length);
    t->text.length = 0;
    return t->status == TSR_OK;
}

static int append(const char *bytes, size_t n, void *text)
{
    tsr_text_add_bytes(text, bytes, n);
    return 0; /* text remembers */
}

/* Names are a program's, and any bytes: those that are not UTF-8 become question marks. */
static void add_quoted(tsr_text *t, const char *name)
{
    char plain[256];
    json_t *string = json_string(name);
    if (!string) {
        snprintf(plain, sizeof plain, "%s", name);
        for (char *c = plain; *c; c++)
            if ((unsigned char)*c >= 0x80) *c = '?';
        string = json_string(plain);
    }
    if (json_dump_callback(string, append, t, JSON_ENCODE_ANY) != 0) tsr_text_add(t, "\"\""); /* no memory */
    json_decref(string);
}

static void name_threads(trace *t, int up_to)
{
    for (; t->threads < up_to; t->threads++)
        tsr_text_add(
            &t->text,
            "{\"ph\":\"M\",\"pid\":%ld,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"thread %d\"}},\n",
            (long)getpid(), t->threads + 1, t->threads + 1);
}

static bool add_event(const profile_event *e, void *user)
{
    static const char *const categories[] = {"operator", "derivative", "range"};
    trace *t = user;
    name_threads(t, e->thread);
    /* microseconds, put together from integers: a locale may have a comma in its decimals */
    tsr_text_add(&t->text,
                 "{\"ph\":\"X\",\"pid\":%ld,\"tid\":%d,\"ts\":%lld.%03lld,\"dur\":%lld.%03lld,\"cat\":\"%s\",\"name\":",
                 (long)getpid(), e->thread, (long long)(e->begin / 1000), (long long)(e->begin % 1000),
                 (long long)(e->time / 1000), (long long)(e->time % 1000), categories[e->kind]);
    add_quoted(&t->text, e->name);
    if (*e->shapes) tsr_text_add(&t->text, ",\"args\":{\"shapes\":[%s]}", e->shapes);
    tsr_text_add(&t->text, "},\n");
    return t->text.length < PIECE ? !t->text.failed : flush(t);
}

/* The list ends with an event that needs no comma after it. */
static void add_end(trace *t, int64_t dropped)
{
    tsr_text_add(&t->text,
                 "{\"ph\":\"M\",\"pid\":%ld,\"name\":\"process_name\",\"args\":{\"name\":\"tessera\"}}],\n"
                 "\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped\":%lld}}\n",
                 (long)getpid(), (long long)dropped);
}

tsr_status tsr_profile_save_trace(const char *path)
{
    trace t = {.status = TSR_OK};
    TSR_TRY(atomic_file_open(&t.file, path));
    tsr_text_add(&t.text, "{\"traceEvents\":[\n");
    if (profile_each_event(add_event, &t)) {
        add_end(&t, tsr_profile_dropped());
        flush(&t);
    } else if (t.text.failed) t.status = TSR_ENOMEM;
    if (t.status == TSR_OK) t.status = atomic_file_commit(&t.file);
    else atomic_file_abandon(&t.file); /* which a failed write has done already */
    tsr_text_free(&t.text);
    return t.status;
}

/* ---- the end of a process ---- */

static void warn_of_error(const char *what)
{
    tsr_warn("TSR_PROFILE=1: %s: %s", what, tsr_error_message());
    tsr_error_clear();
}

void profile_at_exit(void)
{
    const char *path = getenv("TSR_PROFILE_TRACE");
    tsr_profile_stop();
    if (tsr_profile_rows(NULL, 0) == 0) return; /* nothing ran, or the program has dealt with it and cleared it */
    tsr_error_clear();
    char *report = tsr_profile_report();
    if (report) fputs(report, stderr);
    else warn_of_error("there is no table");
    tsr_free(report);
    if (!path) path = "tessera-trace.json";
    if (*path && tsr_profile_save_trace(path) != TSR_OK) warn_of_error("there is no trace");
    tsr_profile_clear();
}
