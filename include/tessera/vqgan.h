/* vqgan.h: VQGAN, a convolutional autoencoder with discrete codes, and its training (Esser, Rombach, Ommer 2021,
   "Taming Transformers for High-Resolution Image Synthesis").

   Structure and state-dict keys are those of taming-transformers, so files travel both ways: encoder.*, decoder.*,
   quant_conv.*, post_quant_conv.*, quantize.embedding.weight, and, for a model that is to be trained adversarially,
   loss.discriminator.main.*. Pictures are [N, C, H, W] floats in [-1, 1]; codes are i64 [N, H / f, W / f], f = 2^(levels - 1). */
#ifndef TESSERA_VQGAN_H
#define TESSERA_VQGAN_H

#include "tessera/io.h"
#include "tessera/nn.h"
#include "tessera/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/** The model. JSON keys are the fields' names; `disc` is an object {"n_layers": 2, "ndf": 64} or null. */
typedef struct tsr_vqgan_config {
    int64_t ch;                    /**< channels of the first level */
    tsr_shape ch_mult;             /**< factor of ch for each level; levels halve the resolution */
    int64_t num_res_blocks;        /**< a level, in the encoder; the decoder has one more */
    tsr_shape attn_resolutions;    /**< levels of these resolutions (of `resolution`'s pyramid) have attention */
    int64_t resolution;            /**< the size that attn_resolutions refer to; any multiple of f may be used */
    int64_t z_channels, embed_dim; /**< channels before and after quant_conv */
    int64_t n_embed;               /**< number of codes */
    int64_t in_channels, out_ch;   /**< 0: 3, and in_channels */
    double beta;                   /**< commitment weight; 0: 0.25; TSR_ZERO: 0 */
    bool legacy; /**< beta on the codebook term, as the published models were trained; JSON default true */
    double dropout;
    bool disc;                       /**< has a discriminator */
    int64_t disc_n_layers, disc_ndf; /**< 0: 3, 64 */
    bool ema_codebook; /**< the codebook follows the encoder's outputs by moving averages, not by gradient */
} tsr_vqgan_config;

/** "tiny", "small" (64 pixels; f4 with 256 codes, f8 with 1024), "f16-imagenet" (256 pixels, 16384 codes).
    TSR_EINVAL with the known names otherwise. */
TSR_API tsr_status tsr_vqgan_preset(const char *name, tsr_vqgan_config *out);
/** Preset names, NULL-terminated. */
TSR_API const char *const *tsr_vqgan_presets(void);
/** Fields that the JSON object names replace those of *config; unknown keys and wrong types are errors. */
TSR_API tsr_status tsr_vqgan_config_read(const char *json, tsr_vqgan_config *config);
/** The whole configuration as JSON text; out is freed with tsr_bytes_free. */
TSR_API tsr_status tsr_vqgan_config_write(const tsr_vqgan_config *config, tsr_bytes *out);
/** What cannot be built, in a sentence. */
TSR_API tsr_status tsr_vqgan_config_check(const tsr_vqgan_config *config);
/** 2^(levels - 1). */
TSR_API int64_t tsr_vqgan_downsampling(const tsr_vqgan_config *config);

/* ---- the model ----------------------------------------------------------------------------------------------------- */

/** models.VQGAN: A new model with fresh weights (the thread's generator); for tsr_module_free.
    Example: tsr_vqgan_new(&(tsr_vqgan_config){.ch = 32, .ch_mult = TSR_SHAPE(1, 2), .num_res_blocks = 1, .resolution = 16,
    .z_channels = 4, .embed_dim = 4, .n_embed = 16}) */
TSR_API tsr_module *tsr_vqgan_new(const tsr_vqgan_config *config);
/** Its configuration, borrowed; NULL and an error for another kind of module. */
TSR_API const tsr_vqgan_config *tsr_vqgan_get_config(tsr_module *vqgan);

/** Pictures -> encoder outputs after quant_conv, [N, embed_dim, h, w]. Pictures have the weights' dtype, in_channels, and
    sides that are multiples of f, f at least. NULL: pictures is NULL or otherwise; not a VQGAN; no memory. */
TSR_API tsr_tensor *tsr_vqgan_features(tsr_module *vqgan, tsr_tensor *pictures);

typedef struct tsr_quantized {
    tsr_tensor *quantized; /**< [N, embed_dim, h, w]: z + sg(e - z), straight-through */
    tsr_tensor *loss;      /**< 0-d: commitment and codebook terms */
    tsr_tensor *indices;   /**< i64 [N, h, w] */
} tsr_quantized;
/** Nearest codes of features. In training mode with ema_codebook, updates the codebook (unless features are not finite).
    All NULL on an error. */
TSR_API tsr_quantized tsr_vqgan_quantize(tsr_module *vqgan, tsr_tensor *features);

/** Quantized features [N, embed_dim, h, w] of the weights' dtype -> pictures [N, out_ch, f h, f w]. NULL: quantized is NULL or
    has other channels or another dtype; not a VQGAN; no memory. */
TSR_API tsr_tensor *tsr_vqgan_decode(tsr_module *vqgan, tsr_tensor *quantized);
/** Pictures -> codes, i64 [N, h, w]. NULL: as tsr_vqgan_features. */
TSR_API tsr_tensor *tsr_vqgan_encode(tsr_module *vqgan, tsr_tensor *pictures);
/** Codes, i64 [N, h, w], at least one -> pictures. NULL: indices is NULL, has another dtype or shape, or a code outside
    [0, n_embed); not a VQGAN; no memory. */
TSR_API tsr_tensor *tsr_vqgan_decode_indices(tsr_module *vqgan, tsr_tensor *indices);

/* ---- parts that stand alone -------------------------------------------------------------------------------------------- */

/** models.Discriminator: PatchGAN discriminator (Isola et al. 2017): n_layers stride-2 convolutions; logits of patches.
    Example: tsr_discriminator_new(3, 16, 2) */
TSR_API tsr_module *tsr_discriminator_new(int64_t in_channels, int64_t ndf, int64_t n_layers);

/** LPIPS (Zhang et al. 2018) with VGG16 features, weights from an archive: keys as in taming-transformers' checkpoints
    (loss.perceptual_loss.net.slice1.0.weight, ..., lin0.model.1.weight) or torchvision's and lpips' own. Frozen, f32;
    for tsr_module_free. NULL: TSR_EIO, TSR_EFORMAT (no archive; a weight is missing or has another size), TSR_ENOMEM. */
TSR_API tsr_module *tsr_lpips_load(const char *path);
/** Distances [N, 1, 1, 1] of picture pairs [N, 3, H, W] in [-1, 1] of the module's dtype, H and W at least 16 (four poolings).
    Differentiable. NULL: a or b is NULL or has another dtype, channels or size; not from tsr_lpips_load; no memory. */
TSR_API tsr_tensor *tsr_lpips_distance(tsr_module *lpips, tsr_tensor *a, tsr_tensor *b);

/** Fill the codebook by k-means over features [N, embed_dim, h, w]: Lloyd's iterations, from features drawn at random. */
TSR_API tsr_status tsr_vqgan_init_codebook(tsr_module *vqgan, tsr_tensor *features, int64_t iterations,
                                           tsr_generator *g);

/* ---- training -------------------------------------------------------------------------------------------------------------- */

typedef enum tsr_recon { TSR_RECON_L1 = 0, TSR_RECON_L2 } tsr_recon;
typedef enum tsr_adversarial { TSR_ADVERSARIAL_HINGE = 0, TSR_ADVERSARIAL_NONSATURATING } tsr_adversarial;

typedef struct tsr_vqgan_train_options {
    double lr;             /**< of both Adams; the paper's is 4.5e-6 times the batch; no default */
    double beta1, beta2;   /**< of both Adams; 0: 0.5 and 0.9, the paper's; TSR_ZERO: 0 */
    tsr_schedule schedule; /**< of both; zero: constant */
    double clip;           /**< gradient norm of the generator; 0: none */
    tsr_recon recon;
    tsr_module *lpips;        /**< borrowed, or NULL: no perceptual term */
    double perceptual_weight; /**< 0: 1; TSR_ZERO: 0 */
    double codebook_weight;   /**< 0: 1 */
    tsr_adversarial adversarial;
    double disc_weight;  /**< 0: no adversarial term (and no discriminator is needed) */
    int64_t disc_start;  /**< the step from which the discriminator's loss reaches the generator */
    int64_t disc_warmup; /**< so many steps before disc_start the discriminator starts to learn; as taming: 0 */
    bool
        disc_refresh; /**< the discriminator sees a new reconstruction by the updated generator, not the one it was trained on */
    double ema;           /**< decay of averaged weights; 0: none */
    double revive_below;  /**< replace codes used less often than this many times a batch, averaged; 0: never */
    int64_t kmeans_steps; /**< k-means iterations on the first batch; 0: none */
} tsr_vqgan_train_options;

typedef struct tsr_vqgan_trainer tsr_vqgan_trainer;

/** The terms of a step, as floats. */
typedef struct tsr_vqgan_terms {
    double total_loss, nll_loss, codebook_loss, g_loss, d_weight, disc_loss, logits_real, logits_fake;
    double lr, grad_norm; /**< generator's gradient norm before clipping */
} tsr_vqgan_terms;

/** Borrows the model (free the trainer first); options is copied; for tsr_vqgan_trainer_free. NULL: not a VQGAN, options NULL
    or out of range, disc_weight without a discriminator, in_channels that are not out_ch, no memory. */
TSR_API tsr_vqgan_trainer *tsr_vqgan_trainer_new(tsr_module *vqgan, const tsr_vqgan_train_options *options);
TSR_API void tsr_vqgan_trainer_free(tsr_vqgan_trainer *t);
/** One update of generator and discriminator on a batch. A total loss or a gradient that is not finite: TSR_ENUMERIC that
    names the step, the term and the first operator with such a result (found by computing them again with the same random
    numbers); no parameter has changed then. The same of the discriminator: none of its own has. */
TSR_API tsr_status tsr_vqgan_trainer_step(tsr_vqgan_trainer *t, tsr_tensor *pictures, tsr_vqgan_terms *terms);
/** Number of steps done; tsr_vqgan_trainer_load_state_dict sets it. */
TSR_API int64_t tsr_vqgan_trainer_steps(const tsr_vqgan_trainer *t);
/** Exchange weights and averaged weights (nothing without ema): once before evaluating, once after. */
TSR_API tsr_status tsr_vqgan_trainer_swap_ema(tsr_vqgan_trainer *t);
/** Everything but the model that a resumed run needs, under names that start with "train.": optimiser moments, EMA, step
    count, code statistics. Borrowed until the next step. */
TSR_API tsr_status tsr_vqgan_trainer_state_dict(tsr_vqgan_trainer *t, tsr_named_list *out);
/** Restore it. TSR_EINVAL names what is missing or has another dtype or shape; the trainer is then to be freed. */
TSR_API tsr_status tsr_vqgan_trainer_load_state_dict(tsr_vqgan_trainer *t, const tsr_named *tensors, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
