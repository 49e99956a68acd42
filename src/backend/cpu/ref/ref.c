/* ref.c: builds the reference table, and the two helpers that are not inline. */
#include "backend/cpu/ref/ref.h"

void ref_fill(backend *b)
{
    ref_copy_fill(b);
    ref_unary_fill(b);
    ref_binary_fill(b);
    ref_ternary_fill(b);
    ref_reduce_fill(b);
    ref_scan_fill(b);
    ref_softmax_fill(b);
    ref_matmul_fill(b);
    ref_index_fill(b);
    ref_sort_fill(b);
    ref_random_fill(b);
}

bool ref_refuse(const char *kernel, int32_t dtype)
{
    tsr_fail(TSR_EINVAL, "%s: there is no CPU kernel for %s", backend_caller() ? backend_caller() : kernel,
             tsr_dtype_name((tsr_dtype)dtype));
    return false;
}

walk walk_begin(uint32_t dims, const array *a, const array *b, const array *c, const array *d)
{
    const array *operand[WALK_OPERANDS] = {a, b, c, d};
    walk w = {.left = 1};
    while (w.operands < WALK_OPERANDS && operand[w.operands]) w.operands++;
    for (int i = 0; i < a->ndim; i++) {
        if (!(dims >> i & 1u)) continue;
        w.shape[w.ndim] = a->shape[i];
        w.left *= a->shape[i];
        for (int k = 0; k < w.operands; k++) w.stride[k][w.ndim] = operand[k]->stride[i];
        w.ndim++;
    }
    return w;
}
