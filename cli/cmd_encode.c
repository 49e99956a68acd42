/* cmd_encode.c: `tessera encode`: pictures to codes. */
#include <stdio.h>

#include "commands.h"
#include "model_file.h"
#include "picture_input.h"
#include "report.h"
#include "result_output.h"
#include "tessera/vqgan.h"

typedef struct encode_options {
    const char *model, *out;
    data_options data;
    int64_t batch;
} encode_options;

#define AT(member) offsetof(encode_options, member)

static const option table[] = {
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN: a file, or a run's folder", 0, 0, NULL, NULL},
    {"out", OPTION_TEXT, AT(out), "FILE", ".safetensors or .npy: i64 [N, h, w]", 0, 0, NULL, NULL},
    {"batch", OPTION_INT, AT(batch), "N", "pictures at a time", 1, 65536, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0},
                                      {"pictures", data_option_table + 1, DATA_OPTION_COUNT - 1, AT(data)}};
static const option_set set = {.command = "encode",
                               .operands = "INPUT",
                               .min_operands = 1,
                               .max_operands = 1,
                               .summary = "Turn pictures into codes. INPUT is a folder or file of pictures, a tensor "
                                          "[N, C, H, W] in [-1, 1], or scenes.",
                               .example = "  tessera encode --model runs/vqgan pictures/ --out codes.safetensors\n",
                               .groups = groups,
                               .group_count = 2};

typedef struct encoding {
    tsr_module *model;
    result_output out;
} encoding;

static tsr_status encode_batch(void *user, tsr_tensor *pictures, int64_t first)
{
    encoding *e = user;
    return result_add(&e->out, tsr_vqgan_encode(e->model, pictures), first);
}

static int check_use(const encode_options *o)
{
    if (!o->model) return report_usage("encode", "--model is missing");
    if (!o->out) return report_usage("encode", "--out is missing");
    if (result_kind_of(o->out) != RESULT_TENSOR)
        return report_usage("encode", "--out ends in .safetensors or .npy: codes are not pictures");
    return OPTIONS_GO_ON;
}

static bool run(const encode_options *o)
{
    encoding e = {.model = model_load_vqgan(o->model)};
    result_start(&e.out, o->out);
    tsr_dataset *pictures = e.model ? pictures_open(&o->data, e.model, TSR_PART_ALL) : NULL;
    bool ok = pictures && pictures_each(pictures, o->data.source, o->batch, false, encode_batch, &e) == TSR_OK &&
              result_finish(&e.out) == TSR_OK;
    if (ok) pictures_note_skipped("encode", pictures);
    result_free(&e.out);
    tsr_dataset_free(pictures);
    tsr_module_free(e.model);
    return ok;
}

int cmd_encode(int argc, char **argv)
{
    encode_options o = {.batch = 16};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status == OPTIONS_GO_ON) status = check_use(&o);
    if (status != OPTIONS_GO_ON) return status;
    o.data.source = line.operands[0];
    return run(&o) ? 0 : report_error("encode");
}
