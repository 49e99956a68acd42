/* small_models.c: see small_models.h. */
#include "support/small_models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"

tsr_vqgan_config small_vqgan_config(void)
{
    return (tsr_vqgan_config){.ch = 32,
                              .ch_mult = {{1, 1}, 2},
                              .num_res_blocks = 1,
                              .attn_resolutions = {{8}, 1},
                              .resolution = 16,
                              .z_channels = 8,
                              .embed_dim = 8,
                              .n_embed = 16,
                              .legacy = true,
                              .disc = true,
                              .disc_n_layers = 1,
                              .disc_ndf = 8};
}

tsr_module *small_vqgan(const tsr_vqgan_config *c)
{
    tsr_manual_seed(11);
    tsr_module *m = tsr_vqgan_new(c);
    tensors_require(m != NULL, "vqgan");
    return m;
}

tsr_tensor *small_pictures(int64_t n, int64_t height, int64_t width)
{
    tsr_manual_seed(5);
    tsr_tensor *x = tsr_tanh(tsr_randn(TSR_SHAPE(n, 3, height, width)));
    tensors_require(x != NULL, "pictures");
    return x;
}

tsr_gpt_config small_gpt_config(void)
{
    return (tsr_gpt_config){
        .vocab_size = 15, .block_size = 9, .n_layer = 2, .n_head = 2, .n_embd = 16, .n_codes = 12, .classes = 3};
}

/* Weights of ten times their usual size, so that no logits are close to each other. */
tsr_module *small_gpt(const tsr_gpt_config *c)
{
    tsr_named_list p = {0};
    tsr_manual_seed(12);
    tsr_module *m = tsr_gpt_new(c);
    tensors_require(m && tsr_module_parameters(m, &p) == TSR_OK, "gpt");
    for (int64_t i = 0; i < p.n; i++)
        tensors_require(tsr_init_normal(p.v[i].tensor, 0, 0.2, NULL) == TSR_OK, p.v[i].name);
    tsr_named_list_free(&p);
    return m;
}

tsr_tensor *small_ids(int64_t n, int64_t length, int64_t most)
{
    tsr_tensor *t = tsr_randint(most, TSR_SHAPE(n, length));
    tensors_require(t != NULL, "ids");
    return t;
}

tsr_named_list small_copy(const tsr_named_list *list)
{
    tsr_named_list copy = {0};
    for (int64_t i = 0; i < list->n; i++)
        tensors_require(tsr_named_list_add(&copy, list->v[i].name, tsr_clone(tsr_detach(list->v[i].tensor))) == TSR_OK,
                        list->v[i].name);
    return copy;
}

tsr_named_list small_module_state(tsr_module *m)
{
    tsr_named_list live = {0};
    tensors_require(tsr_module_state_dict(m, &live) == TSR_OK, "state");
    tsr_named_list copy = small_copy(&live);
    tsr_named_list_free(&live);
    return copy;
}

void small_expect_same_state(tsr_module *a, tsr_module *b)
{
    tsr_named_list x = small_module_state(a), y = small_module_state(b);
    assert_int_equal(x.n, y.n);
    for (int64_t i = 0; i < x.n; i++) tensors_expect_same(x.v[i].name, y.v[i].tensor, x.v[i].tensor);
    tsr_named_list_free(&x);
    tsr_named_list_free(&y);
}
