/* record.h: the hook through which operators are recorded. op_run calls these; autograd/ implements them, so that this
   layer need not know how a graph is made. */
#ifndef OP_RECORD_H
#define OP_RECORD_H

#include "op/op.h"

/* Grad mode of this thread (tsr_set_grad_enabled), under this layer's name. Setting returns what it was. */
bool record_grad_mode(void);
bool record_set_grad_mode(bool enabled);

/* Does this tensor take part in recording? (Views follow their base.) Grad mode is not asked. */
bool record_requires_grad(const tsr_tensor *t);

/* A node for one run of an operator: edges to its inputs, a copy of its arguments, the inputs it saves. For in-place
   operators the first input is saved as a copy, since it is about to be overwritten. NULL: no memory. */
struct tsr_node *record_begin(const op_info *info, const void *args);

/* Give up a node whose operator failed. */
void record_abandon(struct tsr_node *node);

/* Attach the node to fresh outputs (floating ones) and keep them if the derivative wants results. Takes over the
   caller's reference of the node. False: no memory. */
bool record_outputs(struct tsr_node *node, tsr_tensor **out, int64_t n);

/* May `written` be written in place while a result that requires a gradient comes of it? False and PyTorch's error
   for leaves, views of leaves, and views that must not be written. */
bool record_check_inplace(tsr_tensor *written);

/* An inference tensor is written in inference mode only: false and PyTorch's error otherwise. */
bool record_check_inference(const tsr_tensor *written);

/* After an in-place operator wrote `written`: give it the node as its history, and its base too when it is a view. Takes
   over the node. */
bool record_rebase(struct tsr_node *node, tsr_tensor *written);

#endif
