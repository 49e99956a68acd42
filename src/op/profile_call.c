/* profile_call.c: shapes and bytes of a call, found after its time has been taken.

   Bytes are those that a kernel must at least touch: each tensor once, even if it is two operands or operand and result, and
   a dimension of stride 0 as one element. A view touches none. */
#include "op/profile_call.h"

#include <string.h>

#include "op/op_args.h"

enum { SEEN_MOST = 16, SHAPES_ROOM = 512 };

typedef struct cost {
    const tsr_tensor *seen[SEEN_MOST]; /* the first of them: enough for all operators but those of long lists */
    int seen_count;
    int64_t bytes;
    char shapes[SHAPES_ROOM]; /* as JSON: "[2, 3], [3]"; those that do not fit are left out */
    size_t length;
} cost;

static void add_bytes(cost *c, const tsr_tensor *t)
{
    int64_t n = (int64_t)tsr_dtype_size((tsr_dtype)t->dtype);
    for (int i = 0; i < c->seen_count; i++)
        if (c->seen[i] == t) return;
    if (c->seen_count < SEEN_MOST) c->seen[c->seen_count++] = t;
    for (int d = 0; d < t->ndim; d++)
        if (t->stride[d] != 0 || t->shape[d] == 0) n *= t->shape[d];
    c->bytes += n;
}

/* By hand: this is done for every operand of every call, and printf would take longer than a small operator. */
static char *put_number(char *at, int64_t n)
{
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (count > 0) *at++ = digits[--count];
    return at;
}

static void add_shape(cost *c, const tsr_tensor *t)
{
    size_t longest = 4 + (size_t)t->ndim * 22;
    if (c->length + longest >= SHAPES_ROOM) return;
    char *at = c->shapes + c->length;
    if (c->length > 0) *at++ = ',', *at++ = ' ';
    *at++ = '[';
    for (int d = 0; d < t->ndim; d++) {
        if (d > 0) *at++ = ',', *at++ = ' ';
        at = put_number(at, t->shape[d]);
    }
    *at++ = ']';
    *at = 0;
    c->length = (size_t)(at - c->shapes);
}

static void add_operand(tsr_tensor **slot, int param, int index, void *user)
{
    (void)param;
    (void)index;
    if (!*slot) return;
    add_shape(user, *slot);
    add_bytes(user, *slot);
}

/* Some operators give their input, a view or a copy, as dtype and strides allow. */
static bool gave_view(const op_info *info, const cost *c, tsr_tensor *const *out, int64_t n)
{
    return !info->inplace && n > 0 && c->seen_count > 0 && out[0]->storage == c->seen[0]->storage;
}

void profile_record_call(profile_frame *f, const op_info *info, const void *args, tsr_tensor *const *out, int64_t n)
{
    cost c;
    c.seen_count = 0, c.bytes = 0, c.length = 0, c.shapes[0] = 0;
    if (n >= 0) op_each_tensor(info, (void *)(uintptr_t)args, add_operand, &c); /* which only reads */
    bool view = gave_view(info, &c, out, n);
    for (int64_t i = 0; i < n; i++) add_bytes(&c, out[i]);
    profile_record(f, c.shapes, view ? 0 : c.bytes);
}
