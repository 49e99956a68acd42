/* gpt.c: the transformer of taming-transformers' second stage (mingpt.py): pre-norm blocks with separate query, key and value
   projections, learned positions, exact GELU, an untied head without bias.

   A forward pass may continue a cached one: positions before `start` are only present as keys and values, so sampling a
   token costs one position. */
#include <math.h>
#include <stdio.h>

#include "gpt_parts.h"
#include "tessera/autograd.h"

typedef struct block {
    tsr_module *ln1, *ln2, *key, *query, *value, *proj, *mlp_in, *mlp_out;
} block;

typedef struct gpt {
    tsr_gpt_config config;
    tsr_module *transformer, *tok_emb, *blocks, *ln_f, *head;
} gpt;

static const tsr_module_type prior_type = {.name = "Prior", .state_size = sizeof(gpt)};

static gpt *state_of(tsr_module *m)
{
    if (m && tsr_module_type_of(m) == &prior_type) return tsr_module_state(m);
    tsr_fail(TSR_EINVAL, "a prior is needed, this is %s", m ? tsr_module_type_of(m)->name : "NULL");
    return NULL;
}

const tsr_gpt_config *tsr_gpt_get_config(tsr_module *m)
{
    gpt *g = state_of(m);
    return g ? &g->config : NULL;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Weights N(0, 0.02), biases 0. */
static tsr_module *linear(int64_t in, int64_t out, bool bias)
{
    tsr_module *m = tsr_nn_linear(in, out, bias);
    bool ok = m && tsr_init_normal(tsr_module_tensor(m, "weight"), 0, 0.02, NULL) == TSR_OK &&
              (!bias || tsr_init_constant(tsr_module_tensor(m, "bias"), 0) == TSR_OK);
    if (ok) return m;
    tsr_module_free(m);
    return NULL;
}

static bool add_attention(tsr_module *m, block *b, int64_t dim)
{
    static const tsr_module_type type = {.name = "CausalSelfAttention"};
    tsr_module *attn = tsr_module_add_child(m, "attn", tsr_module_new(&type));
    if (!attn) return false;
    b->key = tsr_module_add_child(attn, "key", linear(dim, dim, true));
    b->query = tsr_module_add_child(attn, "query", linear(dim, dim, true));
    b->value = tsr_module_add_child(attn, "value", linear(dim, dim, true));
    b->proj = tsr_module_add_child(attn, "proj", linear(dim, dim, true));
    return b->key && b->query && b->value && b->proj;
}

static bool add_mlp(tsr_module *m, block *b, int64_t dim)
{
    tsr_module *mlp = tsr_nn_sequence(linear(dim, 4 * dim, true), tsr_nn_gelu(), linear(4 * dim, dim, true));
    if (!tsr_module_add_child(m, "mlp", mlp)) return false;
    b->mlp_in = tsr_module_child_at(mlp, 0);
    b->mlp_out = tsr_module_child_at(mlp, 2);
    return true;
}

static tsr_module *new_block(int64_t dim)
{
    static const tsr_module_type type = {.name = "Block", .state_size = sizeof(block)};
    tsr_module *m = tsr_module_new(&type);
    if (!m) return NULL;
    block *b = tsr_module_state(m);
    b->ln1 = tsr_module_add_child(m, "ln1", tsr_nn_layer_norm(dim, 0));
    b->ln2 = tsr_module_add_child(m, "ln2", tsr_nn_layer_norm(dim, 0));
    if (b->ln1 && b->ln2 && add_attention(m, b, dim) && add_mlp(m, b, dim)) return m;
    tsr_module_free(m);
    return NULL;
}

static bool add_embeddings(gpt *g)
{
    const tsr_gpt_config *c = &g->config;
    tsr_mark mark = tsr_scope_open();
    g->tok_emb = tsr_module_add_child(g->transformer, "tok_emb", tsr_nn_embedding(c->vocab_size, c->n_embd));
    bool ok = g->tok_emb && tsr_init_normal(tsr_module_tensor(g->tok_emb, "weight"), 0, 0.02, NULL) == TSR_OK &&
              tsr_module_add_parameter(g->transformer, "pos_emb", tsr_zeros(TSR_SHAPE(1, c->block_size, c->n_embd)));
    tsr_scope_close(mark);
    return ok;
}

static bool fill(tsr_module *m)
{
    static const tsr_module_type type = {.name = "GPT"};
    gpt *g = tsr_module_state(m);
    g->transformer = tsr_module_add_child(m, "transformer", tsr_module_new(&type));
    bool ok = g->transformer && add_embeddings(g);
    ok = ok && (g->blocks = tsr_module_add_child(g->transformer, "blocks", tsr_nn_module_list()));
    for (int64_t i = 0; ok && i < g->config.n_layer; i++)
        ok = tsr_module_append(g->blocks, new_block(g->config.n_embd)) != NULL;
    ok = ok && (g->ln_f = tsr_module_add_child(g->transformer, "ln_f", tsr_nn_layer_norm(g->config.n_embd, 0)));
    return ok && (g->head = tsr_module_add_child(g->transformer, "head",
                                                 linear(g->config.n_embd, g->config.vocab_size, false)));
}

tsr_module *tsr_gpt_new(const tsr_gpt_config *config)
{
    if (tsr_gpt_config_check(config) != TSR_OK) return NULL;
    tsr_module *m = tsr_module_new(&prior_type);
    if (!m) return NULL;
    ((gpt *)tsr_module_state(m))->config = *config;
    if (fill(m)) return m;
    tsr_module_free(m);
    return NULL;
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */

typedef struct pass {
    const gpt *g;
    bool training;
    int64_t start; /* position of the first id */
    gpt_cache *cache;
    tsr_tensor
        *mask; /* [n, start + n], added to the scores, or NULL where plain causality (or a single query) will do */
} pass;

static tsr_tensor *dropout(const pass *p, tsr_tensor *x, double probability)
{
    return p->training && probability > 0 ? tsr_dropout(x, .p = probability) : x;
}

/* [N, n, E] -> [N, heads, n, E / heads] */
static tsr_tensor *heads_of(const gpt *g, tsr_tensor *x)
{
    if (!x) return NULL;
    tsr_shape s = tsr_shape_of(x);
    return tsr_transpose(tsr_view(x, TSR_SHAPE(s.v[0], s.v[1], g->config.n_head, s.v[2] / g->config.n_head)), 1, 2);
}

/* Put the new keys (or values) behind the cached ones; all of them. */
static tsr_tensor *extend(const pass *p, tsr_tensor *cached, tsr_tensor *fresh)
{
    if (!fresh) return NULL;
    int64_t n = tsr_size(fresh, 2);
    if (!tsr_copy_(tsr_narrow(cached, 2, p->start, n), fresh)) return NULL;
    return tsr_narrow(cached, 2, 0, p->start + n);
}

static tsr_tensor *attend(const pass *p, block *b, int64_t layer, tsr_tensor *x)
{
    tsr_tensor *q = heads_of(p->g, tsr_forward(b->query, x));
    tsr_tensor *k = heads_of(p->g, tsr_forward(b->key, x)), *v = heads_of(p->g, tsr_forward(b->value, x));
    if (p->cache) k = extend(p, p->cache[layer].keys, k), v = extend(p, p->cache[layer].values, v);
    bool causal = !p->mask && q && tsr_size(q, 2) > 1;
    double drop = p->training ? p->g->config.attn_pdrop : 0;
    tsr_tensor *y = tsr_scaled_dot_product_attention(q, k, v, .attn_mask = p->mask, .is_causal = causal,
                                                     .dropout_p = drop);
    y = y ? tsr_reshape(tsr_transpose(y, 1, 2), tsr_shape_of(x)) : NULL;
    return dropout(p, tsr_forward(b->proj, y), p->g->config.resid_pdrop);
}

static tsr_tensor *run_block(const pass *p, tsr_module *m, int64_t layer, tsr_tensor *x)
{
    block *b = tsr_module_state(m);
    x = tsr_add(x, attend(p, b, layer, tsr_forward(b->ln1, x)));
    tsr_tensor *h = tsr_forward(b->mlp_out, tsr_gelu(tsr_forward(b->mlp_in, tsr_forward(b->ln2, x))));
    return tsr_add(x, dropout(p, h, p->g->config.resid_pdrop));
}

/* -inf where query i (at start + i) must not see key j: j > start + i, unless both are among the first n_unmasked. */
static tsr_tensor *make_mask(const gpt *g, int64_t start, int64_t n, tsr_dtype dtype)
{
    tsr_tensor *t = tsr_zeros(TSR_SHAPE(n, start + n), .dtype = TSR_F32);
    float *v = t ? tsr_data(t) : NULL;
    int64_t free_positions = g->config.n_unmasked;
    for (int64_t i = 0; v && i < n; i++)
        for (int64_t j = start + i + 1; j < start + n; j++)
            if (start + i >= free_positions || j >= free_positions) v[i * (start + n) + j] = -INFINITY;
    return tsr_to(t, dtype);
}

static bool check_ids(const gpt *g, tsr_tensor *ids, int64_t start)
{
    if (tsr_dtype_of(ids) != TSR_I64 || tsr_ndim(ids) != 2) {
        tsr_fail(TSR_EINVAL, "prior: ids must be an i64 tensor [N, n], this is %s with %d dimensions",
                 tsr_dtype_name(tsr_dtype_of(ids)), tsr_ndim(ids));
        return false;
    }
    if (tsr_size(ids, 1) > 0 && start + tsr_size(ids, 1) <= g->config.block_size) return true;
    tsr_fail(TSR_EINVAL, "prior: a sequence of %lld ids, the model takes 1 to %lld (block_size)",
             (long long)(start + tsr_size(ids, 1)), (long long)g->config.block_size);
    return false;
}

static tsr_tensor *run(gpt *g, tsr_tensor *ids, pass *p, bool last_only)
{
    int64_t n = tsr_size(ids, 1);
    tsr_tensor *positions = tsr_module_tensor(g->transformer, "pos_emb");
    tsr_tensor *x = tsr_add(tsr_forward(g->tok_emb, ids), tsr_narrow(positions, 1, p->start, n));
    x = dropout(p, x, g->config.embd_pdrop);
    bool plain = n == 1 || (p->start == 0 && g->config.n_unmasked == 0);
    if (x && !plain && !(p->mask = make_mask(g, p->start, n, tsr_dtype_of(x)))) return NULL;
    for (int64_t i = 0; i < tsr_module_child_count(g->blocks); i++)
        x = run_block(p, tsr_module_child_at(g->blocks, i), i, x);
    if (last_only) x = tsr_narrow(x, 1, n - 1, 1);
    return tsr_forward(g->head, tsr_forward(g->ln_f, x));
}

tsr_tensor *gpt_run(tsr_module *m, tsr_tensor *ids, int64_t start, gpt_cache *cache, bool last_only)
{
    gpt *g = state_of(m);
    if (!g || !ids || !check_ids(g, ids, start)) return NULL;
    pass p = {.g = g, .training = tsr_module_is_training(m), .start = start, .cache = cache};
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, run(g, ids, &p, last_only));
}

tsr_tensor *tsr_gpt_logits(tsr_module *m, tsr_tensor *ids) { return gpt_run(m, ids, 0, NULL, false); }

/* Positions before the last condition id predict conditions: they are left out. */
static tsr_tensor *conditioned_loss(tsr_module *m, tsr_tensor *inputs, tsr_tensor *codes, tsr_tensor *cond)
{
    int64_t c = tsr_size(cond, 1), n = tsr_size(codes, 1);
    tsr_tensor *all = tsr_cat(TSR_LIST(cond, inputs), .dim = 1);
    tsr_tensor *logits = tsr_gpt_logits(m, all ? tsr_narrow(all, 1, 0, c + n - 1) : NULL);
    logits = logits ? tsr_narrow(logits, 1, c - 1, n) : NULL;
    return tsr_cross_entropy(logits ? tsr_flatten(logits, .end_dim = 1) : NULL, tsr_flatten(codes));
}

/* Random tokens in the place of some codes, so that sampling's own mistakes are not new to the model. */
static tsr_tensor *noisy(const gpt *g, tsr_tensor *codes, double pkeep)
{
    if (pkeep <= 0 || pkeep >= 1) return codes;
    int64_t tokens = g->config.n_codes > 0 ? g->config.n_codes : g->config.vocab_size;
    tsr_tensor *keep = tsr_lt(tsr_rand(tsr_shape_of(codes)), tsr_scalar(pkeep));
    return tsr_where(keep, codes, tsr_randint(tokens, tsr_shape_of(codes)));
}

tsr_tensor *gpt_noisy_loss(tsr_module *m, tsr_tensor *codes, tsr_tensor *cond, double pkeep)
{
    gpt *g = state_of(m);
    if (!g || !codes || !cond) return NULL;
    if (tsr_ndim(codes) != 2 || tsr_ndim(cond) != 2 || tsr_size(cond, 1) < 1 || tsr_size(codes, 1) < 1) {
        tsr_fail(TSR_EINVAL, "prior: codes and conditions must be [N, n] and [N, c] with at least one id each");
        return NULL;
    }
    tsr_mark mark = tsr_scope_open();
    return tsr_scope_return(mark, conditioned_loss(m, noisy(g, codes, pkeep), codes, cond));
}

tsr_tensor *tsr_gpt_loss(tsr_module *m, tsr_tensor *codes, tsr_tensor *cond)
{
    return gpt_noisy_loss(m, codes, cond, 1);
}
