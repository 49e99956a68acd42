/* gpt_sample.c: sampling from the prior: filters of the logits, and one cached position a token. */
#include <math.h>

#include "gpt_parts.h"
#include "tessera/autograd.h"
#include "tessera/memory.h"

/* ---- filters --------------------------------------------------------------------------------------------------------- */

static tsr_tensor *minus_infinity(void) { return tsr_scalar(-INFINITY); }

/* Of sorted logits, those below the k-th are left out; ties with it stay. */
static tsr_tensor *keep_top_k(tsr_tensor *sorted, int64_t k)
{
    if (!sorted || k <= 0 || k >= tsr_size(sorted, -1)) return sorted;
    tsr_tensor *kth = tsr_narrow(sorted, -1, k - 1, 1);
    return tsr_where(tsr_lt(sorted, kth), minus_infinity(), sorted);
}

/* Nucleus sampling (Holtzman et al. 2020): a token stays while the mass before it is at most p. */
static tsr_tensor *keep_top_p(tsr_tensor *sorted, double p)
{
    if (!sorted || p <= 0 || p >= 1) return sorted;
    tsr_tensor *mass = tsr_softmax(sorted, -1);
    tsr_tensor *before = tsr_sub(tsr_cumsum(mass, -1), mass);
    return tsr_where(tsr_gt(before, tsr_scalar(p)), minus_infinity(), sorted);
}

/* The logits in descending order with -inf for what is left out, and where they were. */
static tsr_sort_result filter_sorted(tsr_tensor *logits, int64_t top_k, double top_p)
{
    tsr_sort_result s = tsr_sort(logits, .descending = true);
    s.values = keep_top_p(keep_top_k(s.values, top_k), top_p);
    return s;
}

tsr_tensor *tsr_gpt_filter_logits(tsr_tensor *logits, int64_t top_k, double top_p)
{
    if (!logits) return NULL;
    tsr_mark m = tsr_scope_open();
    tsr_sort_result s = filter_sorted(logits, top_k, top_p);
    return tsr_scope_return(m, tsr_scatter(logits, -1, s.indices, s.values));
}

/* ---- one token after another ---------------------------------------------------------------------------------------------- */

typedef struct sampler {
    tsr_module *gpt;
    const tsr_gpt_config *config;
    tsr_gpt_sampling o;
    gpt_cache *cache; /* [n_layer] */
} sampler;

static void free_cache(sampler *s)
{
    for (int64_t i = 0; s->cache && i < s->config->n_layer; i++) {
        tsr_release(s->cache[i].keys);
        tsr_release(s->cache[i].values);
    }
    tsr_free(s->cache);
}

static bool make_cache(sampler *s, int64_t batch, int64_t length)
{
    const tsr_gpt_config *c = s->config;
    tsr_dtype dtype = tsr_dtype_of(tsr_module_tensor(s->gpt, "transformer.pos_emb"));
    tsr_shape shape = TSR_SHAPE(batch, c->n_head, length, c->n_embd / c->n_head);
    tsr_mark m = tsr_scope_open();
    bool ok = (s->cache = tsr_alloc_zeroed((size_t)c->n_layer, sizeof *s->cache)) != NULL;
    for (int64_t i = 0; ok && i < c->n_layer; i++) {
        s->cache[i].keys = tsr_keep(tsr_empty(shape, .dtype = dtype));
        s->cache[i].values = tsr_keep(tsr_empty(shape, .dtype = dtype));
        ok = s->cache[i].keys && s->cache[i].values;
    }
    tsr_scope_close(m);
    return ok;
}

/* [N, 1, V] logits -> [N, 1] ids */
static tsr_tensor *choose(const sampler *s, tsr_tensor *logits)
{
    if (!logits) return NULL;
    int64_t allowed = s->o.codes > 0 ? s->o.codes : s->config->n_codes;
    logits = tsr_squeeze_dim(logits, 1);
    if (allowed > 0 && allowed < s->config->vocab_size) logits = tsr_narrow(logits, 1, 0, allowed);
    if (s->o.greedy) return tsr_argmax(logits, .dim = TSR_INT(-1), .keepdim = true);
    if (s->o.temperature > 0 && s->o.temperature != 1) logits = tsr_div(logits, tsr_scalar(s->o.temperature));
    bool filtered = s->o.top_k > 0 || (s->o.top_p > 0 && s->o.top_p < 1);
    tsr_sort_result sorted = filtered ? filter_sorted(logits, s->o.top_k, s->o.top_p)
                                      : (tsr_sort_result){.values = logits};
    tsr_tensor *drawn = tsr_multinomial(tsr_softmax(sorted.values, -1), 1, .replacement = true,
                                        .generator = s->o.generator);
    return filtered ? tsr_gather(sorted.indices, -1, drawn) : drawn;
}

static bool report(const sampler *s, int64_t done, int64_t total)
{
    if (!s->o.progress || !s->o.progress(done, total, s->o.user)) return true;
    tsr_fail(TSR_ESTATE, "sampling was stopped after %lld of %lld tokens", (long long)done, (long long)total);
    return false;
}

static bool fill_tokens(sampler *s, tsr_tensor *cond, tsr_tensor *out)
{
    int64_t tokens = tsr_size(out, 1), position = 0;
    tsr_tensor *ids = tsr_keep(cond);
    bool ok = true;
    for (int64_t i = 0; ok && i < tokens; i++) {
        tsr_mark m = tsr_scope_open();
        tsr_tensor *next = tsr_keep(choose(s, gpt_run(s->gpt, ids, position, s->cache, true)));
        position += tsr_size(ids, 1);
        ok = next && tsr_copy_(tsr_narrow(out, 1, i, 1), next) && report(s, i + 1, tokens);
        tsr_scope_close(m);
        tsr_release(ids);
        ids = next;
    }
    tsr_release(ids);
    return ok;
}

static bool check_sampling(const tsr_gpt_config *c, tsr_tensor *cond, int64_t tokens)
{
    if (tsr_dtype_of(cond) != TSR_I64 || tsr_ndim(cond) != 2 || tsr_size(cond, 1) < 1) {
        tsr_fail(TSR_EINVAL, "sampling: conditions must be an i64 tensor [N, c] with at least one id a row");
        return false;
    }
    if (c->n_unmasked > tsr_size(cond, 1)) { /* a cached position would have to see what comes after it */
        tsr_fail(TSR_EINVAL,
                 "sampling: the model's first %lld positions see each other, so at least as many condition "
                 "ids are needed; there are %lld",
                 (long long)c->n_unmasked, (long long)tsr_size(cond, 1));
        return false;
    }
    if (tokens >= 1 && tsr_size(cond, 1) + tokens - 1 <= c->block_size) return true;
    tsr_fail(TSR_EINVAL, "sampling: %lld tokens after %lld condition ids; the model's block_size allows 1 to %lld",
             (long long)tokens, (long long)tsr_size(cond, 1), (long long)(c->block_size - tsr_size(cond, 1) + 1));
    return false;
}

tsr_tensor *tsr_gpt_sample(tsr_module *gpt, tsr_tensor *cond, int64_t tokens, const tsr_gpt_sampling *options)
{
    sampler s = {.gpt = gpt, .config = tsr_gpt_get_config(gpt)};
    if (options) s.o = *options;
    if (!s.config || !cond || !check_sampling(s.config, cond, tokens)) return NULL;
    bool training = tsr_module_is_training(gpt), was = tsr_set_grad_enabled(false);
    tsr_module_train(gpt, false);
    tsr_mark m = tsr_scope_open();
    tsr_tensor *out = tsr_empty(TSR_SHAPE(tsr_size(cond, 0), tokens), .dtype = TSR_I64);
    bool ok = out && make_cache(&s, tsr_size(cond, 0), tsr_size(cond, 1) + tokens) && fill_tokens(&s, cond, out);
    free_cache(&s);
    tsr_module_train(gpt, training);
    tsr_set_grad_enabled(was);
    return tsr_scope_return(m, ok ? out : NULL);
}
