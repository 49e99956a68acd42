/* run_folder.c: what a training run leaves behind, besides checkpoints.

   metrics.jsonl is appended to, a line at a time, so that it can be watched. After a kill its last line may be half a
   line, and it may be ahead of the checkpoint that a resumed run starts from: both are cut off when the run goes on. */
#include "run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tessera/image.h"
#include "tessera/io.h"

const char *run_path(const char *folder, const char *name, char *buffer)
{
    snprintf(buffer, RUN_PATH_MOST, "%s/%s", folder, name);
    return buffer;
}

bool run_has_checkpoint(const char *folder)
{
    char path[RUN_PATH_MOST];
    return access(run_path(folder, "checkpoints/last.safetensors", path), F_OK) == 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static int64_t step_of(const char *line, size_t length)
{
    json_t *row = json_loadb(line, length, 0, NULL);
    json_t *step = json_object_get(row, "step");
    int64_t n = json_is_integer(step) ? json_integer_value(step) : INT64_MAX;
    json_decref(row);
    return n;
}

/* How many bytes of the metrics are whole lines up to `step`, the one of `ended` not among them. */
static int64_t kept_bytes(const tsr_bytes *text, int64_t step, int64_t ended)
{
    const char *start = text->data, *at = start, *end = start + text->size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        int64_t row = newline ? step_of(at, (size_t)(newline - at)) : INT64_MAX;
        if (row > step || row == ended) break;
        at = newline + 1;
    }
    return at - start;
}

static tsr_status cut_metrics(const char *path, int64_t step, int64_t ended)
{
    tsr_bytes text;
    if (access(path, F_OK) != 0) return TSR_OK;
    tsr_status status = tsr_read_file(path, &text);
    if (status != TSR_OK) return status;
    int64_t kept = kept_bytes(&text, step, ended);
    if (kept < text.size) status = tsr_write_file(path, text.data, kept);
    tsr_bytes_free(&text);
    return status;
}

static tsr_status write_config(const char *folder, const json_t *config)
{
    char path[RUN_PATH_MOST];
    char *text = json_dumps(config, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    if (!text) return tsr_fail(TSR_ENOMEM, "no memory for the configuration's text");
    tsr_status status = tsr_write_file(run_path(folder, "config.json", path), text, (int64_t)strlen(text));
    free(text);
    return status;
}

static tsr_status make_folders(const char *folder)
{
    char path[RUN_PATH_MOST];
    if (strlen(folder) + 64 > RUN_PATH_MOST) return tsr_fail(TSR_EINVAL, "the run folder's name is too long");
    tsr_status status = tsr_make_folder(run_path(folder, "checkpoints", path));
    return status == TSR_OK ? tsr_make_folder(run_path(folder, "samples", path)) : status;
}

static bool open_metrics(run_folder *r, int64_t step, int64_t ended)
{
    char path[RUN_PATH_MOST];
    if (cut_metrics(run_path(r->path, "metrics.jsonl", path), step, ended) != TSR_OK) return false;
    r->metrics = fopen(path, "a");
    if (!r->metrics) tsr_fail(TSR_EIO, "cannot write %s: %s", path, strerror(errno));
    return r->metrics != NULL;
}

/* Whether "config.json.1234-0.tmp" was being written by a process that is no more. */
static bool is_abandoned(const char *name)
{
    const char *end = name + strlen(name), *dash, *dot;
    if (end - name < 8 || strcmp(end - 4, ".tmp") != 0) return false;
    for (dash = end - 4; dash > name && dash[-1] >= '0' && dash[-1] <= '9';) dash--;
    if (dash == end - 4 || dash == name || *--dash != '-') return false;
    for (dot = dash; dot > name && dot[-1] >= '0' && dot[-1] <= '9';) dot--;
    if (dot == dash || dot == name || dot[-1] != '.') return false;
    long process = strtol(dot, NULL, 10);
    return process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

/* Files are written under a temporary name (tessera/io.h); a process that is killed leaves it behind. */
static void remove_abandoned(const char *folder)
{
    char path[RUN_PATH_MOST];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (is_abandoned(e->d_name) && (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < sizeof path)
            unlink(path);
    if (d) closedir(d);
}

tsr_status run_folder_prepare(const char *path, const json_t *config)
{
    char inner[RUN_PATH_MOST];
    tsr_status status = make_folders(path);
    if (status != TSR_OK) return status;
    remove_abandoned(path);
    remove_abandoned(run_path(path, "checkpoints", inner));
    remove_abandoned(run_path(path, "samples", inner));
    return write_config(path, config);
}

bool run_folder_open(run_folder *r, const char *path, int64_t step, int64_t ended, const json_t *config)
{
    *r = (run_folder){.path = path};
    if (run_folder_prepare(path, config) != TSR_OK || !open_metrics(r, step, ended)) return false;
    r->events = tsr_events_open(path);
    return r->events && tsr_events_restart(r->events, step + 1) == TSR_OK;
}

void run_folder_close(run_folder *r)
{
    if (r->metrics) fclose(r->metrics);
    tsr_events_close(r->events);
    *r = (run_folder){.path = NULL};
}

/* ---- what happens in it --------------------------------------------------------------------------------------------------- */

/* JSON has no NaN: such a value is null. */
static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static tsr_status write_row(run_folder *r, const json_t *row)
{
    char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text) return tsr_fail(TSR_ENOMEM, "no memory for a line of metrics");
    bool ok = fprintf(r->metrics, "%s\n", text) > 0 && fflush(r->metrics) == 0;
    free(text);
    return ok ? TSR_OK : tsr_fail(TSR_EIO, "cannot write %s/metrics.jsonl: %s", r->path, strerror(errno));
}

tsr_status run_folder_log(run_folder *r, int64_t step, double seconds, const run_term *terms, int count)
{
    char tag[64];
    json_t *row = json_pack("{s:I, s:o}", "step", (json_int_t)step, "step_seconds", number(seconds));
    for (int i = 0; i < count; i++) json_object_set_new(row, terms[i].name, number(terms[i].value));
    tsr_status status = write_row(r, row);
    json_decref(row);
    for (int i = 0; status == TSR_OK && i < count; i++) {
        snprintf(tag, sizeof tag, "train/%s", terms[i].name);
        status = tsr_events_scalar(r->events, tag, step, terms[i].value);
    }
    return status;
}

tsr_status run_folder_picture(run_folder *r, const char *tag, int64_t step, const tsr_tensor *picture)
{
    char path[RUN_PATH_MOST];
    snprintf(path, sizeof path, "%s/samples/step-%06lld.png", r->path, (long long)step);
    tsr_status status = tsr_image_save(path, picture);
    return status == TSR_OK ? tsr_events_image(r->events, tag, step, picture) : status;
}
