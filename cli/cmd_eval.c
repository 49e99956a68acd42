/* cmd_eval.c: `tessera eval`: figures of a model over a whole split, the held-out part unless told otherwise. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "code_counts.h"
#include "commands.h"
#include "image_metrics.h"
#include "model_file.h"
#include "picture_input.h"
#include "prior_condition.h"
#include "prior_score.h"
#include "report.h"
#include "tessera/vqgan.h"

typedef struct eval_options {
    const char *model, *prior, *codes, *cond;
    data_options data;
    int64_t batch;
    bool json;
} eval_options;

#define AT(member) offsetof(eval_options, member)

static const option table[] = {
    {"model", OPTION_TEXT, AT(model), "FILE", "the VQGAN: a file, or a run's folder", 0, 0, NULL, NULL},
    {"prior", OPTION_TEXT, AT(prior), "FILE", "the prior, to be scored instead", 0, 0, NULL, NULL},
    {"codes", OPTION_TEXT, AT(codes), "FILE", "codes for the prior, instead of the pictures of --data by --model", 0, 0,
     NULL, NULL},
    {"cond", OPTION_TEXT, AT(cond), "IDS", "what the codes begin with: ids or classes, commas between", 0, 0, NULL,
     NULL},
    {"batch", OPTION_INT, AT(batch), "N", "pictures at a time", 1, 65536, NULL, NULL},
    {"json", OPTION_FLAG, AT(json), "", "figures as JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0},
                                      {"pictures", data_option_table, DATA_OPTION_COUNT, AT(data)}};
static const option_set set = {
    .command = "eval",
    .operands = "",
    .summary =
        "Figures of a VQGAN (L1, PSNR, SSIM, use of codes) or of a prior (bits per token and per dimension), over\n"
        "the held-out part of --data.\n"
        "PSNR and SSIM are means over pictures, range 2; code usage is the fraction of codes used at all, and\n"
        "perplexity exp of the codes' entropy, both over the whole split.",
    .example = "  tessera eval --model runs/vqgan --data scenes\n"
               "  tessera eval --prior runs/prior --model runs/vqgan --data scenes --json\n",
    .groups = groups,
    .group_count = 2};

/* ---- VQGAN -------------------------------------------------------------------------------------------------------------- */

typedef struct evaluation {
    tsr_module *model;
    image_metrics metrics;
    code_counts counts;
} evaluation;

static tsr_status evaluate_batch(void *user, tsr_tensor *pictures, int64_t first)
{
    evaluation *e = user;
    (void)first;
    tsr_tensor *codes = tsr_vqgan_encode(e->model, pictures);
    tsr_status status = code_counts_add(&e->counts, codes);
    if (status != TSR_OK) return status;
    return image_metrics_add(&e->metrics, pictures, tsr_vqgan_decode_indices(e->model, codes));
}

static bool print_evaluation(const evaluation *e, int64_t skipped, bool json)
{
    image_metrics m;
    if (image_metrics_mean(&e->metrics, &m) != TSR_OK) return false;
    long long used = code_counts_used(&e->counts), codes = e->counts.codes;
    double usage = (double)used / (double)codes, perplexity = exp(code_counts_entropy(&e->counts));
    if (json)
        return report_json(json_pack("{s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:f, s:f}", "pictures", (json_int_t)m.count,
                                     "skipped", (json_int_t)skipped, "l1", m.l1, "psnr", m.psnr, "ssim", m.ssim,
                                     "codes", (json_int_t)codes, "codes_used", (json_int_t)used, "code_usage", usage,
                                     "perplexity", perplexity));
    printf("pictures    %lld\nL1          %.4f\nPSNR        %.2f dB\nSSIM        %.4f\n"
           "codes used  %lld of %lld (%.1f %%)\nperplexity  %.1f\n",
           (long long)m.count, m.l1, m.psnr, m.ssim, used, codes, 100 * usage, perplexity);
    return true;
}

static bool evaluate_model(const eval_options *o)
{
    evaluation e = {.model = model_load_vqgan(o->model)};
    tsr_dataset *pictures = e.model ? pictures_open(&o->data, e.model, TSR_PART_HELD_OUT) : NULL;
    bool ok = pictures && code_counts_start(&e.counts, tsr_vqgan_get_config(e.model)->n_embed) == TSR_OK &&
              pictures_each(pictures, o->data.source, o->batch, false, evaluate_batch, &e) == TSR_OK &&
              print_evaluation(&e, tsr_dataset_skipped(pictures), o->json);
    if (ok) pictures_note_skipped("eval", pictures);
    code_counts_free(&e.counts);
    tsr_dataset_free(pictures);
    tsr_module_free(e.model);
    return ok;
}

/* ---- prior -------------------------------------------------------------------------------------------------------------- */

static bool find_codes(const eval_options *o, code_set *codes)
{
    if (o->codes) return code_set_load(codes, o->codes);
    tsr_module *model = model_load_vqgan(o->model);
    tsr_dataset *pictures = model ? pictures_open(&o->data, model, TSR_PART_HELD_OUT) : NULL;
    bool ok = pictures && code_set_encode(codes, pictures, o->data.source, model, o->batch, false);
    tsr_dataset_free(pictures);
    tsr_module_free(model);
    return ok;
}

/* The number of values a picture has: what its codes' bits are shared among. 0: not known. */
static int64_t picture_values(const code_set *codes, const char *prior)
{
    const int64_t *p = codes->picture;
    if (p[0] > 0) return p[0] * p[1] * p[2];
    model_file f;
    int64_t values = 1;
    if (model_file_open(&f, prior))
        for (int i = 0; i < 3; i++) values *= model_file_number(&f, "picture", i);
    else values = 0;
    model_file_close(&f);
    return values;
}

static bool print_score(const prior_score *s, int64_t values, bool json)
{
    double bits = s->loss / log(2), unigram = s->unigram_entropy / log(2);
    double tokens = (double)s->tokens / (double)s->pictures;
    double per_value = values > 0 ? bits * tokens / (double)values : 0;
    if (json) {
        json_t *root = json_pack("{s:I, s:I, s:f, s:f, s:f}", "pictures", (json_int_t)s->pictures, "tokens",
                                 (json_int_t)s->tokens, "loss", s->loss, "bits_per_token", bits, "unigram_bits",
                                 unigram);
        if (root && values > 0) json_object_set_new(root, "bits_per_dim", json_real(per_value));
        return report_json(root);
    }
    double below = unigram > 0 ? 100 * (1 - bits / unigram) : 0;
    printf("pictures         %lld\nloss             %.4f nats a token\nbits per token   %.4f\n"
           "unigram entropy  %.4f bits (the prior is %.1f %% %s)\n",
           (long long)s->pictures, s->loss, bits, unigram, fabs(below), below < 0 ? "above" : "below");
    if (values > 0) printf("bits per dim     %.5f\n", per_value);
    return true;
}

/* The condition that --cond gives, one a picture; NULL without an error: it gives none. */
static tsr_tensor *given_condition(const eval_options *o, tsr_module *prior, int64_t count)
{
    model_file f;
    if (!o->cond) return NULL;
    tsr_tensor *cond = NULL;
    if (model_file_open(&f, o->prior))
        cond = condition_of_text(tsr_gpt_get_config(prior), tsr_archive_metadata(f.archive, "class_names"), o->cond,
                                 count);
    model_file_close(&f);
    return cond;
}

static bool evaluate_prior(const eval_options *o)
{
    code_set codes = {.codes = NULL};
    prior_score score;
    tsr_mark m = tsr_scope_open();
    tsr_module *prior = model_load_prior(o->prior);
    bool ok = prior && find_codes(o, &codes);
    if (ok && o->cond) code_set_drop_labels(&codes);
    ok = ok && code_set_fits(&codes, tsr_gpt_get_config(prior)) == TSR_OK;
    tsr_tensor *cond = ok ? given_condition(o, prior, codes.count) : NULL;
    ok = ok && tsr_error_status() == TSR_OK && prior_score_compute(&score, prior, &codes, cond, o->batch) == TSR_OK &&
         print_score(&score, picture_values(&codes, o->prior), o->json);
    tsr_module_free(prior);
    code_set_free(&codes);
    tsr_scope_close(m);
    return ok;
}

int cmd_eval(int argc, char **argv)
{
    eval_options o = {.batch = 16};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    if (!o.model && !o.prior) return report_usage("eval", "give --model FILE, or --prior FILE");
    if (!o.codes && !(o.model && o.data.source))
        return report_usage("eval", o.prior ? "a prior needs --codes FILE, or --model FILE and --data SRC"
                                            : "--data is missing");
    return (o.prior ? evaluate_prior(&o) : evaluate_model(&o)) ? 0 : report_error("eval");
}
