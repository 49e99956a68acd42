/* cmd_decode.c: `tessera decode`: codes to pictures. */
#include <math.h>
#include <stdio.h>

#include "code_set.h"
#include "commands.h"
#include "model_file.h"
#include "options.h"
#include "report.h"
#include "result_output.h"
#include "tessera/autograd.h"
#include "tessera/vqgan.h"

typedef struct decode_options {
    const char *model, *out;
    int64_t batch;
} decode_options;

#define AT(member) offsetof(decode_options, member)

static const option table[] = {
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN: a file, or a run's folder", 0, 0, NULL, NULL},
    {"out", OPTION_TEXT, AT(out), "PATH", ".safetensors, .npy: [N, C, H, W]; .png: a sheet; else a folder of PNGs", 0,
     0, NULL, NULL},
    {"batch", OPTION_INT, AT(batch), "N", "pictures at a time", 1, 65536, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0}};
static const option_set set = {.command = "decode",
                               .operands = "CODES",
                               .min_operands = 1,
                               .max_operands = 1,
                               .summary = "Turn codes into pictures. CODES is a file that `encode` or `sample` made.",
                               .example = "  tessera decode --model runs/vqgan codes.safetensors --out pictures.png\n",
                               .groups = groups,
                               .group_count = 1};

/* Codes without a grid are of square pictures. */
static tsr_status find_grid(code_set *c, const char *path)
{
    if (c->height > 0) return TSR_OK;
    c->height = c->width = (int64_t)floor(sqrt((double)c->tokens) + 0.5);
    if (c->height * c->width == c->tokens) return TSR_OK;
    return tsr_fail(TSR_EINVAL, "%s: %lld codes a picture are no square; give them as [N, h, w]", path,
                    (long long)c->tokens);
}

static tsr_status decode_rows(tsr_module *model, const code_set *c, int64_t first, int64_t n, result_output *out)
{
    tsr_mark m = tsr_scope_open();
    tsr_tensor *codes = tsr_reshape(tsr_narrow(c->codes, 0, first, n), TSR_SHAPE(n, c->height, c->width));
    tsr_status status = result_add(out, tsr_vqgan_decode_indices(model, codes), first);
    tsr_scope_close(m);
    return status;
}

static tsr_status decode_all(tsr_module *model, const code_set *c, int64_t batch, result_output *out)
{
    tsr_status status = TSR_OK;
    bool was = tsr_set_grad_enabled(false);
    for (int64_t i = 0; status == TSR_OK && i < c->count; i += batch)
        status = decode_rows(model, c, i, c->count - i < batch ? c->count - i : batch, out);
    tsr_set_grad_enabled(was);
    return status == TSR_OK ? result_finish(out) : status;
}

static bool run(const decode_options *o, const char *path)
{
    code_set codes = {.codes = NULL};
    result_output out;
    result_start(&out, o->out);
    tsr_module *model = model_load_vqgan(o->model);
    bool ok = model && code_set_load(&codes, path) && find_grid(&codes, path) == TSR_OK &&
              decode_all(model, &codes, o->batch, &out) == TSR_OK;
    result_free(&out);
    code_set_free(&codes);
    tsr_module_free(model);
    return ok;
}

int cmd_decode(int argc, char **argv)
{
    decode_options o = {.batch = 16};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    if (!o.model) return report_usage("decode", "--model is missing");
    if ((status = result_check_path("decode", o.out)) != OPTIONS_GO_ON) return status;
    return run(&o, line.operands[0]) ? 0 : report_error("decode");
}
