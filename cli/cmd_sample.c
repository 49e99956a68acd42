/* cmd_sample.c: `tessera sample`: new codes from a prior, and pictures of them. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "interrupt.h"
#include "model_file.h"
#include "options.h"
#include "prior_condition.h"
#include "progress.h"
#include "report.h"
#include "result_output.h"
#include "tessera/autograd.h"
#include "tessera/gpt.h"
#include "tessera/vqgan.h"

typedef struct sample_options {
    const char *prior, *model, *cond, *out;
    int64_t count, tokens, top_k, seed, batch;
    double top_p, temperature;
    int weights;
    bool greedy, no_progress;
} sample_options;

#define AT(member) offsetof(sample_options, member)

static const option table[] = {
    {"prior", OPTION_TEXT, AT(prior), "FILE", "a file, or a run's folder", 0, 0, NULL, NULL},
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN that decodes (default: the one the prior was trained with)", 0,
     0, NULL, NULL},
    {"out", OPTION_TEXT, AT(out), "PATH", ".safetensors, .npy: codes; .png: a sheet of pictures; else a folder of PNGs",
     0, 0, NULL, NULL},
    {"cond", OPTION_TEXT, AT(cond), "IDS", "ids or names of classes, commas between (default: all classes in turn)", 0,
     0, NULL, NULL},
    {"count", OPTION_INT, AT(count), "N", "how many (default: one an id, or 16)", 1, 65536, NULL, NULL},
    {"n", OPTION_INT, AT(count), "N", "the same", 1, 65536, NULL, NULL},
    {"tokens", OPTION_INT, AT(tokens), "N", "codes a sample (default: a whole picture)", 1, 1e9, NULL, NULL},
    {"greedy", OPTION_FLAG, AT(greedy), "", "the most likely code each time", 0, 0, NULL, NULL},
    {"temperature", OPTION_FLOAT, AT(temperature), "F", "below 1: safer, above: wilder", 1e-4, 1e4, NULL, NULL},
    {"top-k", OPTION_INT, AT(top_k), "N", "among the N most likely codes; 0: all", 0, 1e9, NULL, NULL},
    {"top-p", OPTION_FLOAT, AT(top_p), "F", "among the most likely codes up to this mass", 1e-6, 1, NULL, NULL},
    {"seed", OPTION_INT, AT(seed), "N", "other numbers, other samples", 0, 9e15, NULL, NULL},
    {"weights", OPTION_CHOICE, AT(weights), PRIOR_WEIGHTS, "the prior's, in memory: bf16 reads half as much a code", 0,
     0, NULL, NULL},
    {"batch", OPTION_INT, AT(batch), "N", "samples at a time", 1, 65536, NULL, NULL},
    {"no-progress", OPTION_FLAG, AT(no_progress), "", "no bar", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0}};
static const option_set set = {
    .command = "sample",
    .operands = "",
    .summary = "Sample new codes from a prior, and decode them.",
    .example = "  tessera sample --prior runs/prior --count 16 --top-p 0.92 --out new.png\n"
               "  tessera sample --prior runs/prior --cond cat,dog --out codes.safetensors\n",
    .groups = groups,
    .group_count = 1};

typedef struct sampling {
    const sample_options *o;
    model_file file; /* of the prior */
    tsr_module *prior, *vqgan;
    const tsr_gpt_config *config;
    int64_t tokens, done, total; /* samples' codes; codes done, of all */
    result_output out;
    progress bar;
} sampling;

static bool show(int64_t done, int64_t total, void *user)
{
    sampling *s = user;
    (void)total;
    progress_update(&s->bar, s->done + done, NULL);
    return interrupt_seen();
}

static tsr_tensor *choose_condition(const sampling *s)
{
    const sample_options *o = s->o;
    if (o->cond)
        return condition_of_text(s->config, tsr_archive_metadata(s->file.archive, "class_names"), o->cond, o->count);
    return condition_of_classes(s->config, o->count > 0 ? o->count : 16);
}

/* Codes as [N, h, w] when they make whole pictures. */
static tsr_tensor *as_grid(const sampling *s, tsr_tensor *codes)
{
    const tsr_gpt_config *c = s->config;
    if (!codes || c->code_height * c->code_width != s->tokens) return codes;
    return tsr_reshape(codes, TSR_SHAPE(tsr_size(codes, 0), c->code_height, c->code_width));
}

static tsr_status sample_rows(sampling *s, tsr_tensor *cond, tsr_generator *g, int64_t first)
{
    tsr_gpt_sampling how = {.temperature = s->o->temperature,
                            .top_k = s->o->top_k,
                            .top_p = s->o->top_p,
                            .greedy = s->o->greedy,
                            .generator = g,
                            .progress = show,
                            .user = s};
    tsr_tensor *codes = as_grid(s, tsr_gpt_sample(s->prior, cond, s->tokens, &how));
    if (!codes) return tsr_error_status();
    s->done += tsr_numel(codes);
    return result_add(&s->out, s->vqgan ? tsr_vqgan_decode_indices(s->vqgan, codes) : codes, first);
}

static tsr_status sample_all(sampling *s, tsr_tensor *cond)
{
    tsr_generator *g = tsr_generator_new((uint64_t)s->o->seed);
    int64_t n = tsr_size(cond, 0);
    tsr_status status = g ? TSR_OK : tsr_error_status();
    s->total = n * s->tokens;
    s->bar = progress_start("codes", 0, s->total, !s->o->no_progress);
    for (int64_t i = 0; status == TSR_OK && i < n; i += s->o->batch) {
        tsr_mark m = tsr_scope_open();
        status = sample_rows(s, tsr_narrow(cond, 0, i, n - i < s->o->batch ? n - i : s->o->batch), g, i);
        tsr_scope_close(m);
    }
    progress_end(&s->bar);
    tsr_generator_free(g);
    return status == TSR_OK ? result_finish(&s->out) : status;
}

static bool find_tokens(sampling *s)
{
    const tsr_gpt_config *c = s->config;
    int64_t whole = c->code_height * c->code_width;
    s->tokens = s->o->tokens > 0 ? s->o->tokens : whole > 0 ? whole : c->block_size;
    if (s->out.kind == RESULT_TENSOR || (whole > 0 && s->tokens == whole)) return true;
    tsr_fail(TSR_EINVAL, "pictures need whole grids of codes: %s",
             whole > 0 ? "leave out --tokens" : "this prior does not know its grid; --out x.safetensors keeps codes");
    return false;
}

/* Whether the VQGAN knows all codes that the prior may sample; found out before they are. */
static bool check_codes(const sampling *s, const char *path)
{
    int64_t known = tsr_vqgan_get_config(s->vqgan)->n_embed, codes = s->config->n_codes;
    if (codes <= known) return true;
    tsr_fail(TSR_EINVAL, "the prior samples %lld codes, the VQGAN of %s has %lld: it is another one's prior",
             (long long)codes, path, (long long)known);
    return false;
}

/* The VQGAN that makes pictures of the codes; none is needed for codes. */
static bool find_vqgan(sampling *s)
{
    if (s->out.kind == RESULT_TENSOR) return true;
    const char *path = s->o->model ? s->o->model : tsr_archive_metadata(s->file.archive, "vqgan");
    if (!path) tsr_fail(TSR_EINVAL, "--model is needed to make pictures of the codes");
    return path && (s->vqgan = model_load_vqgan(path)) != NULL && check_codes(s, path);
}

static bool run(const sample_options *o)
{
    sampling s = {.o = o};
    tsr_mark m = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    result_start(&s.out, o->out);
    bool ok = model_file_open_as(&s.file, o->prior, MODEL_PRIOR) && (s.prior = model_load_prior(o->prior)) &&
              prior_weights_to(s.prior, o->weights) == TSR_OK;
    if (ok) s.config = tsr_gpt_get_config(s.prior);
    ok = ok && find_tokens(&s) && find_vqgan(&s);
    tsr_tensor *cond = ok ? choose_condition(&s) : NULL;
    ok = cond && sample_all(&s, cond) == TSR_OK;
    result_free(&s.out);
    tsr_module_free(s.prior);
    tsr_module_free(s.vqgan);
    model_file_close(&s.file);
    tsr_set_grad_enabled(was);
    tsr_scope_close(m);
    return ok;
}

int cmd_sample(int argc, char **argv)
{
    sample_options o = {.top_p = 1, .temperature = 1, .batch = 16};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    if (!o.prior) return report_usage("sample", "--prior is missing");
    if ((status = result_check_path("sample", o.out)) != OPTIONS_GO_ON) return status;
    interrupt_watch();
    return run(&o) ? 0 : report_error("sample");
}
