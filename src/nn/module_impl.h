/* module_impl.h: what a module is, for the files of this layer. */
#ifndef NN_MODULE_IMPL_H
#define NN_MODULE_IMPL_H

#include "tessera/nn.h"

typedef struct module_tensor {
    char *name;
    tsr_tensor *tensor; /* reference */
    bool parameter, persistent;
} module_tensor;

typedef struct module_child {
    char *name;
    tsr_module *module;
} module_child;

struct tsr_module {
    const tsr_module_type *type;
    void *state;
    bool training;
    struct {
        module_tensor *v;
        int64_t count, room;
    } tensors;
    struct {
        module_child *v;
        int64_t count, room;
    } children;
};

/* Calls visit for every tensor of the tree in state-dict order with its dotted name; stops when visit returns an error.
   Module trees are as deep as their models are nested, so recursion is fine here. */
typedef tsr_status (*module_visitor)(const char *name, module_tensor *t, void *user);
tsr_status module_each(tsr_module *m, module_visitor visit, void *user);

#endif
