/* op_args.h: what is common to all argument structs, driven by the parameter tables (op_param) that genops writes. */
#ifndef OP_ARGS_H
#define OP_ARGS_H

#include "op/op.h"

/* Room for any operator's argument struct: op_run refuses larger ones. */
enum { OP_ARGS_ROOM = 1024 };

/* Replace what was left out of a field by the parameter's default: 0 becomes the default, TSR_ZERO and TSR_ZERO_INT become 0,
   flags become TSR_YES or TSR_NO (bool? stays TSR_FLAG_DEFAULT when absent). */
void op_apply_default(const op_param *p, void *field);

/* Called with the place of a tensor, the number of its parameter, and its index in a list (0 for a single tensor). */
typedef void (*op_tensor_visitor)(tsr_tensor **slot, int param, int index, void *user);

/* Visit every tensor parameter and every entry of lists, in order, also those that are NULL: the i-th call is tensor
   input i. Slots of lists lie in the caller's list: read them, or give the struct a list of your own first. */
void op_each_tensor(const op_info *info, void *args, op_tensor_visitor visit, void *user);

/* Give args lists of their own, of NULL entries, in place of the caller's. False: no memory, and some are NULL. */
bool op_own_lists(const op_info *info, void *args);
void op_free_lists(const op_info *info, void *args);

/* How many calls op_each_tensor makes. */
int op_count_tensors(const op_info *info, const void *args);

/* Every name, public and exact, with what it means; sorted, overloads of one name in the order of their table. */
typedef struct op_name {
    const char *name;
    const op_info *info;
} op_name;
extern const op_name op_names[];
extern const int64_t op_name_count;

/* What the public headers register: modules, optimisers. By group and name. */
extern const tsr_class_description op_classes[];
extern const int64_t op_class_count;

#endif
