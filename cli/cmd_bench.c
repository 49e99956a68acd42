/* cmd_bench.c: `tessera bench`: how long the standard jobs take here: a training step of a VQGAN (generator and
   discriminator), encoding, decoding and sampling codes from a prior, of the presets `tiny` and `small`.

   Weights and pictures are random; each job is run a few times after a warm-up and its median counts. Memory is the peak that
   the process has had when a job ends, so it only grows from line to line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "commands.h"
#include "model_file.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "tessera/autograd.h"
#include "tessera/gpt.h"
#include "tessera/profile.h"
#include "tessera/runtime.h"
#include "tessera/vqgan.h"

enum { BATCH_SIZES = 2, MOST_RUNS = 99 };

typedef struct bench_options {
    int config, weights;
    int64_t repeat;
    bool json;
} bench_options;

#define AT(member) offsetof(bench_options, member)
#define CONFIG_NAMES "tiny|small"

static const option table[] = {
    {"config", OPTION_CHOICE, AT(config), CONFIG_NAMES, "the models' preset", 0, 0, NULL, NULL},
    {"repeat", OPTION_INT, AT(repeat), "N", "timed runs of each job (default 7, 5 for small)", 1, MOST_RUNS, NULL,
     NULL},
    {"weights", OPTION_CHOICE, AT(weights), PRIOR_WEIGHTS, "the prior's, in memory", 0, 0, NULL, NULL},
    {"json", OPTION_FLAG, AT(json), "", "one line of JSON", 0, 0, NULL, NULL},
};
static const option_group groups[] = {{"options", table, sizeof table / sizeof *table, 0}};
static const option_set set = {
    .command = "bench",
    .operands = "",
    .summary = "Time a training step, encoding, decoding and sampling with random weights.",
    .example = "  tessera bench --config small\n  OMP_NUM_THREADS=2 tessera bench --config tiny --json\n",
    .groups = groups,
    .group_count = 1};

/* What a configuration's jobs work on. */
typedef struct standard {
    const char *name;
    int64_t batch, tokens, repeat;
} standard;

static const standard standards[] = {{"tiny", 16, 256, 7}, {"small", 8, 256, 5}};
static const int64_t sample_batches[BATCH_SIZES] = {1, 8};

typedef struct bench {
    const standard *of;
    int64_t repeat;
    int weights; /* of the prior */
    tsr_module *vqgan, *prior;
    tsr_vqgan_trainer *trainer;
    tsr_tensor *pictures, *codes;
    int64_t sampled; /* sequences at a time */
    json_t *figures;
} bench;

typedef struct job {
    const char *name; /* of its range in a profile */
    bool (*run)(bench *b);
} job;

/* ---- jobs ----------------------------------------------------------------------------------------------------------- */

static bool run_encode(bench *b) { return tsr_vqgan_encode(b->vqgan, b->pictures) != NULL; }
static bool run_decode(bench *b) { return tsr_vqgan_decode_indices(b->vqgan, b->codes) != NULL; }

static bool run_train_step(bench *b)
{
    tsr_vqgan_terms terms;
    return tsr_vqgan_trainer_step(b->trainer, b->pictures, &terms) == TSR_OK;
}

static bool run_sample(bench *b)
{
    tsr_gpt_sampling how = {.top_k = 100, .top_p = 0.95};
    return tsr_gpt_sample(b->prior, tsr_zeros(TSR_SHAPE(b->sampled, 1), .dtype = TSR_I64), b->of->tokens, &how) != NULL;
}

static const job encode = {"encode", run_encode}, decode = {"decode", run_decode};
static const job train_step = {"train step", run_train_step}, sample = {"sample", run_sample};

/* ---- measuring -------------------------------------------------------------------------------------------------------- */

static double peak_resident_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024; /* Linux counts kibibytes */
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool run_once(bench *b, const job *j)
{
    tsr_profile_range_begin(j->name);
    tsr_mark m = tsr_scope_open();
    bool ok = j->run(b);
    tsr_scope_close(m);
    tsr_profile_range_end();
    return ok;
}

/* The median of n runs in seconds, after one that does not count. Below 0: an error is pending. */
static double median_seconds(bench *b, const job *j, int64_t n)
{
    double seconds[MOST_RUNS];
    if (!run_once(b, j)) return -1;
    for (int64_t i = 0; i < n; i++) {
        double start = now_seconds();
        if (!run_once(b, j)) return -1;
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, by_size);
    return n % 2 ? seconds[n / 2] : (seconds[n / 2 - 1] + seconds[n / 2]) / 2;
}

static bool add(bench *b, const char *key, double figure)
{
    char text[32];
    snprintf(text, sizeof text, "%.5g", figure);
    return figure >= 0 && json_object_set_new(b->figures, key, json_real(strtod(text, NULL))) == 0;
}

static bool measure_inference(bench *b)
{
    tsr_module_train(b->vqgan, false);
    bool was = tsr_set_grad_enabled(false);
    tsr_mark m = tsr_scope_open();
    bool ok = (b->codes = tsr_vqgan_encode(b->vqgan, b->pictures)) != NULL &&
              add(b, "encode_s", median_seconds(b, &encode, b->repeat)) &&
              add(b, "decode_s", median_seconds(b, &decode, b->repeat)) &&
              add(b, "rss_inference_mb", peak_resident_mb());
    tsr_scope_close(m);
    tsr_set_grad_enabled(was);
    return ok;
}

static bool measure_training(bench *b)
{
    tsr_module_train(b->vqgan, true);
    b->trainer = tsr_vqgan_trainer_new(b->vqgan, &(tsr_vqgan_train_options){.lr = 1e-4, .disc_weight = 0.8});
    return b->trainer && add(b, "train_step_s", median_seconds(b, &train_step, b->repeat)) &&
           add(b, "rss_train_mb", peak_resident_mb());
}

static bool measure_sampling(bench *b)
{
    tsr_module_train(b->prior, false);
    int64_t n = b->repeat / 2 > 3 ? b->repeat / 2 : 3;
    for (int i = 0; i < BATCH_SIZES; i++) {
        char key[40];
        b->sampled = sample_batches[i];
        snprintf(key, sizeof key, "gpt_tokens_per_s_batch%lld", (long long)b->sampled);
        double seconds = median_seconds(b, &sample, n);
        if (seconds < 0 || !add(b, key, (double)(b->sampled * b->of->tokens) / seconds)) return false;
    }
    return add(b, "rss_peak_mb", peak_resident_mb());
}

static tsr_module *new_prior(const standard *of)
{
    tsr_gpt_config c;
    if (tsr_gpt_preset(of->name, &c) != TSR_OK) return NULL;
    c.vocab_size = c.n_codes; /* no ids beside the codes: what the peers' models have */
    return tsr_gpt_new(&c);
}

static bool measure(bench *b)
{
    tsr_vqgan_config c;
    tsr_manual_seed(0);
    if (tsr_vqgan_preset(b->of->name, &c) != TSR_OK || !(b->vqgan = tsr_vqgan_new(&c))) return false;
    tsr_tensor *noise = tsr_rand(TSR_SHAPE(b->of->batch, c.in_channels, c.resolution, c.resolution));
    b->pictures = tsr_sub(tsr_mul(noise, tsr_scalar(2)), tsr_scalar(1));
    return b->pictures && measure_inference(b) && measure_training(b) && (b->prior = new_prior(b->of)) &&
           prior_weights_to(b->prior, b->weights) == TSR_OK && measure_sampling(b);
}

/* ---- the command ---------------------------------------------------------------------------------------------------------- */

static void print_figures(const json_t *figures)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)figures, key, value)
    {
        if (json_is_string(value)) printf("%-26s %s\n", key, json_string_value(value));
        else printf("%-26s %g\n", key, json_number_value(value));
    }
}

static bool run(const bench_options *o)
{
    bench b = {.of = &standards[o->config], .weights = o->weights};
    b.repeat = o->repeat > 0 ? o->repeat : b.of->repeat;
    b.figures = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I}", "config", b.of->name, "tessera", tsr_version_string(),
                          "isa", tsr_isa(), "threads", tsr_num_threads(), "batch", (json_int_t)b.of->batch, "repeat",
                          (json_int_t)b.repeat);
    tsr_mark m = tsr_scope_open();
    bool ok = b.figures && add(&b, "rss_start_mb", peak_resident_mb()) && measure(&b);
    if (ok && o->json) ok = report_json(json_incref(b.figures));
    else if (ok) print_figures(b.figures);
    tsr_vqgan_trainer_free(b.trainer);
    tsr_module_free(b.vqgan);
    tsr_module_free(b.prior);
    json_decref(b.figures);
    tsr_scope_close(m);
    return ok;
}

int cmd_bench(int argc, char **argv)
{
    bench_options o = {0};
    parsed_line line;
    int status = options_parse(&set, argc, argv, &o, &line);
    if (status != OPTIONS_GO_ON) return status;
    return run(&o) ? 0 : report_error("bench");
}
