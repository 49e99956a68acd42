/* onnx_report.c: see onnx_report.h.

   A failure that is explained is one where ONNX and PyTorch, whose semantics are ours, define different results. The table
   below must stay exact: an explanation of a case that passes is an error like a failure without one. */
#include "onnx_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char window_reason[] = "ONNX's expected values take 3.1415 for pi";

static const struct {
    const char *name; /* of the case; a * stands for any part */
    const char *reason;
} explanations[] = {
    {"test_batchnorm_*training_mode", "ONNX's running variance is of the population, PyTorch's unbiased"},
    {"test_cast*_FLOAT_to_BFLOAT16*",
     "ONNX's expected values are cut to bfloat16, ours rounded to the nearest as PyTorch's"},
    {"test_blackmanwindow*_expanded", window_reason},
    {"test_hammingwindow*_expanded", window_reason},
    {"test_hannwindow*_expanded", window_reason},
    {"test_gridsample_bicubic", "ONNX's expected values are written with four decimals"},
    {"test_resize_downsample_scales_*_align_corners",
     "ONNX aligns the corners of scale * size, PyTorch of its whole part"},
};

enum { MAX_LINES = 512 };

/* A line of the report: of an operator, or of a reason, for which only one of the counts is used. */
typedef struct line {
    char name[512];
    int passed, failed, explained, unsupported;
} line;

struct onnx_report {
    line operators[MAX_LINES], reasons[MAX_LINES], sum;
    int n_operators, n_reasons, stale;
};

onnx_report *onnx_report_new(void) { return calloc(1, sizeof(onnx_report)); }

void onnx_report_free(onnx_report *r) { free(r); }

/* * in the pattern stands for any part of the name, an empty one too. */
static bool matches(const char *pattern, const char *name)
{
    if (*pattern != '*') return *pattern == *name && (!*pattern || matches(pattern + 1, name + 1));
    for (; *name; name++)
        if (matches(pattern + 1, name)) return true;
    return matches(pattern + 1, name);
}

static const char *explanation_of(const char *name)
{
    for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++)
        if (matches(explanations[i].name, name)) return explanations[i].reason;
    return NULL;
}

/* The line of this name, a new one if need be; past the last line, all share one. */
static line *line_of(line *lines, int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (!strcmp(lines[i].name, name)) return &lines[i];
    if (*n == MAX_LINES) return &lines[MAX_LINES - 1];
    snprintf(lines[*n].name, sizeof lines[*n].name, "%s", name);
    return &lines[(*n)++];
}

static void count(line *l, onnx_verdict verdict, bool explained)
{
    if (verdict == ONNX_PASSED) l->passed++;
    else if (verdict == ONNX_UNSUPPORTED) l->unsupported++;
    else if (explained) l->explained++;
    else l->failed++;
}

void onnx_report_add(onnx_report *r, const char *name, const onnx_outcome *outcome, bool verbose)
{
    const char *explanation = explanation_of(name);
    bool failed = outcome->verdict == ONNX_FAILED, explained = failed && explanation;
    count(line_of(r->operators, &r->n_operators, outcome->op), outcome->verdict, explained);
    count(&r->sum, outcome->verdict, explained);
    if (outcome->verdict != ONNX_PASSED && (!failed || explained))
        count(line_of(r->reasons, &r->n_reasons, explained ? explanation : outcome->reason), outcome->verdict,
              explained);
    if (failed && !explained) printf("FAILED %s (%s): %s\n", name, outcome->op, outcome->reason);
    else if (verbose && outcome->verdict != ONNX_PASSED)
        printf("%s %s (%s): %s\n", explained ? "explained" : "unsupported", name, outcome->op, outcome->reason);
    if (explanation && outcome->verdict == ONNX_PASSED) {
        printf("STALE %s passes, but is explained as failing: %s\n", name, explanation);
        r->stale++;
    }
}

static int by_name(const void *a, const void *b) { return strcmp(((const line *)a)->name, ((const line *)b)->name); }

/* A copy of the lines, sorted, to be freed; NULL: no memory. */
static line *sorted(const line *lines, int n)
{
    line *copy = malloc((size_t)n * sizeof *copy + 1);
    if (!copy) return NULL;
    memcpy(copy, lines, (size_t)n * sizeof *copy);
    qsort(copy, (size_t)n, sizeof *copy, by_name);
    return copy;
}

static void print_counts(const line *l)
{
    printf("%d passed, %d failed, %d explained, %d unsupported", l->passed, l->failed, l->explained, l->unsupported);
}

void onnx_report_print(const onnx_report *r)
{
    line *operators = sorted(r->operators, r->n_operators), *reasons = sorted(r->reasons, r->n_reasons);
    for (int i = 0; operators && i < r->n_operators; i++) {
        printf("%-28s ", operators[i].name);
        print_counts(&operators[i]);
        printf("\n");
    }
    for (int i = 0; reasons && i < r->n_reasons; i++)
        printf("%s, %d: %s\n", reasons[i].explained ? "explained" : "unsupported",
               reasons[i].explained + reasons[i].unsupported, reasons[i].name);
    print_counts(&r->sum);
    printf("\n");
    free(operators);
    free(reasons);
}

static void print_json_line(const line *l)
{
    printf("\"passed\":%d,\"failed\":%d,\"explained\":%d,\"unsupported\":%d", l->passed, l->failed, l->explained,
           l->unsupported);
}

/* Names of operators and our own reasons hold no characters that JSON would have escaped. */
static void print_json_lines(const char *key, const line *lines, int n)
{
    printf(",\"%s\":{", key);
    for (int i = 0; i < n; i++) {
        printf("%s\"%s\":{", i ? "," : "", lines[i].name);
        print_json_line(&lines[i]);
        printf("}");
    }
    printf("}");
}

void onnx_report_print_json(const onnx_report *r)
{
    printf("{");
    print_json_line(&r->sum);
    print_json_lines("operators", r->operators, r->n_operators);
    print_json_lines("reasons", r->reasons, r->n_reasons);
    printf("}\n");
}

bool onnx_report_good(const onnx_report *r) { return r->sum.passed && !r->sum.failed && !r->stale; }
