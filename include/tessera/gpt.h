/* gpt.h: a transformer over codes, and sampling from it: the prior of a VQGAN.

   The decoder-only transformer of taming-transformers (after minGPT: pre-norm blocks, learned positions, exact GELU, untied head
   without bias), with its state-dict keys under "transformer.". A sequence is the condition's ids followed by the
   codes; conditions share the codes' embedding table. */
#ifndef TESSERA_GPT_H
#define TESSERA_GPT_H

#include "tessera/io.h"
#include "tessera/nn.h"
#include "tessera/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/** JSON keys are the fields' names. */
typedef struct tsr_gpt_config {
    int64_t vocab_size; /**< codes and condition ids together */
    int64_t block_size; /**< longest sequence, condition included, last token excluded */
    int64_t n_layer, n_head, n_embd;
    int64_t n_unmasked; /**< the first so many positions see each other in both directions */
    double embd_pdrop, resid_pdrop, attn_pdrop;
    /* What the prior is of; not part of the network. */
    int64_t n_codes; /**< codes of the VQGAN: tokens at or above are conditions; 0: vocab_size */
    int64_t classes; /**< class-conditional: token n_codes + class starts a sequence; 0: the one SOS token n_codes */
    int64_t code_height, code_width; /**< the grid of codes a picture has; 0: unknown */
} tsr_gpt_config;

/** "tiny", "small", "f16-imagenet". TSR_EINVAL with the known names otherwise. */
TSR_API tsr_status tsr_gpt_preset(const char *name, tsr_gpt_config *out);
/** Preset names, NULL-terminated. */
TSR_API const char *const *tsr_gpt_presets(void);
/** Fields that the JSON object names replace those of *config. TSR_EFORMAT, and nothing is changed: no object, an unknown
    key, a value of a wrong type. */
TSR_API tsr_status tsr_gpt_config_read(const char *json, tsr_gpt_config *config);
/** The whole configuration as JSON text; out is freed with tsr_bytes_free. */
TSR_API tsr_status tsr_gpt_config_write(const tsr_gpt_config *config, tsr_bytes *out);
/** TSR_EINVAL: what cannot be built, in a sentence: a size below 1, n_embd that n_head does not divide, n_unmasked beyond
    block_size, codes and classes that vocab_size has no room for, a dropout probability outside [0, 1). */
TSR_API tsr_status tsr_gpt_config_check(const tsr_gpt_config *config);

/** models.GPT: A new prior ("transformer" is its child) with fresh weights; for tsr_module_free. NULL: as
    tsr_gpt_config_check; no memory.
    Example: tsr_gpt_new(&(tsr_gpt_config){.vocab_size = 16, .block_size = 8, .n_layer = 1, .n_head = 2, .n_embd = 16}) */
TSR_API tsr_module *tsr_gpt_new(const tsr_gpt_config *config);
/** Its configuration, borrowed; NULL and an error for another kind of module. */
TSR_API const tsr_gpt_config *tsr_gpt_get_config(tsr_module *gpt);

/** ids i64 [N, n] -> logits [N, n, vocab_size] of the weights' dtype. NULL: ids is NULL, not i64 or not 2-d; n is 0 or above
    block_size; an id outside [0, vocab_size); not a prior; no memory. */
TSR_API tsr_tensor *tsr_gpt_logits(tsr_module *gpt, tsr_tensor *ids);
/** Mean cross-entropy in nats a token of codes [N, n] given conditions [N, c], i64: logits of (cond, codes)[:-1] from
    position c - 1 on against codes. 0-d. NULL: as above for c + n - 1 ids; c or n below 1. */
TSR_API tsr_tensor *tsr_gpt_loss(tsr_module *gpt, tsr_tensor *codes, tsr_tensor *cond);

typedef struct tsr_gpt_sampling {
    double temperature;       /**< 0: 1 */
    int64_t top_k;            /**< keep the k most likely, ties with the last kept; 0: all */
    double top_p;             /**< keep the most likely up to this mass, and the one that passes it; 0: 1 */
    bool greedy;              /**< the most likely token each time */
    int64_t codes;            /**< only tokens below this; 0: the config's n_codes, or all */
    tsr_generator *generator; /**< NULL: the thread's */
    /** Called after each token with the number done; true: stop (an error TSR_ESTATE). May be NULL. */
    bool (*progress)(int64_t done, int64_t total, void *user);
    void *user;
} tsr_gpt_sampling;
/** Continue each row of cond, i64 [N, c], by `tokens` ids: i64 [N, tokens]. One forward of a single position a token, with
    cached keys and values; so cond must hold the first n_unmasked positions at least. options NULL: plain sampling. NULL:
    cond is NULL, has another dtype or shape, or too few ids; c + tokens - 1 is above block_size; stopped; no memory. */
TSR_API tsr_tensor *tsr_gpt_sample(tsr_module *gpt, tsr_tensor *cond, int64_t tokens, const tsr_gpt_sampling *options);
/** The filter alone: logits [N, V] with -inf for what top_k and top_p leave out. */
TSR_API tsr_tensor *tsr_gpt_filter_logits(tsr_tensor *logits, int64_t top_k, double top_p);

/* ---- training ------------------------------------------------------------------------------------------------------- */

typedef struct tsr_gpt_train_options {
    double lr;             /**< of AdamW */
    double beta1, beta2;   /**< of AdamW; 0: 0.9 and 0.95; TSR_ZERO: 0 */
    double weight_decay;   /**< of Linear weights only; 0: 0.01; TSR_ZERO: none */
    tsr_schedule schedule; /**< zero: constant */
    double clip;           /**< gradient norm; 0: none */
    double ema;
    double pkeep; /**< input codes are replaced by random ones with probability 1 - pkeep; 0: 1 */
} tsr_gpt_train_options;

typedef struct tsr_gpt_trainer tsr_gpt_trainer;
typedef struct tsr_gpt_terms {
    double loss; /**< nats a token */
    double lr, grad_norm;
} tsr_gpt_terms;

/** A trainer that borrows the model (free it first) and copies options; for tsr_gpt_trainer_free. NULL: not a prior, options
    NULL or out of range, no memory. */
TSR_API tsr_gpt_trainer *tsr_gpt_trainer_new(tsr_module *gpt, const tsr_gpt_train_options *options);
/** NULL is allowed. */
TSR_API void tsr_gpt_trainer_free(tsr_gpt_trainer *t);
/** One update on codes [N, n] and conditions [N, c]. A loss or a gradient that is not finite: TSR_ENUMERIC as
    for the VQGAN. */
TSR_API tsr_status tsr_gpt_trainer_step(tsr_gpt_trainer *t, tsr_tensor *codes, tsr_tensor *cond, tsr_gpt_terms *terms);
/** Number of steps done; tsr_gpt_trainer_load_state_dict sets it. 0 for NULL. */
TSR_API int64_t tsr_gpt_trainer_steps(const tsr_gpt_trainer *t);
/** Exchange weights and averaged weights (nothing without ema): once before evaluating, once after. */
TSR_API tsr_status tsr_gpt_trainer_swap_ema(tsr_gpt_trainer *t);
/** Append all but the model that a resumed run needs, under names that start with "train."; borrowed until the next step. */
TSR_API tsr_status tsr_gpt_trainer_state_dict(tsr_gpt_trainer *t, tsr_named_list *out);
/** Restore it. TSR_EINVAL names what is missing or has another dtype or shape; the trainer is then to be freed. */
TSR_API tsr_status tsr_gpt_trainer_load_state_dict(tsr_gpt_trainer *t, const tsr_named *tensors, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
