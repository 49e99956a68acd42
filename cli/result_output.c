/* result_output.c: writing results. */
#include "result_output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "picture_sheet.h"
#include "report.h"
#include "tessera/image.h"
#include "tessera/io.h"
#include "tessera/memory.h"
#include "tessera/ops.h"
#include "tessera/profile.h"

static bool ends(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && !strcasecmp(path + n - m, ending);
}

result_kind result_kind_of(const char *path)
{
    if (ends(path, ".safetensors") || ends(path, ".npy")) return RESULT_TENSOR;
    if (ends(path, ".png") || ends(path, ".jpg") || ends(path, ".jpeg")) return RESULT_SHEET;
    return RESULT_FOLDER;
}

int result_check_path(const char *command, const char *path)
{
    static const char *const foreign[] = {".npz",  ".pt",  ".pth",  ".ckpt", ".bin", ".json", ".gif", ".bmp",
                                          ".webp", ".tif", ".tiff", ".ppm",  ".zip", ".tar",  ".pdf", ".svg"};
    if (!path) return report_usage(command, "--out is missing");
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (ends(path, foreign[i]))
            return report_usage(command,
                                "--out %s: %s files are not written; .safetensors, .npy, .png and .jpg are, and "
                                "folders of PNGs",
                                path, foreign[i]);
    return OPTIONS_GO_ON;
}

void result_start(result_output *r, const char *path)
{
    *r = (result_output){.path = path, .kind = result_kind_of(path)};
}

void result_free(result_output *r)
{
    for (int64_t i = 0; i < r->count; i++) tsr_release(r->parts[i]);
    tsr_free(r->parts);
    r->parts = NULL;
    r->count = r->room = 0;
}

static tsr_status save_each(const result_output *r, tsr_tensor *batch, int64_t first)
{
    char path[1024];
    tsr_profile_range_begin("output");
    tsr_status status = tsr_make_folder(r->path);
    for (int64_t i = 0; status == TSR_OK && i < tsr_size(batch, 0); i++) {
        tsr_mark m = tsr_scope_open();
        snprintf(path, sizeof path, "%s/%06lld.png", r->path, (long long)(first + i));
        tsr_tensor *image = tsr_image_from_float(tsr_select(batch, 0, i), -1, 1);
        status = image ? tsr_image_save(path, image) : tsr_error_status();
        tsr_scope_close(m);
    }
    tsr_profile_range_end();
    return status;
}

tsr_status result_add(result_output *r, tsr_tensor *batch, int64_t first)
{
    if (!batch) return tsr_error_status();
    if (r->kind == RESULT_FOLDER) return save_each(r, batch, first);
    if (r->count == r->room) {
        int64_t room = r->room ? 2 * r->room : 16;
        tsr_tensor **grown = tsr_realloc(r->parts, (size_t)room * sizeof *grown);
        if (!grown) return TSR_ENOMEM;
        r->parts = grown;
        r->room = room;
    }
    r->parts[r->count++] = tsr_keep(batch);
    return TSR_OK;
}

tsr_tensor *result_all(const result_output *r)
{
    if (r->count > 0) return tsr_cat((tsr_tensors){r->parts, r->count}, 0);
    tsr_fail(TSR_EINVAL, "there is nothing to write to %s", r->path);
    return NULL;
}

tsr_status result_finish(result_output *r)
{
    if (r->kind == RESULT_FOLDER) return TSR_OK;
    tsr_profile_range_begin("output");
    tsr_mark m = tsr_scope_open();
    tsr_tensor *all = result_all(r);
    tsr_status status = tsr_error_status();
    if (all && r->kind == RESULT_TENSOR) status = tsr_save_one(r->path, tsr_contiguous(all));
    else if (all) {
        tsr_tensor *sheet = picture_sheet(all, 0);
        status = sheet ? tsr_image_save(r->path, sheet) : tsr_error_status();
    }
    tsr_scope_close(m);
    tsr_profile_range_end();
    return status;
}
