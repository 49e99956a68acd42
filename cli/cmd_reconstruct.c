/* cmd_reconstruct.c: `tessera reconstruct`: pictures through the codes and back. */
#include <stdio.h>

#include "commands.h"
#include "image_metrics.h"
#include "model_file.h"
#include "picture_input.h"
#include "picture_sheet.h"
#include "report.h"
#include "result_output.h"
#include "tessera/image.h"
#include "tessera/profile.h"
#include "tessera/vqgan.h"

enum { COLUMNS = 8 };

typedef struct reconstruct_options {
    const char *model, *out;
    data_options data;
    int64_t batch;
    bool json;
} reconstruct_options;

#define AT(member) offsetof(reconstruct_options, member)

static const option table[] = {
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN: a file, or a run's folder", 0, 0, NULL, NULL},
    {"out", OPTION_TEXT, AT(out), "PATH",
     ".safetensors, .npy: [N, C, H, W]; .png: a sheet, each row of originals above its reconstructions; else a folder",
     0, 0, NULL, NULL},
    {"batch", OPTION_INT, AT(batch), "N", "pictures at a time", 1, 65536, NULL, NULL},
    {"json", OPTION_FLAG, AT(json), "", "figures as JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0},
                                      {"pictures", data_option_table + 1, DATA_OPTION_COUNT - 1, AT(data)}};
static const option_set set = {
    .command = "reconstruct",
    .operands = "INPUT",
    .min_operands = 1,
    .max_operands = 1,
    .summary =
        "Encode and decode pictures, and say how like the results are. INPUT is a folder or file of pictures, a\n"
        "tensor [N, C, H, W] in [-1, 1], or scenes.",
    .example = "  tessera reconstruct --model runs/vqgan pictures/ --limit 16 --out sheet.png\n",
    .groups = groups,
    .group_count = 2};

typedef struct reconstruction {
    tsr_module *model;
    result_output out, originals; /* originals: for a sheet */
    image_metrics metrics;
} reconstruction;

static tsr_status reconstruct_batch(void *user, tsr_tensor *pictures, int64_t first)
{
    reconstruction *r = user;
    tsr_tensor *y = tsr_vqgan_decode_indices(r->model, tsr_vqgan_encode(r->model, pictures));
    tsr_status status = result_add(&r->out, y, first);
    if (status == TSR_OK && r->out.kind == RESULT_SHEET) status = result_add(&r->originals, pictures, first);
    return status == TSR_OK ? image_metrics_add(&r->metrics, pictures, y) : status;
}

static tsr_status write_sheet(reconstruction *r)
{
    tsr_profile_range_begin("output");
    tsr_mark m = tsr_scope_open();
    tsr_tensor *sheet = picture_sheet_pairs(result_all(&r->originals), result_all(&r->out), COLUMNS);
    tsr_status status = sheet ? tsr_image_save(r->out.path, sheet) : tsr_error_status();
    if (status == TSR_OK && r->metrics.count > COLUMNS * PICTURE_PAIRS_ROWS)
        report_note("reconstruct", "%s shows the first %d of %lld pictures", r->out.path, COLUMNS * PICTURE_PAIRS_ROWS,
                    (long long)r->metrics.count);
    tsr_scope_close(m);
    tsr_profile_range_end();
    return status;
}

static tsr_status write_result(reconstruction *r)
{
    return r->out.kind == RESULT_SHEET ? write_sheet(r) : result_finish(&r->out);
}

static bool print_metrics(const image_metrics *sums, bool json)
{
    image_metrics m;
    if (image_metrics_mean(sums, &m) != TSR_OK) return false;
    if (json)
        return report_json(json_pack("{s:I, s:f, s:f, s:f}", "pictures", (json_int_t)m.count, "psnr", m.psnr, "ssim",
                                     m.ssim, "l1", m.l1));
    printf("%lld pictures: PSNR %.2f dB, SSIM %.4f, L1 %.4f\n", (long long)m.count, m.psnr, m.ssim, m.l1);
    return true;
}

static bool run(const reconstruct_options *o)
{
    reconstruction r = {.model = model_load_vqgan(o->model)};
    result_start(&r.out, o->out);
    result_start(&r.originals, o->out);
    tsr_dataset *pictures = r.model ? pictures_open(&o->data, r.model, TSR_PART_ALL) : NULL;
    bool ok = pictures && pictures_each(pictures, o->data.source, o->batch, false, reconstruct_batch, &r) == TSR_OK &&
              write_result(&r) == TSR_OK && print_metrics(&r.metrics, o->json);
    if (ok) pictures_note_skipped("reconstruct", pictures);
    result_free(&r.out);
    result_free(&r.originals);
    tsr_dataset_free(pictures);
    tsr_module_free(r.model);
    return ok;
}

int cmd_reconstruct(int argc, char **argv)
{
    reconstruct_options o = {.batch = 16};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    if (!o.model) return report_usage("reconstruct", "--model is missing");
    if ((status = result_check_path("reconstruct", o.out)) != OPTIONS_GO_ON) return status;
    o.data.source = line.operands[0];
    return run(&o) ? 0 : report_error("reconstruct");
}
