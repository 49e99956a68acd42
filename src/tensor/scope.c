/* scope.c: the stack of scopes that owns intermediate results.

   Each thread has one array of tensors; a scope is the part above its mark. Opening and closing cost next to nothing, and
   because marks are positions, closing an outer one reclaims inner scopes that an early return left open. A tensor has
   at most one place in the array for each time that an operation returned it, so results can pass through scopes
   without being searched for: tsr_scope_return takes a new reference, closes, and enrols it again outside. */
#include "tensor/scope.h"

#include "base/alloc.h"
#include "base/util.h"

static TSR_THREAD_LOCAL struct scope_stack {
    tsr_tensor **items;
    int64_t count, room, floor; /* from floor on everything is the innermost scope's */
    int32_t depth;
} stack;

tsr_mark tsr_scope_open(void)
{
    tsr_mark m = {stack.count, stack.depth++};
    stack.floor = stack.count;
    return m;
}

static void release_above(int64_t top)
{
    while (stack.count > top) {
        tsr_tensor *t = stack.items[--stack.count];
        tsr_release(t); /* may run code that opens and closes scopes above, never below */
    }
}

static void free_stack_when_idle(void)
{
    if (stack.depth > 0 || stack.count > 0) return;
    tsr_free(stack.items);
    stack.items = NULL;
    stack.room = 0;
}

void tsr_scope_close(tsr_mark mark)
{
    release_above(mark.top);
    stack.depth = mark.depth;
    stack.floor = stack.count; /* where the scope around begins is not known */
    free_stack_when_idle();
}

bool scope_enrol(tsr_tensor *t)
{
    if (stack.depth == 0) return true;
    if (stack.count == stack.room && !tsr_grow(&stack.items, stack.count, &stack.room, sizeof *stack.items))
        return false;
    stack.items[stack.count++] = t;
    return true;
}

tsr_tensor *tsr_scope_adopt(tsr_tensor *t)
{
    if (t && !scope_enrol(t)) {
        tsr_release(t);
        return NULL;
    }
    return t;
}

/* All that the scope holds is the result, which is to stay: then it need not be given back and taken again. */
static bool scope_holds_only(tsr_mark mark, const tsr_tensor *t)
{
    return mark.depth > 0 && stack.count == mark.top + 1 && stack.items[mark.top] == t;
}

void tsr_scope_return_many(tsr_mark mark, tsr_tensor **results, int64_t n)
{
    if (n == 1 && scope_holds_only(mark, results[0])) {
        stack.depth = mark.depth;
        stack.floor = mark.top;
        return;
    }
    for (int64_t i = 0; i < n; i++) tsr_keep(results[i]);
    tsr_scope_close(mark);
    for (int64_t i = 0; i < n; i++) results[i] = tsr_scope_adopt(results[i]);
}

tsr_tensor *tsr_scope_return(tsr_mark mark, tsr_tensor *result)
{
    tsr_scope_return_many(mark, &result, 1);
    return result;
}

tsr_tensor *tensor_unscope(tsr_tensor *t)
{
    if (!t || stack.depth == 0) return t;
    for (int64_t i = stack.count - 1; i >= 0; i--) {
        if (stack.items[i] != t) continue;
        if (i >= stack.floor) stack.items[i] = stack.items[--stack.count];
        else stack.items[i] = NULL; /* nothing may move to below the mark of an inner scope */
        return t;
    }
    return tsr_keep(t);
}
