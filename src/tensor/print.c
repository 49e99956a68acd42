/* print.c: tensors as text, as PyTorch prints them.

   One number format serves the whole tensor: integers when all values are whole, else four decimals, or four decimals
   with an exponent when the range is wide. Columns are padded to the widest value. Tensors of more than 1000 elements
   show three items at both ends of each dimension. Lines are at most 80 characters. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "tensor/element.h"
#include "tensor/tensor_impl.h"

enum { EDGE = 3, THRESHOLD = 1000, LINE = 80, INDENT = 7, VALUE_ROOM = 64 };

typedef enum style { STYLE_INTEGER, STYLE_BOOL, STYLE_WHOLE, STYLE_FIXED, STYLE_EXPONENT } style;

typedef struct printer {
    const tsr_tensor *t;
    tsr_text *text;
    bool summarize;
    style style;
    int width;
    double lowest, highest; /* magnitudes of the nonzero finite values shown */
    bool any, whole;
} printer;

/* ---- the values that are shown ----------------------------------------------------------------------------------- */

/* The i-th shown index of a dimension, -1 for the dots, and how many there are. */
static int64_t shown_count(const printer *p, int d)
{
    bool cut = p->summarize && p->t->shape[d] > 2 * EDGE;
    return cut ? 2 * EDGE + 1 : p->t->shape[d];
}

static int64_t shown_index(const printer *p, int d, int64_t i)
{
    bool cut = p->summarize && p->t->shape[d] > 2 * EDGE;
    if (!cut || i < EDGE) return i;
    return i == EDGE ? -1 : p->t->shape[d] - 2 * EDGE - 1 + i;
}

/* Depth is at most 8. */
static void each_shown(printer *p, int d, int64_t at, void (*visit)(printer *p, int64_t at))
{
    if (d == p->t->ndim) {
        visit(p, at);
        return;
    }
    for (int64_t i = 0; i < shown_count(p, d); i++) {
        int64_t k = shown_index(p, d, i);
        if (k >= 0) each_shown(p, d + 1, at + k * p->t->stride[d], visit);
    }
}

/* ---- the format -------------------------------------------------------------------------------------------------- */

static void write_value(const printer *p, int64_t at, char *out)
{
    double v = p->style >= STYLE_WHOLE ? element_f64(p->t, at) : 0;
    switch (p->style) {
    case STYLE_INTEGER:
        snprintf(out, VALUE_ROOM, "%lld", (long long)element_i64(p->t, at));
        return;
    case STYLE_BOOL:
        snprintf(out, VALUE_ROOM, "%s", element_i64(p->t, at) ? "True" : "False");
        return;
    default:
        break;
    }
    if (isnan(v)) snprintf(out, VALUE_ROOM, "nan");
    else if (isinf(v)) snprintf(out, VALUE_ROOM, v < 0 ? "-inf" : "inf");
    else if (p->style == STYLE_WHOLE) snprintf(out, VALUE_ROOM, "%.0f.", v);
    else snprintf(out, VALUE_ROOM, p->style == STYLE_FIXED ? "%.4f" : "%.4e", v);
}

static void measure_range(printer *p, int64_t at)
{
    double v = fabs(element_f64(p->t, at));
    if (!isfinite(v) || v == 0) return;
    p->lowest = p->any ? fmin(p->lowest, v) : v;
    p->highest = p->any ? fmax(p->highest, v) : v;
    p->whole = p->whole && v == ceil(v);
    p->any = true;
}

/* Zeros, infinities and NaN do not widen columns of floats, as in PyTorch. */
static void measure_width(printer *p, int64_t at)
{
    char value[VALUE_ROOM];
    double v = p->style >= STYLE_WHOLE ? element_f64(p->t, at) : 1;
    if (!isfinite(v) || v == 0) return;
    write_value(p, at, value);
    int length = (int)strlen(value);
    if (length > p->width) p->width = length;
}

static void choose_format(printer *p)
{
    p->width = 1;
    p->style = p->t->dtype == TSR_BOOL ? STYLE_BOOL : STYLE_INTEGER;
    if (tsr_dtype_is_floating((tsr_dtype)p->t->dtype)) {
        p->whole = true;
        each_shown(p, 0, p->t->offset, measure_range);
        bool wide = p->any && (p->highest / p->lowest > 1000 || p->highest > 1e8 || (!p->whole && p->lowest < 1e-4));
        p->style = wide ? STYLE_EXPONENT : p->whole ? STYLE_WHOLE : STYLE_FIXED;
    }
    each_shown(p, 0, p->t->offset, measure_width);
}

/* ---- brackets ----------------------------------------------------------------------------------------------------- */

static void add_value(const printer *p, int64_t at)
{
    char value[VALUE_ROOM];
    write_value(p, at, value);
    tsr_text_add(p->text, "%*s", p->width, value);
}

static void add_vector(const printer *p, int indent, int64_t at)
{
    int d = p->t->ndim - 1;
    int64_t per_line = tsr_max_i64(1, (LINE - indent) / (p->width + 2));
    tsr_text_add(p->text, "[");
    for (int64_t i = 0; i < shown_count(p, d); i++) {
        if (i > 0 && i % per_line == 0) tsr_text_add(p->text, ",\n%*s", indent + 1, "");
        else if (i > 0) tsr_text_add(p->text, ", ");
        int64_t k = shown_index(p, d, i);
        if (k < 0) tsr_text_add(p->text, " ...");
        else add_value(p, at + k * p->t->stride[d]);
    }
    tsr_text_add(p->text, "]");
}

static void add_nested(const printer *p, int d, int indent, int64_t at)
{
    int below = p->t->ndim - d - 1;
    if (below == 0) {
        add_vector(p, indent, at);
        return;
    }
    tsr_text_add(p->text, "[");
    for (int64_t i = 0; i < shown_count(p, d); i++) {
        if (i > 0) {
            tsr_text_add(p->text, ",");
            for (int line = 0; line < below; line++) tsr_text_add(p->text, "\n");
            tsr_text_add(p->text, "%*s", indent + 1, "");
        }
        int64_t k = shown_index(p, d, i);
        if (k < 0) tsr_text_add(p->text, "...");
        else add_nested(p, d + 1, indent + 1, at + k * p->t->stride[d]);
    }
    tsr_text_add(p->text, "]");
}

/* ---- size, dtype, gradient ------------------------------------------------------------------------------------------ */

static void add_suffix(tsr_text *text, const char *suffix)
{
    const char *all = tsr_text_get(text), *line = strrchr(all, '\n');
    size_t last = line ? strlen(line) + 1 : strlen(all) + 2;
    if (last + strlen(suffix) + 2 > LINE) tsr_text_add(text, ",\n%*s%s", INDENT, "", suffix);
    else tsr_text_add(text, ", %s", suffix);
}

static const char *torch_name(tsr_dtype d)
{
    static const char *const names[TSR_DTYPE_COUNT] = {
        [TSR_F64] = "float64", [TSR_I32] = "int32", [TSR_U8] = "uint8", [TSR_F16] = "float16", [TSR_BF16] = "bfloat16"};
    return names[d]; /* NULL for what PyTorch leaves out: float32, int64, bool */
}

static void add_size_suffix(const tsr_tensor *t, tsr_text *text)
{
    tsr_text size = {0};
    tsr_text_add(&size, "size=(");
    for (int d = 0; d < t->ndim; d++) tsr_text_add(&size, d ? ", %lld" : "%lld", (long long)t->shape[d]);
    tsr_text_add(&size, ")");
    add_suffix(text, tsr_text_get(&size));
    tsr_text_free(&size);
}

static void add_grad_suffix(tsr_tensor *t, tsr_text *text)
{
    char suffix[128];
    bool wanted = t->requires_grad || (t->base && t->base->requires_grad);
    const char *(*name_of)(tsr_tensor *) = __atomic_load_n(&tsr_autograd_name, __ATOMIC_RELAXED);
    const char *name = wanted && name_of ? name_of(t) : "";
    if (*name) {
        snprintf(suffix, sizeof suffix, "grad_fn=<%s>", name);
        add_suffix(text, suffix);
    } else if (t->requires_grad) add_suffix(text, "requires_grad=True");
}

static void add_tensor(tsr_tensor *t, tsr_text *text)
{
    printer p = {.t = t, .text = text, .summarize = tensor_numel(t) > THRESHOLD};
    tsr_text_add(text, "tensor(");
    if (tensor_numel(t) == 0) {
        tsr_text_add(text, "[]");
        if (t->ndim != 1) add_size_suffix(t, text);
    } else {
        choose_format(&p);
        if (t->ndim == 0) {
            p.width = 1;
            add_value(&p, t->offset);
        } else add_nested(&p, 0, INDENT, t->offset);
    }
    if (torch_name((tsr_dtype)t->dtype)) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "dtype=torch.%s", torch_name((tsr_dtype)t->dtype));
        add_suffix(text, suffix);
    }
    add_grad_suffix(t, text);
    tsr_text_add(text, ")");
}

static bool format_text(const tsr_tensor *t, tsr_text *text)
{
    if (!t) {
        if (!tsr_error_pending()) tsr_fail(TSR_EINVAL, "print: the tensor is NULL");
        return false;
    }
    if (!tsr_const_data(t)) return false;
    add_tensor((tsr_tensor *)(uintptr_t)t, text); /* asking for the node's name may renew a view's */
    return !text->failed;
}

tsr_status tsr_print(const tsr_tensor *t, FILE *stream)
{
    tsr_text text = {0};
    bool ok = format_text(t, &text);
    if (ok && fprintf(stream, "%s\n", tsr_text_get(&text)) < 0) ok = tsr_fail(TSR_EIO, "print: cannot write") == TSR_OK;
    tsr_text_free(&text);
    return ok ? TSR_OK : tsr_error_status();
}

int64_t tsr_format(const tsr_tensor *t, char *buffer, int64_t size)
{
    tsr_text text = {0};
    int64_t length = format_text(t, &text) ? (int64_t)text.length : -1;
    if (size > 0) snprintf(buffer, (size_t)size, "%s", length >= 0 ? tsr_text_get(&text) : "");
    tsr_text_free(&text);
    return length;
}
