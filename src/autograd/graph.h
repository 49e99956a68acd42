/* graph.h: the record of what was computed.

   A node is one differentiable step: an operator's run, a custom function's, the accumulation into a leaf, or the
   in-place write to part of a base. It holds edges to the nodes that made its inputs, what its derivative needs, and the
   shapes of inputs and outputs. Tensors point to the node that made them; nodes never point to the tensors they made
   (what is saved is an alias, but for leaves that require a gradient), so there are no cycles. Nodes are
   reference-counted and are freed without recursion. */
#ifndef AUTOGRAD_GRAPH_H
#define AUTOGRAD_GRAPH_H

#include "op/op.h"
#include "tessera/autograd.h"
#include "tessera/node.h"

typedef enum node_kind { NODE_OPERATOR, NODE_CUSTOM, NODE_ACCUMULATE, NODE_COPY_SLICES } node_kind;

typedef struct node_edge {
    tsr_node *node; /* reference, or NULL: no gradient wanted */
    int32_t output; /* which of its outputs the input was */
} node_edge;

typedef struct packed_tensor packed_tensor; /* saved_hooks.c */

/* Something kept for backward. `input` is the tensor input it was, or -1; `output` likewise. */
typedef struct node_saved {
    tsr_tensor *t;         /* reference; an alias without history when it is an output; NULL when it was packed */
    packed_tensor *packed; /* owned, or NULL */
    int64_t version;
    int32_t input, output;
} node_saved;

typedef enum hook_kind { HOOK_TENSOR, HOOK_RETAIN_GRAD, HOOK_PRE, HOOK_POST } hook_kind;

typedef struct node_hook {
    int64_t id;
    hook_kind kind;
    int32_t output; /* of HOOK_TENSOR and HOOK_RETAIN_GRAD */
    union {
        tsr_tensor_hook call;
        tsr_node_pre_hook pre;
        tsr_node_hook post;
    };
    void *user; /* HOOK_RETAIN_GRAD: the tensor's autograd part, not a reference */
} node_hook;

typedef struct saved_list {
    node_saved *v;
    int64_t count, room;
} saved_list;

struct tsr_node {
    int32_t refs;
    uint8_t kind;
    bool freed; /* what was saved is gone */
    bool had_saved;
    int32_t n_in, n_out;
    uint64_t sequence;
    char *title;       /* its public name, made when it is first asked for */
    char *place;       /* anomaly mode: where it was recorded, owned; NULL without it */
    node_edge *edges;  /* [n_in] */
    op_meta *in_meta;  /* [n_in] */
    op_meta *out_meta; /* [n_out] */
    saved_list saved;
    struct {
        node_hook *v;
        int64_t count, room;
    } hooks;
    union {
        struct {
            const op_info *info;
            void *args; /* copy; tensor fields NULL, lists and texts owned by the node */
        } op;
        struct {
            const tsr_function *f;
            void *user;
        } custom;
        struct {
            tsr_tensor *leaf;
        } accumulate;
        struct {
            tsr_node *inner; /* the operator that wrote the view */
            op_meta view;    /* its geometry; the base's is in_meta[0] */
        } slices;
    };
};

typedef struct leaf_hook {
    int64_t id;
    tsr_tensor_hook call; /* one of the two */
    tsr_post_accumulate_hook post;
    void *user;
} leaf_hook;

struct tsr_autograd {
    tsr_tensor *grad;  /* reference */
    tsr_node *grad_fn; /* reference */
    int32_t output;    /* of grad_fn */
    bool retains_grad;
    tsr_node *accumulator; /* not a reference: the node clears it when it goes; under the lock of graph.c */
    struct {
        tsr_node **v; /* references: nodes that made t before it was written in place, and that have hooks */
        int64_t count, room;
    } former;
    struct {
        leaf_hook *v;
        int64_t count, room;
    } hooks;
};

/* ---- graph.c ---- */
tsr_node *node_new(node_kind kind, int64_t n_in, int64_t n_out);
/* Give n its place in the order of nodes: after its inputs are connected, since views may be given new nodes then. */
void node_number(tsr_node *n);
tsr_node *node_retain(tsr_node *n);
void node_release(tsr_node *n);
void node_free_saved(tsr_node *n);
const char *node_name(const tsr_node *n);
/* "ExpBackward0" of exp, valid while n lives; node_name where there is no memory for it. */
const char *node_backward_name(tsr_node *n);
bool node_save(tsr_node *n, tsr_tensor *t, int input, int output);
/* The i-th saved tensor as the derivative sees it, owned by the innermost scope or borrowed from the node. NULL and the
   error when the graph was freed or the tensor was modified. */
tsr_tensor *node_unpack(tsr_node *n, int64_t i);
op_meta meta_of(const tsr_tensor *t);

/* t's autograd part, made when it is missing; NULL: no memory. */
struct tsr_autograd *autograd_of(tsr_tensor *t);
/* The node that made t, as of now (views of a base that was written are given a new one); NULL for leaves and on error. */
tsr_node *autograd_grad_fn(tsr_tensor *t);
/* Where t's gradient goes: its node, or its accumulator for a leaf that requires one. node is a new reference. */
bool autograd_edge(tsr_tensor *t, node_edge *edge);
bool autograd_requires_grad(const tsr_tensor *t);
/* Is t a view of recorded data that was written since the view's node was made? */
bool autograd_is_stale(const tsr_tensor *t);
/* The node that accumulates into a leaf, made when it is missing; a new reference, NULL: no memory. */
tsr_node *node_accumulator(tsr_tensor *leaf);
bool autograd_attach(tsr_tensor *t, tsr_node *n, int output);

/* ---- hooks.c ---- */
/* The tensor of `ag` is about to be made by node n: retain_grad goes with it, and other hooks stay with the old node, where
   tsr_remove_hook must find them. False: no memory, nothing changed. */
bool hooks_follow(struct tsr_autograd *ag, tsr_node *n, int output);
/* The tensor of `ag` goes away: its node must not write its gradient any more. */
void hooks_drop(struct tsr_autograd *ag);

/* The hooks that are there when a walk begins, in order, also while they add and remove hooks; false: no more. */
typedef struct hook_walk {
    int64_t done, last; /* ids: of the hook called last, and of the last to call */
} hook_walk;
hook_walk hooks_walk(void);
bool hooks_next_of_node(const tsr_node *n, hook_walk *w, node_hook *h);
bool hooks_next_of_leaf(const struct tsr_autograd *leaf, hook_walk *w, leaf_hook *h);

/* Call n's hooks before it runs on its outputs' gradients, references that are replaced; and after. False: the error. */
bool hooks_run_pre(tsr_node *n, tsr_tensor **grad);
bool hooks_run_post(tsr_node *n, tsr_tensor **grad_in, tsr_tensor *const *grad);
bool hooks_has_post(const tsr_node *n);
/* Put `by` (NULL: nothing) in place of the reference in *at. */
void grad_replace(tsr_tensor **at, tsr_tensor *by);

/* ---- anomaly.c ---- */
/* " in 'encoder / layer 3' by program(main+0x2d)", of the labels now on the stack and the calls, owned; NULL: anomaly mode is
   off, or no memory and the error. */
char *anomaly_place(void);
/* In anomaly mode: false, and the error that names n, where grad_in has NaN in an entry that goes anywhere. */
bool anomaly_check(tsr_node *n, tsr_tensor *const *grad_in);

/* ---- saved_hooks.c ---- */
bool saved_hooks_are_on(void);
/* What the innermost hooks make of t, which n saves. NULL and the error when they fail. */
packed_tensor *packed_make(const tsr_node *n, tsr_tensor *t, bool is_output);
/* The tensor again, with its history, in the innermost scope; output is n's, or -1. NULL and the error. */
tsr_tensor *packed_unpack(tsr_node *n, const packed_tensor *p, int output);
void packed_free(packed_tensor *p);

/* ---- record.c ---- */
bool node_connect(tsr_node *n, int64_t i, tsr_tensor *input);

/* ---- engine.c ---- */
typedef struct engine_task {
    tsr_tensors roots, seeds; /* one seed for each root */
    tsr_tensors inputs;       /* empty: accumulate into all leaves */
    tsr_tensor **grads;       /* NULL: accumulate into the inputs; else capture, unowned references of the caller's */
    bool retain_graph, create_graph;
} engine_task;
tsr_status engine_run(const engine_task *task);
/* Does this thread run backward for chosen inputs only? */
bool engine_is_partial(void);

/* Run one node's derivative. */
void node_apply(tsr_node *n, tsr_tensor *const *grad, tsr_tensor **grad_in);

#endif
