/* cmd_inspect.c: `tessera inspect`: what a file of tensors holds. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "model_file.h"
#include "options.h"
#include "report.h"
#include "tessera/memory.h"

typedef struct inspect_options {
    bool json;
} inspect_options;

static const option table[] = {
    {"json", OPTION_FLAG, offsetof(inspect_options, json), "", "as JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, 1, 0}};
static const option_set set = {.command = "inspect",
                               .operands = "FILE",
                               .min_operands = 1,
                               .max_operands = 1,
                               .summary = "Say what a .safetensors, .npz or .npy file holds: names, shapes, types, "
                                          "metadata.",
                               .example = "  tessera inspect runs/vqgan/checkpoints/last.safetensors\n",
                               .groups = groups,
                               .group_count = 1};

static bool has(const tsr_archive *a, const char *name) { return tsr_archive_find(a, name) >= 0; }

/* "vqgan", "gpt", or "" for something else. */
static const char *model_of(const tsr_archive *a)
{
    if (has(a, "encoder.conv_in.weight") && has(a, "decoder.conv_in.weight")) return "vqgan";
    return has(a, "transformer.tok_emb.weight") ? "gpt" : "";
}

static const char *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".npz") || !strcmp(dot, ".npy")) ? dot + 1 : "safetensors";
}

/* Elements of the tensors that are not training state. */
static int64_t count_parameters(const tsr_archive *a)
{
    int64_t sum = 0;
    tsr_entry e;
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++) {
        int64_t n = 1;
        for (int d = 0; d < e.shape.n; d++) n *= e.shape.v[d];
        if (strncmp(e.name, "train.", 6) != 0) sum += n;
    }
    return sum;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------------- */

static json_t *entry_json(const tsr_entry *e)
{
    json_t *shape = json_array();
    for (int d = 0; d < e->shape.n; d++) json_array_append_new(shape, json_integer(e->shape.v[d]));
    return json_pack("{s:s, s:s, s:o, s:I}", "name", e->name, "dtype", e->dtype_name, "shape", shape, "bytes",
                     (json_int_t)e->bytes);
}

static json_t *metadata_json(const tsr_archive *a)
{
    json_t *object = json_object();
    const char *key;
    for (int64_t i = 0; (key = tsr_archive_metadata_key(a, i)); i++)
        json_object_set_new(object, key, json_string(tsr_archive_metadata(a, key)));
    return object;
}

static void print_json(const tsr_archive *a, const char *path)
{
    tsr_entry e;
    json_t *entries = json_array();
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++) json_array_append_new(entries, entry_json(&e));
    json_t *root = json_pack("{s:s, s:I, s:I, s:o, s:o}", "format", format_of(path), "tensors",
                             (json_int_t)tsr_archive_count(a), "parameters", (json_int_t)count_parameters(a),
                             "metadata", metadata_json(a), "entries", entries);
    if (*model_of(a)) {
        json_object_set_new(root, "model", json_string(model_of(a)));
        json_object_set_new(root, "dialect", json_string("taming"));
    }
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

static void print_entry(const tsr_entry *e)
{
    char shape[200];
    size_t n = (size_t)snprintf(shape, sizeof shape, "[");
    for (int d = 0; d < e->shape.n; d++)
        n += (size_t)snprintf(shape + n, sizeof shape - n, d ? ", %lld" : "%lld", (long long)e->shape.v[d]);
    snprintf(shape + n, sizeof shape - n, "]");
    printf("  %-5s %-22s %s\n", e->dtype_name, shape, e->name);
}

static void print_metadata(const tsr_archive *a)
{
    enum { SHOWN = 400 };
    const char *key;
    for (int64_t i = 0; (key = tsr_archive_metadata_key(a, i)); i++) {
        const char *value = tsr_archive_metadata(a, key);
        printf("  %s: %.*s%s\n", key, SHOWN, value, strlen(value) > SHOWN ? "..." : "");
    }
}

static void print_text(const tsr_archive *a, const char *path)
{
    tsr_entry e;
    const char *model = model_of(a);
    printf("%s: %s, %lld tensors, %lld parameters%s%s\n", path, format_of(path), (long long)tsr_archive_count(a),
           (long long)count_parameters(a), *model ? ", model " : "", model);
    if (tsr_archive_metadata_key(a, 0)) printf("metadata\n");
    print_metadata(a);
    printf("tensors\n");
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++) print_entry(&e);
}

int cmd_inspect(int argc, char **argv)
{
    inspect_options o = {.json = false};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    char *path = model_file_path(line.operands[0]);
    tsr_archive *a = path ? tsr_archive_open(path) : NULL;
    if (!a) status = report_error("inspect");
    else {
        (o.json ? print_json : print_text)(a, path);
        status = 0;
    }
    tsr_archive_close(a);
    tsr_free(path);
    return status;
}
