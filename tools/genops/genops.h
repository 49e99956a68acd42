/* genops.h: an operator table in memory, and the steps of genops: read the tables, check them, write C.

   genops runs for a moment at build time, so nothing is freed, and the first mistake in a table ends it with
   `file:line: sentence` and status 1 before any file is written. The grammar is in docs/operators.md. */
#ifndef GENOPS_H
#define GENOPS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__) || defined(__clang__)
#define GENOPS_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define GENOPS_NORETURN __attribute__((noreturn))
#else
#define GENOPS_PRINTF(text, first)
#define GENOPS_NORETURN
#endif

/* Where something is written. */
typedef struct place {
    const char *file;
    int line;
} place;

/* A list of texts. */
typedef struct texts {
    const char **v;
    int n;
} texts;

typedef struct param {
    const char *name;
    const char *type;         /* as the schema writes it: "int[2]" */
    const char *kind;         /* "OP_TENSOR", of enum op_param_kind */
    const char *c_type;       /* "tsr_tensor *", what stands before the field's name */
    int count;                /* int[K]: K; else 0 */
    const char *default_text; /* without quotes; NULL when required */
    double default_number;
    texts values; /* the words that a str takes; none: any */
    bool optional, is_int;
    bool keyword_only; /* after a `*` */
    bool saved;
    int saved_if; /* number of the parameter, or -1 */
} param;

typedef enum grad_kind { GRAD_MISSING, GRAD_YES, GRAD_COMPOSITE, GRAD_NONE } grad_kind;
typedef enum result_kind { RESULT_ONE, RESULT_SEVERAL, RESULT_LIST } result_kind;

typedef struct entry {
    place at;
    const char *group;           /* the file's name: "conv" */
    const char *base, *overload; /* "max", "dim"; overload is NULL when there is none */
    const char *exact, *c_name;  /* "max.dim", "max_dim" */
    const char *schema;          /* "(Tensor input, ...) -> Tensor", in one line */
    param *params;
    int param_count;
    bool keywords; /* a `*` was read */
    result_kind result;
    texts outputs; /* their names */
    texts names, dtypes, saves, samples, doc;
    texts values; /* "reduction none mean sum", a line each */
    place saves_at, values_at;
    grad_kind grad;
    bool inplace_form;   /* the line `inplace` */
    bool writes;         /* the name ends in '_', or this is the form that `inplace` makes */
    bool view, internal; /* the lines of that name */
    bool saves_result;
    const struct entry *form_of; /* for the form that `inplace` makes: the entry it comes from */
} entry;

typedef struct table {
    entry *v;
    int n;
} table;

/* A parameter of a function, or a field of a struct. */
typedef struct field {
    const char *name, *type, *doc; /* doc: NULL or "" when there is none */
} field;

typedef struct fields {
    field *v;
    int n;
} fields;

typedef struct structure {
    const char *name;
    fields fields;
} structure;

/* What a public header declares: a function, or anything that has public names. */
typedef struct declaration {
    place at;
    const char *header;      /* "nn.h" */
    texts names;             /* "nn.Linear"; none: it is but a function in C */
    const char *group;       /* "nn" */
    const char *c_name;      /* of the function, the macro or the enumerator */
    const char *enumeration; /* of an enumerator: its type */
    const char *function, *prototype, *call;
    fields params; /* without what the call fixes */
    const char *doc, *example;
} declaration;

/* The headers read, the last one's text, and what they declare. */
typedef struct surface {
    declaration *v;
    int n;
    structure *structs;
    int struct_count;
    const char *path, *header, *text;
} surface;

/* Everything that was read. */
typedef struct sources {
    table ops;
    surface headers;
} sources;

/* ---- table_text.c: text and files ---- */

/* Growing text. */
typedef struct buffer {
    char *data;
    size_t length, room;
} buffer;

void fail(const char *format, ...) GENOPS_PRINTF(1, 2) GENOPS_NORETURN;
void fail_at(place at, const char *format, ...) GENOPS_PRINTF(2, 3) GENOPS_NORETURN;
void *need(size_t bytes);                        /* zeroed */
void *grow(void *items, int count, size_t size); /* room for one more */
const char *join(const char *format, ...) GENOPS_PRINTF(1, 2);
const char *copy_text(const char *from, size_t length);
void texts_add(texts *list, const char *text);
bool texts_have(const texts *list, const char *text);
void put(buffer *b, const char *format, ...) GENOPS_PRINTF(2, 3);
/* The words of `text` with `separator` after each but the last, broken before column 118; further lines start with
   `indent`, of which the first is taken to be already there. */
void put_wrapped(buffer *b, const char *indent, const char *text);
void put_quoted(buffer *b, const char *text); /* as a C string literal */
const char *one_line(const char *text);       /* runs of blanks become one space */
const char *joined(const texts *list, const char *separator);
char *read_file(const char *path);
void write_if_changed(const char *path, const buffer *b);

/* ---- read_tables.c, read_schema.c ---- */
void read_table(table *t, const char *path);
void add_words(texts *list, const char *text);
void read_schema(entry *e, const char *text, place at);
void split_pieces(texts *pieces, const char *list); /* at commas outside brackets and quotes */

/* ---- read_headers.c ---- */
void read_header(surface *s, const char *path);
void check_headers(surface *s, const table *t); /* names used twice; also completes macros and enumerators */
/* The struct of arguments of this name that the type points to; NULL when it is none of ours. */
const structure *find_structure(const surface *s, const char *type);

/* ---- check_tables.c: what no single line shows; also adds the in-place forms ---- */
void check_tables(table *t);
const char *inplace_name(const entry *e); /* the exact name that the line `inplace` makes: "relu_" */

/* ---- write_c.c: pieces of C that the files written share ---- */
const char *zero_word(const param *p); /* "TSR_ZERO" where 0 means another default, else NULL */
bool is_plain(const entry *e);         /* a plain function: every parameter is required and none is an array */
void put_struct(buffer *b, const entry *e);
void put_result_struct(buffer *b, const entry *e);
/* The declaration of tsr_NAME (plain) or tsr_NAME_v, without the semicolon. */
void put_function(buffer *b, const entry *e);
void put_call_macro(buffer *b, const entry *e);
const char *args_type(const entry *e);  /* "tsr_conv2d_args" */
const entry *source_of(const entry *e); /* the entry itself, or the one an in-place form comes from */

/* ---- write_example.c: statements in C that call the operator; "" without a sample ---- */
const char *example_of(const entry *e);
void check_samples(const entry *e); /* refuses those that do not fit the schema */

const char *prototype_of(const entry *e); /* of tsr_NAME, or tsr_NAME_v, in one line */

/* ---- write_header.c, write_registry.c, write_surface.c: the files ---- */
void write_header(buffer *b, const sources *s);
void write_prototypes(buffer *b, const sources *s);
void write_registry(buffer *b, const sources *s);
void write_classes(buffer *b, const surface *s);                  /* the part of the registry that is not operators */
const declaration **sorted_classes(const surface *s, int *count); /* those with public names, by group and name */
void write_surface(buffer *b, const sources *s);
void write_examples(buffer *b, const sources *s);

/* ---- write_reference.c: the pages, in a folder ---- */
void write_reference(const char *folder, const sources *s);

#endif
