/* gpt_config.c: configurations of the prior: presets, JSON, checks. */
#include <string.h>

#include "config_json.h"
#include "tessera/gpt.h"

#define FIELD(name, kind)                                                                                              \
    {                                                                                                                  \
#name, kind, offsetof(tsr_gpt_config, name), NULL                                                              \
    }

static const config_field fields[] = {
    FIELD(vocab_size, CONFIG_INT),   FIELD(block_size, CONFIG_INT),    FIELD(n_layer, CONFIG_INT),
    FIELD(n_head, CONFIG_INT),       FIELD(n_embd, CONFIG_INT),        FIELD(n_unmasked, CONFIG_INT),
    FIELD(embd_pdrop, CONFIG_FLOAT), FIELD(resid_pdrop, CONFIG_FLOAT), FIELD(attn_pdrop, CONFIG_FLOAT),
    FIELD(n_codes, CONFIG_INT),      FIELD(classes, CONFIG_INT),       FIELD(code_height, CONFIG_INT),
    FIELD(code_width, CONFIG_INT),
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static const struct preset {
    const char *name;
    tsr_gpt_config config;
} presets[] = {
    {"tiny", {.vocab_size = 257, .block_size = 256, .n_layer = 4, .n_head = 4, .n_embd = 128, .n_codes = 256}},
    {"small", {.vocab_size = 1025, .block_size = 256, .n_layer = 8, .n_head = 8, .n_embd = 512, .n_codes = 1024}},
    {"f16-imagenet",
     {.vocab_size = 17384,
      .block_size = 256,
      .n_layer = 48,
      .n_head = 24,
      .n_embd = 1536,
      .n_codes = 16384,
      .classes = 1000,
      .code_height = 16,
      .code_width = 16}},
};

const char *const *tsr_gpt_presets(void)
{
    static const char *const names[] = {"tiny", "small", "f16-imagenet", NULL};
    return names;
}

tsr_status tsr_gpt_preset(const char *name, tsr_gpt_config *out)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (name && !strcmp(name, presets[i].name)) {
            *out = presets[i].config;
            return TSR_OK;
        }
    return tsr_fail(TSR_EINVAL, "there is no prior preset '%s'; presets: tiny, small, f16-imagenet", name ? name : "");
}

tsr_status tsr_gpt_config_read(const char *json, tsr_gpt_config *config)
{
    return config_read("prior", fields, FIELD_COUNT, sizeof *config, json, config);
}

tsr_status tsr_gpt_config_write(const tsr_gpt_config *config, tsr_bytes *out)
{
    return config_write(fields, FIELD_COUNT, config, out);
}

static tsr_status refuse(const char *field, int64_t value, const char *why)
{
    return tsr_fail(TSR_EINVAL, "prior configuration: %s is %lld, it must %s", field, (long long)value, why);
}

enum { MOST_FEATURES = 1 << 20 };

static bool is_probability(double p) { return p >= 0 && p < 1; }

tsr_status tsr_gpt_config_check(const tsr_gpt_config *c)
{
    if (c->vocab_size < 1) return refuse("vocab_size", c->vocab_size, "be positive");
    if (c->block_size < 1) return refuse("block_size", c->block_size, "be positive");
    if (c->n_layer < 1) return refuse("n_layer", c->n_layer, "be positive");
    if (c->n_head < 1) return refuse("n_head", c->n_head, "be positive");
    if (c->n_embd < 1 || c->n_embd > MOST_FEATURES || c->n_embd % c->n_head != 0)
        return refuse("n_embd", c->n_embd, "be a multiple of n_head, at most 1048576");
    if (c->n_unmasked < 0 || c->n_unmasked > c->block_size)
        return refuse("n_unmasked", c->n_unmasked, "be 0 to block_size");
    if (c->n_codes < 0 || c->n_codes > c->vocab_size) return refuse("n_codes", c->n_codes, "be at most vocab_size");
    if (c->classes < 0 || c->classes > c->vocab_size - c->n_codes)
        return refuse("classes", c->classes, "leave room in vocab_size beside n_codes");
    if (!is_probability(c->embd_pdrop) || !is_probability(c->resid_pdrop) || !is_probability(c->attn_pdrop))
        return tsr_fail(TSR_EINVAL, "prior configuration: dropout probabilities must be in [0, 1)");
    return TSR_OK;
}
