/* call_match.h: from a list of values to an operator's argument struct, or why that cannot be. */
#ifndef OP_CALL_MATCH_H
#define OP_CALL_MATCH_H

#include <stddef.h>

#include "op/op.h"

enum { OP_MATCH_ARGS_SIZE = 1024, OP_MATCH_PARAMS = 32 };

/* What is allowed beyond a plain fit of values to types. Tried in this order over all overloads, so that max(x, 1) is
   the maximum over dimension 1 and not the maximum of x and 1. */
typedef enum op_match_mode {
    OP_MATCH_PLAIN = 0,
    OP_MATCH_SPREAD = 1,  /* view(x, 2, 3): integers or tensors in a row are one list */
    OP_MATCH_NUMBERS = 2, /* a number stands for a tensor */
    OP_MATCH_BOTH = 3
} op_match_mode;

typedef struct op_match {
    const op_info *info;
    _Alignas(max_align_t) unsigned char args[OP_MATCH_ARGS_SIZE];
    bool given[OP_MATCH_PARAMS];
    tsr_tensor **entries; /* of tensor lists */
    int64_t entry_count;
    tsr_tensor *made[OP_MATCH_PARAMS]; /* of numbers */
    int made_count;
    bool requires_grad; /* asked for, of a result that is not recorded */
    op_match_mode mode;
    char why[200]; /* after a failure: why the values do not fit */
} op_match;

/* Fit the values to info's parameters; false when they do not fit, or (with an error pending) for lack of memory. Either
   way op_match_release follows. */
bool op_match_args(op_match *m, const op_info *info, const tsr_arg *args, int64_t count, op_match_mode mode);
void op_match_release(op_match *m);

#endif
