/* node.h: a look into the record that backward walks. Every recorded operation is a node; a tensor leads to the node that
   made it, a node to those that made its inputs. PyTorch's torch.autograd.graph. */
#ifndef TESSERA_NODE_H
#define TESSERA_NODE_H

#include "tessera/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

/** One recorded step. Reference-counted: what these functions return is borrowed, tsr_node_keep holds it. */
typedef struct tsr_node tsr_node;

/** The node that made t, valid while t lives and is not written in place; NULL for leaves and NULL. An error for a view
    made in no_grad mode whose base was written since. */
TSR_API tsr_node *tsr_grad_fn(tsr_tensor *t);
/** Take a reference; returns n. A node keeps all that it leads to, and what those saved. */
TSR_API tsr_node *tsr_node_keep(tsr_node *n);
/** Give a reference of tsr_node_keep back. NULL is fine. */
TSR_API void tsr_node_release(tsr_node *n);
/** As tsr_grad_fn_name, valid while n lives; "AccumulateGrad" of what adds to a leaf's gradient; "" for NULL. */
TSR_API const char *tsr_node_name(tsr_node *n);
/** How many tensors the step took, those included that were left out or need no gradient; 0 for NULL. */
TSR_API int64_t tsr_node_next_count(const tsr_node *n);
/** The node that made the i-th of them, valid while n lives, a leaf's AccumulateGrad; NULL when it needs no gradient.
    `output`, unless it is NULL, gets which of that node's results it was. An error when there is no i-th. */
TSR_API tsr_node *tsr_node_next(tsr_node *n, int64_t i, int64_t *output);

/* ---- hooks on nodes ----------------------------------------------------------------------------------------------- */

/** Called when n is about to run, after its tensors' hooks, with the gradients of its results: NULL stands for zero.
    Entries may be replaced, by tensors of the same shape and dtype (owned by the innermost scope, as operators return) or
    by NULL; where none is left, n does not run. tsr_fail in it fails backward. */
typedef void (*tsr_node_pre_hook)(tsr_node *n, tsr_tensor **grad_out, int64_t n_out, void *user);
/** Called after n ran, with the gradients it computed for what it took (NULL: none) and those it got. Entries of grad_in
    may be replaced. An AccumulateGrad has no grad_in, and has added to the leaf's .grad. */
typedef void (*tsr_node_hook)(tsr_node *n, tsr_tensor **grad_in, int64_t n_in, tsr_tensor *const *grad_out,
                              int64_t n_out, void *user);

/** Register; returns an id for tsr_node_remove_hook, or -1 and an error for NULL. Hooks are called in the order in which
    they were registered, live as long as the node (a leaf's AccumulateGrad: as long as some record leads to it), and are
    not called for a node that tsr_grads only reads the gradient of. They may add and remove hooks, as tensors' hooks may. Not
    while another thread runs backward over n. */
TSR_API int64_t tsr_node_register_prehook(tsr_node *n, tsr_node_pre_hook hook, void *user);
TSR_API int64_t tsr_node_register_hook(tsr_node *n, tsr_node_hook hook, void *user);
TSR_API tsr_status tsr_node_remove_hook(tsr_node *n, int64_t id);

/* ---- hooks on what is saved --------------------------------------------------------------------------------------- */

/** What to keep in place of tensors that operations save for backward (torch.autograd.graph.saved_tensors_hooks): a copy
    in half precision, a file. Recording is off inside. */
typedef struct tsr_saved_tensor_hooks {
    /** What to keep of t, which must not be written; not NULL. t has no history. tsr_fail fails the operation. */
    void *(*pack)(tsr_tensor *t, void *user);
    /** The tensor again, of the same shape and dtype, owned by the innermost scope as operators return. May be called
        several times, or never. tsr_fail fails backward. */
    tsr_tensor *(*unpack)(void *packed, void *user);
    /** Frees what was packed, when the record is. May be NULL. */
    void (*drop)(void *packed, void *user);
} tsr_saved_tensor_hooks;

/** Use these hooks, and no others, for what this thread records until they are popped. The struct and user must outlive
    the graph. Whether a tensor was modified in place since is not checked for what was packed. */
TSR_API tsr_status tsr_push_saved_tensor_hooks(const tsr_saved_tensor_hooks *hooks, void *user);
/** Back to what was used before the last push of this thread; an error without one. */
TSR_API tsr_status tsr_pop_saved_tensor_hooks(void);

#ifdef __cplusplus
}
#endif
#endif
