/* onnx_main.c: replays ONNX's operator tests through our operators.

     onnx_replay [--json] [--verbose] FOLDER...

   Each folder at any depth that holds a model.onnx is a case. Debian's package libonnx-testdata installs them in
   /usr/share/libonnx-testdata/data. Status 1: a case failed that should not; 2: wrong usage.
   Layout: onnx_wire reads protobuf, onnx_model what ONNX puts in it, onnx_step calls our operators, the five files of rules
   say how ONNX's operators are made of ours, onnx_case runs and compares, onnx_report counts. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onnx_report.h"

enum { MAX_PATH = 4096, MAX_DEPTH = 8 };

typedef struct options {
    bool json, verbose;
    onnx_report *report;
} options;

static void replay(const options *o, const char *folder)
{
    onnx_outcome outcome;
    const char *slash = strrchr(folder, '/');
    onnx_replay_case(folder, &outcome);
    onnx_report_add(o->report, slash ? slash + 1 : folder, &outcome, o->verbose);
}

/* The cases at and below a folder, in the order of their names. False: it cannot be read. */
static bool walk(const options *o, const char *folder, int depth)
{
    char path[MAX_PATH];
    struct dirent **entries;
    if (snprintf(path, sizeof path, "%s/model.onnx", folder) >= MAX_PATH) return false;
    if (!access(path, F_OK)) {
        replay(o, folder);
        return true;
    }
    int n = depth < MAX_DEPTH ? scandir(folder, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        bool fits = snprintf(path, sizeof path, "%s/%s", folder, name) < MAX_PATH;
        if (fits && name[0] != '.') walk(o, path, depth + 1); /* a plain file is no folder, which is no matter */
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return n >= 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: onnx_replay [--json] [--verbose] FOLDER...\n");
    return 2;
}

int main(int argc, char **argv)
{
    options o = {.report = onnx_report_new()};
    int first = 1, status = 0;
    for (; first < argc && argv[first][0] == '-'; first++) {
        o.json |= !strcmp(argv[first], "--json");
        o.verbose |= !strcmp(argv[first], "--verbose");
        if (strcmp(argv[first], "--json") && strcmp(argv[first], "--verbose")) first = argc;
    }
    if (first >= argc || !o.report) return onnx_report_free(o.report), usage();
    for (; first < argc; first++) {
        if (walk(&o, argv[first], 0)) continue;
        fprintf(stderr, "onnx_replay: %s cannot be read\n", argv[first]);
        status = 1;
    }
    if (o.json) onnx_report_print_json(o.report);
    else onnx_report_print(o.report);
    if (!onnx_report_good(o.report)) status = 1;
    onnx_report_free(o.report);
    return status;
}
