/* write_c.c: argument structs, function declarations and call macros of one operator.

   A function whose parameters are all required is a plain C function. Others, and those that take arrays (C cannot pass
   {3, 3} to a function), are macros over tsr_NAME_v(const tsr_NAME_args *), so that arguments can be left out and named.
   An operator that returns a list takes, beside its arguments, the place for the results. */
#include <string.h>

#include "genops.h"

const entry *source_of(const entry *e) { return e->form_of ? e->form_of : e; }

const char *args_type(const entry *e) { return join("tsr_%s_args", source_of(e)->c_name); }

bool is_plain(const entry *e)
{
    for (int i = 0; i < e->param_count; i++)
        if (e->params[i].default_text || e->params[i].count) return false;
    return true;
}

/* What says zero itself where 0 means another default; NULL for other parameters. */
const char *zero_word(const param *p)
{
    if (!p->default_text || p->default_number == 0) return NULL;
    if (!strcmp(p->kind, "OP_FLOAT")) return "TSR_ZERO";
    return !strcmp(p->kind, "OP_INT") ? "TSR_ZERO_INT" : NULL; /* no array (stride, dilation) wants a zero */
}

/* A default that a reader would not guess from the field being left out. */
static const char *field_comment(const param *p)
{
    const char *text = p->default_text;
    if (!text || !strcmp(text, "None") || !strcmp(text, "False") || !strcmp(text, "0")) return "";
    if (zero_word(p)) return join(" /* default %s when 0; %s: 0 */", text, zero_word(p));
    return strcmp(p->kind, "OP_STRING") ? join(" /* %s */", text) : join(" /* \"%s\" */", text);
}

void put_struct(buffer *b, const entry *e)
{
    put(b, "typedef struct %s {\n", args_type(e));
    for (int i = 0; i < e->param_count; i++) {
        const param *p = &e->params[i];
        const char *array = p->count ? join("[%d]", p->count) : "";
        put(b, "    %s%s%s;%s\n", p->c_type, p->name, array, field_comment(p));
    }
    put(b, "    int end_;\n} %s;\n", args_type(e));
}

void put_result_struct(buffer *b, const entry *e)
{
    put(b, "typedef struct tsr_%s_result {\n    tsr_tensor ", e->c_name);
    for (int i = 0; i < e->outputs.n; i++) put(b, "%s*%s", i ? ", " : "", e->outputs.v[i]);
    put(b, ";\n} tsr_%s_result;\n", e->c_name);
}

/* "tsr_tensor *", or the struct of several results, or the count of a list */
static const char *return_type(const entry *e)
{
    if (e->result == RESULT_ONE) return "tsr_tensor *";
    return e->result == RESULT_LIST ? "int64_t " : join("tsr_%s_result ", e->c_name);
}

static const char *plain_parameters(const entry *e)
{
    buffer b = {0};
    if (e->result == RESULT_LIST) put(&b, "tsr_tensor **out, int64_t room%s", e->param_count ? ", " : "");
    for (int i = 0; i < e->param_count; i++) put(&b, "%s%s%s", i ? ", " : "", e->params[i].c_type, e->params[i].name);
    if (!b.length) put(&b, "void");
    return b.data;
}

void put_function(buffer *b, const entry *e)
{
    put(b, "%stsr_%s", return_type(e), e->c_name);
    if (is_plain(e)) put(b, "(");
    else put(b, "_v(");
    if (is_plain(e)) put_wrapped(b, "    ", plain_parameters(e));
    else put(b, "const %s *args%s", args_type(e), e->result == RESULT_LIST ? ", tsr_tensor **out, int64_t room" : "");
    put(b, ")");
}

const char *prototype_of(const entry *e)
{
    buffer b = {0};
    put_function(&b, e);
    return one_line(b.data);
}

void put_call_macro(buffer *b, const entry *e)
{
    bool list = e->result == RESULT_LIST;
    const char *struct_literal = join("&(%s){__VA_ARGS__, .end_ = 0}", args_type(e));
    put(b, "#define tsr_%s(%s...) ", e->c_name, list ? "out, room, " : "");
    const char *call = join("tsr_%s_v(%s%s)", e->c_name, struct_literal, list ? ", out, room" : "");
    put(b, "%s\n", call);
}
