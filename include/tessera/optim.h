/* optim.h: optimisers, learning-rate schedules, gradient clipping, averaged weights.

   An optimiser holds references of parameters, in groups with options of their own. A step reads each parameter's
   gradient (those without one are left alone) and updates it in place, in one pass. The state (moments, step counts) can
   be saved and restored under names, so that a resumed run continues to the bit. */
#ifndef TESSERA_OPTIM_H
#define TESSERA_OPTIM_H

#include "tessera/named.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_optim tsr_optim;

typedef enum tsr_optim_kind {
    TSR_OPTIM_SGD,  /**< optim.SGD: Stochastic gradient descent, with momentum as PyTorch's.
                       Example: tsr_optim_new(TSR_OPTIM_SGD, &(tsr_optim_options){.lr = 0.1, .momentum = 0.9}) */
    TSR_OPTIM_ADAM, /**< optim.Adam: Kingma and Ba 2015; weight decay is added to the gradient.
                       Example: tsr_optim_new(TSR_OPTIM_ADAM, &(tsr_optim_options){.lr = 1e-3}) */
    TSR_OPTIM_ADAMW /**< optim.AdamW: Loshchilov and Hutter 2019: Adam with weight decay decoupled from the gradient.
                       Example: tsr_optim_new(TSR_OPTIM_ADAMW, &(tsr_optim_options){.weight_decay = 0.01}) */
} tsr_optim_kind;

/** Options of a group; 0 means the default in brackets where there is one. */
typedef struct tsr_optim_options {
    double lr;           /**< SGD: required, TSR_ZERO means 0; Adam, AdamW: [1e-3] */
    double weight_decay; /**< SGD, Adam: added to the gradient (L2), none by default; AdamW: decoupled (Loshchilov and
                            Hutter 2019), [0.01]; TSR_ZERO means none */
    double momentum;     /**< SGD */
    double dampening;    /**< SGD */
    bool nesterov;       /**< SGD: needs momentum and no dampening */
    double beta1, beta2; /**< Adam (Kingma and Ba 2015): [0.9, 0.999]; TSR_ZERO means 0 */
    double eps;          /**< [1e-8] */
    bool amsgrad;        /**< Adam: Reddi et al. 2018 */
    bool maximize;
} tsr_optim_options;

/** A new optimiser without parameters; for tsr_optim_free. NULL: options out of range, no memory. */
TSR_API tsr_optim *tsr_optim_new(tsr_optim_kind kind, const tsr_optim_options *options);
TSR_API void tsr_optim_free(tsr_optim *o);

/** Add a group of parameters (references are taken); options NULL: the optimiser's. Returns the group's number or -1:
    a parameter that is not a leaf requiring a gradient, or is there already. */
TSR_API int64_t tsr_optim_add_group(tsr_optim *o, const tsr_named *parameters, int64_t n,
                                    const tsr_optim_options *options);

/** Update all parameters that have a gradient. Refuses to run while an error is pending. */
TSR_API tsr_status tsr_optim_step(tsr_optim *o);
/** Forget the gradients of all parameters. */
TSR_API void tsr_optim_zero_grad(tsr_optim *o);

TSR_API int64_t tsr_optim_group_count(const tsr_optim *o);
/** Learning rate of a group, or of all groups (group -1). TSR_EINVAL, and nothing is set: no such group; lr is negative or
    NaN. */
TSR_API tsr_status tsr_optim_set_lr(tsr_optim *o, int64_t group, double lr);
TSR_API double tsr_optim_get_lr(const tsr_optim *o, int64_t group);

/** Append the state's tensors under prefix + "PARAMETER.exp_avg", "PARAMETER.exp_avg_sq", "PARAMETER.step", ...; borrowed, valid until
    the next step. Parameters that never had a gradient have none. */
TSR_API tsr_status tsr_optim_state_dict(tsr_optim *o, const char *prefix, tsr_named_list *out);
/** Restore from tensors under these names. A parameter of which none is there has no state yet. TSR_EINVAL, and nothing is
    changed: a shape that is not the parameter's; one of which some state is there and some (named) is missing. */
TSR_API tsr_status tsr_optim_load_state_dict(tsr_optim *o, const char *prefix, const tsr_named *tensors, int64_t n);

/* ---- gradients ----------------------------------------------------------------------------------------------------- */

/** Scale all gradients so that their total 2-norm is at most max_norm, as torch.nn.utils.clip_grad_norm_. The norm before
    clipping is stored at norm (may be NULL). max_norm <= 0 only measures. */
TSR_API tsr_status tsr_clip_grad_norm(const tsr_named *parameters, int64_t n, double max_norm, double *norm);

/* ---- schedules: factors of the learning rate, functions of the step alone --------------------------------------------- */

typedef enum tsr_schedule_kind {
    TSR_SCHEDULE_CONSTANT,
    TSR_SCHEDULE_COSINE, /**< from 1 to `floor` along half a cosine (Loshchilov and Hutter 2017) */
    TSR_SCHEDULE_LINEAR, /**< from 1 to `floor` along a line */
    TSR_SCHEDULE_STEP    /**< times gamma every `period` steps */
} tsr_schedule_kind;

typedef struct tsr_schedule {
    tsr_schedule_kind kind;
    int64_t warmup; /**< steps of linear rise from 1 / warmup to 1 before the schedule starts; 0: none */
    int64_t total;  /**< cosine, linear: the step at which floor is reached, warm-up included */
    double floor;   /**< cosine, linear: the last factor */
    int64_t period; /**< step */
    double gamma;   /**< step */
} tsr_schedule;

/** The factor for step number `step`, from 0. */
TSR_API double tsr_schedule_factor(const tsr_schedule *s, int64_t step);

/* ---- averaged weights --------------------------------------------------------------------------------------------------- */

/** An exponential moving average of parameters: average = decay * average + (1 - decay) * parameter. */
typedef struct tsr_ema tsr_ema;

/** Starts as a copy of the parameters (references of them are taken); for tsr_ema_free. NULL: decay is not in [0, 1]; no
    memory. */
TSR_API tsr_ema *tsr_ema_new(const tsr_named *parameters, int64_t n, double decay);
TSR_API void tsr_ema_free(tsr_ema *e);
/** The decay of update number n, from 0, that lets an average forget the first, untrained weights soon:
    min(decay, (1 + n) / (10 + n)), as TensorFlow's ExponentialMovingAverage with num_updates. Both trainers use it. */
TSR_API double tsr_ema_warm_decay(double decay, int64_t n);
/** The decay of updates from now on. */
TSR_API void tsr_ema_set_decay(tsr_ema *e, double decay);
/** Let the averages follow. After an error (one pending, no memory) some may have. */
TSR_API tsr_status tsr_ema_update(tsr_ema *e);
/** Exchange parameters and averages: once before evaluating, once after. Errors as above. */
TSR_API tsr_status tsr_ema_swap(tsr_ema *e);
/** A parameter's average, borrowed, to be set when the parameter itself was; NULL when there is none of that name. */
TSR_API tsr_tensor *tsr_ema_average(const tsr_ema *e, const char *name);
/** The averages, under the parameters' names with a prefix; borrowed. */
TSR_API tsr_status tsr_ema_state_dict(tsr_ema *e, const char *prefix, tsr_named_list *out);
/** Restore them. TSR_EINVAL: a name is missing, or has another shape; those before it are restored then. */
TSR_API tsr_status tsr_ema_load_state_dict(tsr_ema *e, const char *prefix, const tsr_named *tensors, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
