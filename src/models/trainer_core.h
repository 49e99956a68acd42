/* trainer_core.h: what the trainers of both models consist of: parameters, their optimiser, averages of them, and the
   number of steps done. */
#ifndef MODELS_TRAINER_CORE_H
#define MODELS_TRAINER_CORE_H

#include "tessera/optim.h"
#include "tessera/random.h"

typedef struct trainer_core {
    tsr_named_list parameters;
    tsr_optim *optim;
    tsr_ema *ema;      /* or NULL */
    tsr_tensor *steps; /* 0-d i64, reference: part of the state */
    tsr_schedule schedule;
    double lr, clip, decay; /* decay: of the averages, once they are warm */
} trainer_core;

/* With parameters and optimiser in place, make the rest; ema 0: no averages. */
bool trainer_start(trainer_core *c, double ema);
void trainer_free(trainer_core *c);

int64_t trainer_steps(const trainer_core *c);
tsr_status trainer_swap_ema(trainer_core *c);

/* The learning rate of the step in work, which the optimiser gets too. */
double trainer_set_rate(trainer_core *c);
/* Run backward from `loss`, store the norm of the parameters' gradients, and clip them. */
tsr_status trainer_differentiate(trainer_core *c, tsr_tensor *loss, double *norm);
/* Change the parameters, and let the averages follow. */
tsr_status trainer_update(trainer_core *c);
/* The step in work is done. */
tsr_status trainer_count_step(trainer_core *c);

/* TSR_ENUMERIC: the step in work, what is not finite, and the first operator with such a result, which is found by calling
   `again` while operators are watched, with the random numbers that came after `before`. */
tsr_status trainer_explain(const trainer_core *c, const char *what, tsr_rng_state before, void (*again)(void *user),
                           void *user);

/* Steps, the optimiser's state under `prefix`, averages. */
tsr_status trainer_state(trainer_core *c, const char *prefix, tsr_named_list *out);
tsr_status trainer_load_state(trainer_core *c, const char *prefix, const tsr_named *tensors, int64_t n);
/* The state of an optimiser of these parameters, which must be whole once a step was done. */
tsr_status trainer_load_optim(const trainer_core *c, tsr_optim *optim, const tsr_named_list *parameters,
                              const char *prefix, const tsr_named *tensors, int64_t n);
/* Copy the tensor of that name, which must have the dtype and shape of `into`. */
tsr_status trainer_load_tensor(tsr_tensor *into, const char *name, const tsr_named *tensors, int64_t n);

#endif
