/* gpt_config.c: configurations of the prior: presets, JSON, checks. */
#include "config_json.h"
#include "tessera/gpt.h"

#define FIELD(name, kind) CONFIG_FIELD(tsr_gpt_config, name, kind)

static const config_field fields[] = {
    FIELD(vocab_size, CONFIG_INT),   FIELD(block_size, CONFIG_INT),    FIELD(n_layer, CONFIG_INT),
    FIELD(n_head, CONFIG_INT),       FIELD(n_embd, CONFIG_INT),        FIELD(n_unmasked, CONFIG_INT),
    FIELD(embd_pdrop, CONFIG_FLOAT), FIELD(resid_pdrop, CONFIG_FLOAT), FIELD(attn_pdrop, CONFIG_FLOAT),
    FIELD(n_codes, CONFIG_INT),      FIELD(classes, CONFIG_INT),       FIELD(code_height, CONFIG_INT),
    FIELD(code_width, CONFIG_INT),
};

static const char *const names[] = {"tiny", "small", "f16-imagenet", NULL};

static const tsr_gpt_config presets[] = {
    {.vocab_size = 257, .block_size = 256, .n_layer = 4, .n_head = 4, .n_embd = 128, .n_codes = 256},
    {.vocab_size = 1025, .block_size = 256, .n_layer = 8, .n_head = 8, .n_embd = 512, .n_codes = 1024},
    {.vocab_size = 17384,
     .block_size = 256,
     .n_layer = 48,
     .n_head = 24,
     .n_embd = 1536,
     .n_codes = 16384,
     .classes = 1000,
     .code_height = 16,
     .code_width = 16},
};

static const config_type type = {"prior", sizeof(tsr_gpt_config), fields, sizeof fields / sizeof *fields, names,
                                 presets};

const char *const *tsr_gpt_presets(void) { return names; }
tsr_status tsr_gpt_preset(const char *name, tsr_gpt_config *out) { return config_preset(&type, name, out); }
tsr_status tsr_gpt_config_read(const char *json, tsr_gpt_config *c) { return config_read(&type, json, c); }
tsr_status tsr_gpt_config_write(const tsr_gpt_config *c, tsr_bytes *out) { return config_write(&type, c, out); }

static tsr_status refuse(const char *field, int64_t value, const char *must)
{
    return config_refuse(&type, field, value, must);
}

enum {
    MOST_FEATURES = 1 << 20,
    MOST_LAYERS = 4096 /* a typing error should not fill the memory */
};

tsr_status tsr_gpt_config_check(const tsr_gpt_config *c)
{
    if (c->vocab_size < 1) return refuse("vocab_size", c->vocab_size, "be positive");
    if (c->block_size < 1) return refuse("block_size", c->block_size, "be positive");
    if (c->n_layer < 1 || c->n_layer > MOST_LAYERS) return refuse("n_layer", c->n_layer, "be 1 to 4096");
    if (c->n_head < 1) return refuse("n_head", c->n_head, "be positive");
    if (c->n_embd < 1 || c->n_embd > MOST_FEATURES || c->n_embd % c->n_head != 0)
        return refuse("n_embd", c->n_embd, "be a multiple of n_head, at most 1048576");
    if (c->n_unmasked < 0 || c->n_unmasked > c->block_size)
        return refuse("n_unmasked", c->n_unmasked, "be 0 to block_size");
    if (c->n_codes < 0 || c->n_codes > c->vocab_size) return refuse("n_codes", c->n_codes, "be at most vocab_size");
    if (c->classes < 0 || c->classes > c->vocab_size - c->n_codes)
        return refuse("classes", c->classes, "leave room in vocab_size beside n_codes");
    tsr_status status = config_check_probability(&type, "embd_pdrop", c->embd_pdrop);
    if (status == TSR_OK) status = config_check_probability(&type, "resid_pdrop", c->resid_pdrop);
    return status == TSR_OK ? config_check_probability(&type, "attn_pdrop", c->attn_pdrop) : status;
}
