/* autograd.h: gradients. Operations on tensors that require a gradient are recorded as they run; tsr_backward walks the
   record back from a result and leaves gradients in the leaves. PyTorch's semantics. Threads may record on shared leaves
   and run backward at the same time, over graphs of their own or over one that is retained (docs/conventions.md). */
#ifndef TESSERA_AUTOGRAD_H
#define TESSERA_AUTOGRAD_H

#include "tessera/call.h"
#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what is recorded ---------------------------------------------------------------------------------------- */

/** Ask for t's gradient. t must be a leaf of floating dtype (turning it off on a recorded result is an error too). */
TSR_API tsr_status tsr_set_requires_grad(tsr_tensor *t, bool requires_grad);
TSR_API bool tsr_requires_grad(const tsr_tensor *t);
/** True for tensors that no recorded operation made. */
TSR_API bool tsr_is_leaf(const tsr_tensor *t);
/** The name of what made t, as PyTorch spells it: leaky_relu's is "LeakyReluBackward0"; a write to a view's is "CopySlices",
    a custom function's its own name. Of an operator that is made of others it is the last of these, where PyTorch may have
    one node for all (huber_loss: "MeanBackward0"); square is "SquareBackward0". "" for leaves. Valid while t lives and is not written in place. */
TSR_API const char *tsr_grad_fn_name(tsr_tensor *t);

/** Switch recording on or off in this thread; returns what it was:
    `bool was = tsr_set_grad_enabled(false); ...; tsr_set_grad_enabled(was);`. */
TSR_API bool tsr_set_grad_enabled(bool enabled);
TSR_API bool tsr_is_grad_enabled(void);

/** Inference mode of this thread (torch.inference_mode), stricter than no recording; returns what it was. While it is on,
    nothing is recorded, whatever tsr_set_grad_enabled says, and tensors with memory of their own are inference tensors, as
    are their views for ever: writes to them are not counted (tsr_version is an error), and outside the mode they cannot
    be written in place, be saved for backward, or be made to require a gradient: clone them there. */
TSR_API bool tsr_set_inference_mode(bool enabled);
TSR_API bool tsr_is_inference_mode(void);
TSR_API bool tsr_is_inference(const tsr_tensor *t);

/* ---- gradients ------------------------------------------------------------------------------------------------ */

/** The gradient accumulated so far, borrowed; NULL when there is none. */
TSR_API tsr_tensor *tsr_grad(tsr_tensor *t);
/** Replace it (a reference is taken; NULL clears). Shape, dtype and device must be t's. */
TSR_API tsr_status tsr_set_grad(tsr_tensor *t, tsr_tensor *grad);
/** Keep the gradient of a recorded result too: after writes in place, that of the last. */
TSR_API tsr_status tsr_retain_grad(tsr_tensor *t);

typedef struct tsr_backward_args {
    tsr_tensor *output;
    tsr_tensor *gradient; /**< of output's shape; NULL: 1, for a one-element output */
    bool retain_graph;    /**< default: create_graph */
    bool create_graph;  /**< record backward itself, so that gradients have gradients. A leaf's .grad then leads back to
                               the leaf: nothing frees that cycle but tsr_set_grad(leaf, NULL). tsr_grads has none. */
    tsr_tensors inputs; /**< accumulate into these leaves only; empty: all */
    int end_;
} tsr_backward_args;
/** Accumulate the gradient of `output` into the leaves it came from. Errors: no graph, a gradient of the wrong shape,
    a freed graph, a saved tensor that was modified in place, a derivative that failed. */
#define tsr_backward(...) tsr_backward_v(&(tsr_backward_args){__VA_ARGS__, .end_ = 0})
TSR_API tsr_status tsr_backward_v(const tsr_backward_args *args);

typedef struct tsr_grads_args {
    tsr_tensors outputs;
    tsr_tensors inputs;
    tsr_tensor **grads;       /**< room for inputs.n results, owned like any operation's */
    tsr_tensors grad_outputs; /**< one for each output, entries may be NULL; empty: 1 for each */
    bool retain_graph, create_graph;
    bool allow_unused; /**< NULL for an input that outputs do not depend on, instead of an error */
    int end_;
} tsr_grads_args;
/** Gradients of the outputs' (weighted) sum for chosen inputs, as torch.autograd.grad; nothing is accumulated. */
#define tsr_grads(...) tsr_grads_v(&(tsr_grads_args){__VA_ARGS__, .end_ = 0})
TSR_API tsr_status tsr_grads_v(const tsr_grads_args *args);

/* ---- hooks ------------------------------------------------------------------------------------------------------ */

/** Called with a tensor's gradient when it is complete. Returns NULL to leave it, or a replacement (owned by the
    innermost scope, as operators return). */
typedef tsr_tensor *(*tsr_tensor_hook)(tsr_tensor *grad, void *user);
/** Called with a leaf whose .grad was just accumulated. */
typedef void (*tsr_post_accumulate_hook)(tsr_tensor *leaf, void *user);

/** Register; returns an id for tsr_remove_hook, or -1. A leaf's hook lives as long as the leaf, another's as long as the
    record of what made the tensor, for which it is called also when the tensor was written in place later. A hook may
    remove hooks, itself too, which are not called any more, and add some, which are called from the next backward on. Not
    while another thread runs backward over the tensor. */
TSR_API int64_t tsr_register_hook(tsr_tensor *t, tsr_tensor_hook hook, void *user);
TSR_API int64_t tsr_register_post_accumulate_grad_hook(tsr_tensor *leaf, tsr_post_accumulate_hook hook, void *user);
TSR_API tsr_status tsr_remove_hook(tsr_tensor *t, int64_t id);

/* ---- functions of the user's own --------------------------------------------------------------------------------- */

/** What a custom function's two halves talk to. */
typedef struct op_ctx tsr_ctx;

typedef struct tsr_function {
    const char *name; /**< for messages and tsr_grad_fn_name */
    /** Compute out[0 .. n_out) from in; recording is off inside. False after tsr_fail. */
    bool (*forward)(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user);
    /** From the outputs' gradients (NULL: zero) give the inputs' (leave NULL: none). */
    void (*backward)(tsr_ctx *ctx, tsr_tensor *const *grad_out, tsr_tensor **grad_in, void *user);
    /** Frees user when the recorded call is gone, or at once when nothing was recorded. May be NULL. */
    void (*drop)(void *user);
} tsr_function;

/** Apply a custom function; outs has room for n_out. The function struct must outlive the graph. `user` is the function's
    from here on, also on an error. */
TSR_API tsr_status tsr_apply(const tsr_function *f, void *user, tsr_tensors in, tsr_tensor **outs, int64_t n_out);
/** In forward: keep a tensor (an input, an output, an intermediate) for backward; 32 at most, more are an error. */
TSR_API void tsr_ctx_save(tsr_ctx *ctx, tsr_tensor *t);
/** In backward: the i-th saved tensor, borrowed. NULL and an error when it was modified since. */
TSR_API tsr_tensor *tsr_ctx_saved(tsr_ctx *ctx, int64_t i);
TSR_API bool tsr_ctx_needs_grad(const tsr_ctx *ctx, int64_t i);
/** In forward: this input was written in place and is an output; 8 at most. */
TSR_API void tsr_ctx_mark_dirty(tsr_ctx *ctx, tsr_tensor *input);
/** In forward: this output never requires a gradient; 8 at most. */
TSR_API void tsr_ctx_mark_non_differentiable(tsr_ctx *ctx, tsr_tensor *output);

/* ---- where NaN comes from ----------------------------------------------------------------------------------------- */

/** Anomaly mode of this thread (torch.autograd.set_detect_anomaly); returns what it was. While it is on, operations
    remember the labels under which they were recorded and, with glibc, the calls that led to them (by name in programs
    linked with -rdynamic, else as addresses for addr2line), and backward fails with TSR_ENUMERIC at the first function
    that computes a gradient with NaN: its name, which gradient, its operator, shapes, labels and calls. Every gradient is
    read once more: for looking for faults, not for training. */
TSR_API bool tsr_set_anomaly_enabled(bool enabled);
TSR_API bool tsr_is_anomaly_enabled(void);
/** Name what is recorded from here on in this thread, until the pop: "encoder", inside it "layer 3". The text is not copied
    and must stay until then; 32 deep at most, deeper and NULL are errors. Without anomaly mode it costs
    next to nothing. While the profiler records, a label is a range there, too (profile.h). */
TSR_API tsr_status tsr_push_anomaly_label(const char *label);
TSR_API tsr_status tsr_pop_anomaly_label(void);

/* ---- checkpointing ------------------------------------------------------------------------------------------------ */

typedef bool (*tsr_checkpoint_fn)(tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user);
/** Run fn without keeping what it would save, and run it again in backward (Chen et al. 2016). The state of the thread's
    generator is restored for the second run, that of others is not: fn must set them itself. fn must compute the same both
    times, and user must stay valid until backward. At most 32 inputs and 32 outputs, no NULL. Errors: fn writes an input in
    place, detached or not; in backward, the second run draws other random numbers or gives results of other shapes or
    dtypes than the first. Backward through a checkpoint is tsr_backward without inputs and create_graph: tsr_grads is an
    error there, since what fn uses besides `in` gets its gradients on the way. */
TSR_API tsr_status tsr_checkpoint(tsr_checkpoint_fn fn, void *user, tsr_tensors in, tsr_tensor **outs, int64_t n_out);

/* ---- checks of derivatives ---------------------------------------------------------------------------------------- */

typedef struct tsr_gradcheck_options {
    double eps;  /**< 1e-6 */
    double atol; /**< 1e-5 */
    double rtol; /**< 1e-3 */
    int end_;
} tsr_gradcheck_options;
/** Compare the derivative of fn at `in` (f64 leaves that require a gradient are varied) with central differences. An
    error says which input, output and element differ, with both values. options may be NULL. At most 16 inputs and 16
    outputs. */
TSR_API tsr_status tsr_gradcheck(tsr_checkpoint_fn fn, void *user, tsr_tensors in, int64_t n_out,
                                 const tsr_gradcheck_options *options);
/** The same for the derivative's derivative, with random gradients of the outputs. At most 16 inputs and outputs together. */
TSR_API tsr_status tsr_gradgradcheck(tsr_checkpoint_fn fn, void *user, tsr_tensors in, int64_t n_out,
                                     const tsr_gradcheck_options *options);

#ifdef __cplusplus
}
#endif
#endif
