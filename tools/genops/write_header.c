/* write_header.c: the public header, tessera/ops.h, and the prototypes that the operators' own code includes, op_gen.h. */
#include <string.h>

#include "genops.h"

static bool starts_group(const table *t, int i) { return !i || strcmp(t->v[i].group, t->v[i - 1].group); }
static bool ends_group(const table *t, int i) { return i + 1 == t->n || starts_group(t, i + 1); }

static const char header_start[] =
    "/* ops.h: every operator. Made by tools/genops from the tables src/op/NAME.def: change those, not this file.\n"
    "\n"
    "   Results are owned by the innermost scope (tensor.h). An operation that is given NULL returns NULL; on an "
    "error\n"
    "   it returns NULL and the sentence is in tsr_error_message. Many take optional arguments, which can be named:\n"
    "\n"
    "       y = tsr_conv2d(x, w, .padding = {1, 1});\n"
    "\n"
    "   An argument that is left out, or is zero, has the default that its schema names; where zero itself is meant,\n"
    "   TSR_ZERO and TSR_ZERO_INT say it. These are C macros over functions named with _v, which take the address of "
    "a\n"
    "   struct: in C++ and from other languages, fill the struct (the rest zero) and call those. Functions that "
    "return\n"
    "   a list store it at `out`, which has `room` entries, and return its length, or -1. NAME_ writes its result "
    "into\n"
    "   its first argument. Beside a field stands its default when that is not zero, absent or \"no\". */\n"
    "/* clang-format off */\n"
    "#ifndef TESSERA_OPS_H\n"
    "#define TESSERA_OPS_H\n"
    "\n"
    "#include \"tessera/call.h\"\n"
    "#include \"tessera/tensor.h\"\n"
    "\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n";

static void put_heading(buffer *b, const char *title)
{
    put(b, "\n/* ---- %s ", title);
    for (size_t i = strlen(title) + 9; i < 117; i++) put(b, "-");
    put(b, " */\n");
}

/* "Public names: a, b. Takes float. Differentiable." */
static const char *summary(const entry *e)
{
    static const char *const grads[] = {
        [GRAD_YES] = "Differentiable.", [GRAD_COMPOSITE] = "Differentiable.", [GRAD_NONE] = "Not differentiable."};
    buffer b = {0};
    put(&b, "By name:");
    for (int i = 0; i < e->names.n; i++) put(&b, " %s%s", e->names.v[i], i + 1 < e->names.n ? "," : ".");
    put(&b, " Takes");
    for (int i = 0; i < e->dtypes.n; i++) put(&b, " %s%s", e->dtypes.v[i], i + 1 < e->dtypes.n ? "," : ".");
    put(&b, " %s", grads[e->grad]);
    if (e->view) put(&b, " A view.");
    if (e->inplace_form) put(&b, " In place: tsr_%s_.", e->c_name);
    return b.data;
}

static void put_doc(buffer *b, const entry *e)
{
    put(b, "\n/**\n * ");
    put_wrapped(b, " *     ", join("%s%s", e->exact, e->schema));
    put(b, "\n *\n");
    for (int i = 0; i < e->doc.n; i++) put(b, *e->doc.v[i] ? " * %s\n" : " *\n", e->doc.v[i]);
    put(b, " *\n * ");
    put_wrapped(b, " * ", summary(e));
    put(b, "\n */\n");
}

static void put_public(buffer *b, const entry *e)
{
    if (!e->form_of) {
        put_doc(b, e);
        if (!is_plain(e)) put_struct(b, e);
        if (e->result == RESULT_SEVERAL) put_result_struct(b, e);
    }
    put(b, "TSR_API ");
    put_function(b, e);
    put(b, ";\n");
}

/* C++ has no compound literals, and a C++ program may want the names for functions of its own. */
static void put_macros(buffer *b, const table *t, const char *group, bool internal)
{
    buffer macros = {0};
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->v[i].group, group) && t->v[i].internal == internal && !is_plain(&t->v[i]))
            put_call_macro(&macros, &t->v[i]);
    if (macros.length && !internal) put(b, "\n#ifndef __cplusplus\n%s#endif\n", macros.data);
    if (macros.length && internal) put(b, "\n%s", macros.data);
}

void write_header(buffer *b, const sources *s)
{
    const table *t = &s->ops;
    put(b, "%s", header_start);
    for (int i = 0; i < t->n; i++) {
        if (starts_group(t, i)) put_heading(b, t->v[i].group);
        if (!t->v[i].internal) put_public(b, &t->v[i]);
        if (ends_group(t, i)) put_macros(b, t, t->v[i].group, false);
    }
    put(b, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

/* op_NAME and op_NAME_grad, as op.h says they look. */
static void put_code_prototypes(buffer *b, const entry *e)
{
    const char *args = args_type(e);
    if (e->result == RESULT_ONE) put(b, "tsr_tensor *op_%s(op_ctx *c, const %s *a);\n", e->c_name, args);
    else if (e->result == RESULT_SEVERAL)
        put(b, "bool op_%s(op_ctx *c, const %s *a, tsr_tensor **out);\n", e->c_name, args);
    else put(b, "int64_t op_%s(op_ctx *c, const %s *a, tsr_tensor **out, int64_t room);\n", e->c_name, args);
    if (e->grad != GRAD_YES) return;
    put(b, "void op_%s_grad(op_ctx *c, const %s *a, tsr_tensor *const *grad, tsr_tensor **grad_in);\n", e->c_name,
        args);
}

/* What the public header does not have: the structs of plain functions, and all about internal operators. */
static void put_private(buffer *b, const entry *e)
{
    put(b, "\n");
    if (!e->form_of && (e->internal || is_plain(e))) put_struct(b, e);
    if (!e->form_of && e->internal && e->result == RESULT_SEVERAL) put_result_struct(b, e);
    if (e->internal) {
        put_function(b, e);
        put(b, ";\n");
    }
    if (!e->form_of) put_code_prototypes(b, e);
    put(b, "extern const op_info op_info_%s;\n", e->c_name);
}

void write_prototypes(buffer *b, const sources *s)
{
    const table *t = &s->ops;
    put(b,
        "/* op_gen.h: what the code of operators must define, and what it may use of others. Made by tools/genops. */\n"
        "#ifndef OP_GEN_H\n#define OP_GEN_H\n\n#include \"op/op.h\"\n");
    for (int i = 0; i < t->n; i++) {
        if (starts_group(t, i)) put_heading(b, t->v[i].group);
        put_private(b, &t->v[i]);
        if (ends_group(t, i)) put_macros(b, t, t->v[i].group, true);
    }
    put(b, "\n#endif\n");
}
