/* bench_jobs.c: our side of the race with PyTorch (bench/race.py): a program that does jobs on request.

   It reads a line, answers with one line of JSON, and ends with its input:

       list                    {"jobs": [{"name": NAME, "quick": true}, ...]}
       ways NAME               {"ways": ["eager"]}: PyTorch has several, such as memory layouts; we have one
       run NAME REPEAT [WAY]   {"seconds": [...]}: of each of REPEAT runs
       check NAME [WAY]        {"values": [...]}: mean, root mean square and some elements of what the job computes, to compare
       peak                    {"gflops": ...}: registers' multiply-adds on all threads
       rss                     {"mb": ...}: the most memory that was resident so far
       version                 {"name": "Tessera", "version": ..., "isa": ..., "threads": ...}

   A job stays set up until another is named; the first run of a new one is a warm-up that does not count. A request that
   fails is answered by {"error": SENTENCE}. --weights FOLDER: where the models' jobs leave their weights for the peer. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, getline */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jobs.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/runtime.h"

enum { MOST_RUNS = 100000, SAMPLED = 16 };

static job current;

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void answer_error(const char *text)
{
    printf("{\"error\": ");
    print_quoted(text);
    printf("}\n");
}

static void answer_pending_error(void)
{
    answer_error(tsr_error_message());
    tsr_error_clear();
}

static void answer_numbers(const char *key, const double *v, int64_t n)
{
    printf("{\"%s\": [", key);
    for (int64_t i = 0; i < n; i++) printf("%s%.9g", i ? ", " : "", v[i]);
    printf("]}\n");
}

/* ---- the current job -------------------------------------------------------------------------------------------- */

static const job_kind *find_kind(const char *name, size_t length)
{
    const job_kind *tables[] = {operator_kinds, model_kinds};
    for (int i = 0; i < 2; i++)
        for (const job_kind *k = tables[i]; k->name; k++)
            if (strlen(k->name) == length && memcmp(k->name, name, length) == 0) return k;
    return NULL;
}

/* KIND[/CONFIG][/NUMBER[xNUMBER...]] */
static bool parse_name(job *j, const char *name)
{
    const char *at = name + strcspn(name, "/");
    if (strlen(name) >= sizeof j->name || !(j->kind = find_kind(name, (size_t)(at - name)))) return false;
    strcpy(j->name, name);
    if (*at == '/' && !isdigit((unsigned char)at[1])) {
        size_t length = strcspn(++at, "/");
        if (length >= sizeof j->config) return false;
        memcpy(j->config, at, length);
        at += length;
    }
    while ((*at == '/' || *at == 'x') && j->count < JOB_NUMBERS) {
        char *end;
        j->n[j->count++] = strtoll(at + 1, &end, 10);
        at = end;
    }
    return *at == '\0';
}

static void drop_job(void)
{
    for (int i = 0; i < JOB_TENSORS; i++) tsr_release(current.t[i]);
    if (current.kind && current.kind->drop) current.kind->drop(&current);
    current = (job){0};
}

typedef tsr_tensor *work(job *j);

/* Calls f, in inference mode unless the job records, and hands its result to `use` before the scope is closed. */
static bool call(work *f, bool (*use)(tsr_tensor *result))
{
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_inference_mode(!current.kind->grad);
    tsr_tensor *result = f(&current);
    bool ok = result && (!use || use(result));
    tsr_set_inference_mode(was);
    tsr_scope_close(m);
    return ok;
}

/* Makes `name` the current job. False: answered with an error. */
static bool choose_job(const char *name)
{
    if (strcmp(current.name, name) == 0) return true;
    drop_job();
    if (!parse_name(&current, name)) {
        current = (job){0};
        answer_error("no job of that name");
        return false;
    }
    tsr_mark m = tsr_scope_open();
    bool ok = current.kind->setup(&current);
    tsr_scope_close(m);
    if (ok) return true;
    answer_pending_error();
    drop_job();
    return false;
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool run_inner(int n)
{
    for (int i = 0; i < n; i++)
        if (!call(current.kind->run, NULL)) return false;
    return true;
}

static void do_run(const char *name, int64_t repeat)
{
    static double seconds[MOST_RUNS];
    bool fresh = strcmp(current.name, name) != 0;
    if (repeat < 1 || repeat > MOST_RUNS) {
        answer_error("REPEAT is 1 to 100000");
        return;
    }
    if (!choose_job(name)) return;
    int inner = current.kind->inner > 0 ? current.kind->inner : 1;
    bool ok = !fresh || run_inner(inner);
    for (int64_t i = 0; ok && i < repeat; i++) {
        double start = now();
        ok = run_inner(inner);
        seconds[i] = (now() - start) / inner;
    }
    if (ok) answer_numbers("seconds", seconds, repeat);
    else answer_pending_error();
}

static double checked[2 + SAMPLED];
static int64_t checked_count;

static bool sample_values(tsr_tensor *t)
{
    int64_t n = tsr_numel(t);
    double *v = malloc((size_t)(n > 0 ? n : 1) * sizeof *v), sum = 0, squares = 0;
    bool ok = v && n > 0 && tsr_to_host(t, v, n, TSR_F64) == TSR_OK;
    for (int64_t i = 0; ok && i < n; i++) sum += v[i], squares += v[i] * v[i];
    checked_count = 2 + (n < SAMPLED ? n : SAMPLED);
    for (int64_t i = 2; ok && i < checked_count; i++) checked[i] = v[(i - 2) * (n - 1) / (SAMPLED - 1)];
    if (ok && n < SAMPLED) memcpy(checked + 2, v, (size_t)n * sizeof *v);
    checked[0] = sum / (double)n;
    checked[1] = sqrt(squares / (double)n);
    free(v);
    return ok;
}

static void do_check(const char *name)
{
    if (!choose_job(name)) return;
    if (call(current.kind->check ? current.kind->check : current.kind->run, sample_values))
        answer_numbers("values", checked, checked_count);
    else answer_pending_error();
}

static void do_list(void)
{
    printf("{\"jobs\": [");
    for (const job_entry *e = standard_jobs; e->name; e++)
        printf("%s{\"name\": \"%s\", \"quick\": %s}", e == standard_jobs ? "" : ", ", e->name,
               e->quick ? "true" : "false");
    printf("]}\n");
}

/* VmHWM, unlike getrusage's figure, does not begin with the memory of the process that started this one. */
static void do_rss(void)
{
    char line[256];
    double kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtod(line + 6, NULL);
    if (f) fclose(f);
    if (kib < 0) answer_error("/proc/self/status does not say");
    else printf("{\"mb\": %.2f}\n", kib / 1024);
}

static void answer(char *line)
{
    char *next, *words[4] = {NULL};
    int n = 0;
    for (char *w = strtok_r(line, " \n", &next); w && n < 4; w = strtok_r(NULL, " \n", &next)) words[n++] = w;
    if (n == 0) answer_error("an empty request");
    else if (strcmp(words[0], "run") == 0 && n >= 3) do_run(words[1], strtoll(words[2], NULL, 10));
    else if (strcmp(words[0], "check") == 0 && n >= 2) do_check(words[1]);
    else if (strcmp(words[0], "list") == 0) do_list();
    else if (strcmp(words[0], "ways") == 0) printf("{\"ways\": [\"eager\"]}\n");
    else if (strcmp(words[0], "peak") == 0) printf("{\"gflops\": %.1f}\n", fma_peak());
    else if (strcmp(words[0], "rss") == 0) do_rss();
    else if (strcmp(words[0], "version") == 0)
        printf("{\"name\": \"Tessera\", \"version\": \"%s\", \"isa\": \"%s\", \"threads\": %d}\n", tsr_version_string(),
               tsr_isa(), tsr_num_threads());
    else answer_error("requests: list, ways NAME, run NAME REPEAT, check NAME, peak, rss, version");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    if (argc == 3 && strcmp(argv[1], "--weights") == 0) weights_folder = argv[2];
    else if (argc != 1) {
        fprintf(stderr, "usage: bench_jobs [--weights FOLDER]; requests come on the standard input\n");
        return 2;
    }
    if (tsr_set_isa(NULL) != TSR_OK) {
        fprintf(stderr, "bench: TSR_ISA: %s\n", tsr_error_message());
        return 2;
    }
    while (getline(&line, &room, stdin) > 0) answer(line);
    drop_job();
    free(line);
    return 0;
}
