/* test_genops.c: what genops accepts, refuses and writes. It is run as a program, on tables in a scratch folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/genops-test-XXXXXX";
static char genops[PATH_MAX + 16];
static char output[4096]; /* what the last run said */

#define DOC "doc\n  Text.\n\n  Returns  it.\n  Errors   none.\n"
#define GOOD_LINES "dtypes float\ngrad none\nsample randn[2]\n" DOC
#define GOOD_OP "op twice\nschema (Tensor input) -> Tensor\n" GOOD_LINES

/* The path of a file in the scratch folder, in one of a few turning buffers. */
static const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *read_text(const char *name)
{
    static char text[1 << 16];
    FILE *f = fopen(in_folder(name), "r");
    if (!f) return NULL;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

/* Run genops on t.def, and t.h, in the folder; its exit status. */
static int run_genops(void)
{
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command,
             "cd %s && %s --header ops.h --prototypes op_gen.h --registry registry.c --examples examples.h "
             "--surface surface.txt --reference . t.def t.h 2>&1",
             folder, genops);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    output[fread(output, 1, sizeof output - 1, f)] = 0;
    return WEXITSTATUS(pclose(f));
}

static void accepts(const char *table)
{
    write_text("t.def", table);
    if (run_genops() != 0) fail_msg("refused: %s", output);
}

/* The table is refused with this sentence, and no file is written. */
static void refuses(const char *table, const char *sentence)
{
    unlink(in_folder("ops.h"));
    write_text("t.def", table);
    assert_int_equal(run_genops(), 1);
    if (!strstr(output, sentence)) fail_msg("expected \"%s\" in: %s", sentence, output);
    assert_null(read_text("ops.h"));
}

static void header_has(const char *text)
{
    const char *header = read_text("ops.h");
    assert_non_null(header);
    if (!strstr(header, text)) fail_msg("\"%s\" is not in:\n%s", text, header);
}

static void required_parameters_make_a_plain_function(void **state)
{
    (void)state;
    accepts(GOOD_OP);
    header_has("TSR_API tsr_tensor *tsr_twice(tsr_tensor *input);");
    assert_null(strstr(read_text("ops.h"), "#define tsr_twice"));
}

static void optional_parameters_make_a_macro_and_a_struct(void **state)
{
    (void)state;
    accepts("op f\nschema (Tensor input, int[2] stride=1, Scalar? max=None) -> Tensor\n" GOOD_LINES);
    header_has("    int64_t stride[2]; /* 1 */\n    tsr_number max;\n    int end_;\n} tsr_f_args;");
    header_has("TSR_API tsr_tensor *tsr_f_v(const tsr_f_args *args);");
    header_has("#define tsr_f(...) tsr_f_v(&(tsr_f_args){__VA_ARGS__, .end_ = 0})");
}

static void a_field_whose_zero_means_a_default_says_so(void **state)
{
    (void)state;
    accepts("op f\nschema (Tensor input, int n=2, float eps=1e-5, int? dim=-1, int k=0) -> Tensor\n" GOOD_LINES);
    header_has("int64_t n; /* default 2 when 0; TSR_ZERO_INT: 0 */");
    header_has("double eps; /* default 1e-5 when 0; TSR_ZERO: 0 */");
    header_has("tsr_number dim; /* -1 */");
    header_has("int64_t k;\n");
    refuses("op f\nschema (Tensor input, int? n=x) -> Tensor\n" GOOD_LINES, "must default to None or an integer");
}

static void several_results_make_a_struct_and_lists_take_room(void **state)
{
    (void)state;
    accepts(
        "op max.dim\nschema (Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)\n" GOOD_LINES
        "op chunk\nschema (Tensor input, int chunks, int dim=0) -> Tensor[]\n" GOOD_LINES);
    header_has("tsr_tensor *values, *indices;\n} tsr_max_dim_result;");
    header_has("TSR_API tsr_max_dim_result tsr_max_dim_v(const tsr_max_dim_args *args);");
    header_has("#define tsr_chunk(out, room, ...) tsr_chunk_v(&(tsr_chunk_args){__VA_ARGS__, .end_ = 0}, out, room)");
}

static void inplace_adds_a_form_with_an_underscore(void **state)
{
    (void)state;
    accepts("op relu\nschema (Tensor input) -> Tensor\nnames nn.functional.relu relu\ninplace\n" GOOD_LINES);
    header_has("TSR_API tsr_tensor *tsr_relu_(tsr_tensor *input);");
    const char *registry = read_text("registry.c");
    assert_non_null(strstr(registry, "{\"nn.functional.relu_\", &op_info_relu_}"));
    assert_non_null(strstr(registry, ".schema = \"relu_(Tensor input) -> Tensor\""));
    assert_non_null(strstr(registry, "relu written into input, which is returned.")); /* not relu's own text */
    assert_non_null(strstr(registry, "Errors   those of relu; "));
}

static void long_schemas_go_over_several_lines(void **state)
{
    (void)state;
    accepts("op f\nschema (Tensor input,\n    int n=2)\n    -> Tensor\n" GOOD_LINES);
    header_has("f(Tensor input, int n=2) -> Tensor");
}

static void an_unchanged_table_leaves_the_files_alone(void **state)
{
    struct stat before, after;
    (void)state;
    accepts(GOOD_OP);
    assert_int_equal(stat(in_folder("ops.h"), &before), 0);
    accepts(GOOD_OP);
    assert_int_equal(stat(in_folder("ops.h"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void mistakes_are_reported_with_their_line(void **state)
{
    (void)state;
    refuses("op f\nschema (Tensr input) -> Tensor\n" GOOD_LINES, "t.def:2: f: \"Tensr\" (of input) is not a type");
    refuses("op f\nschema (Tensor input, int n=x) -> Tensor\n" GOOD_LINES, "t.def:2: f: n is int and needs an integer");
    refuses("op f\nschema (Tensor? input) -> Tensor\n" GOOD_LINES, "must default to None");
    refuses("op f\nschema (Tensor x, int n=1, int m) -> Tensor\n" GOOD_LINES, "m has no default but comes after one");
    refuses("op f\nschema (Tensor int) -> Tensor\n" GOOD_LINES, "cannot be named int");
    refuses("op f\nschema (Tensor x, int x) -> Tensor\n" GOOD_LINES, "two parameters are named x");
    refuses("op f\nshape x\n", "t.def:2: f: \"shape\" is not a line");
    refuses("op F\n", "t.def:1: \"F\" is not an operator's name");
    refuses("op f\nschema (Tensor input) -> Tensor\nschema (Tensor input) -> Tensor\n",
            "t.def:3: f: `schema` is written twice");
}

static void an_incomplete_operator_is_refused(void **state)
{
    (void)state;
    const char *schema = "op f\nschema (Tensor input) -> Tensor\n";
    char table[512];
    refuses("op f\n" GOOD_LINES, "t.def:1: f has no schema");
    snprintf(table, sizeof table, "%sdtypes all\ngrad none\nsample randn[2]\n", schema);
    refuses(table, "f has no doc");
    snprintf(table, sizeof table, "%sdtypes all\ngrad none\nsample randn[2]\ndoc\n  Errors   none.\n", schema);
    refuses(table, "f: the doc has no line \"Returns  ...\"");
    snprintf(table, sizeof table, "%sdtypes all\ngrad none\nsample randn[2]\ndoc\n  Returns  it. Errors none.\n",
             schema);
    refuses(table, "f: the doc has no line \"Errors   ...\"");
    snprintf(table, sizeof table, "%sdtypes all\nsample randn[2]\n" DOC, schema);
    refuses(table, "f has no line `grad`");
    snprintf(table, sizeof table, "%sdtypes all\ngrad none\n" DOC, schema);
    refuses(table, "f has no sample, and is public");
    snprintf(table, sizeof table, "%sinternal\ndtypes all\ngrad none\n" DOC, schema);
    accepts(table);
}

static void a_name_belongs_to_one_operator(void **state)
{
    (void)state;
    refuses(GOOD_OP GOOD_OP, "the name twice is taken, at t.def:1");
    refuses("op a\nschema (Tensor x) -> Tensor\nnames n.f\n" GOOD_LINES
            "op b\nschema (Tensor x) -> Tensor\nnames n.f\n" GOOD_LINES,
            "the public name n.f of b is taken by a");
    refuses("op a\nschema (Tensor x) -> Tensor\nnames b\n" GOOD_LINES "op b\nschema (Tensor x) -> Tensor\n" GOOD_LINES,
            "b");
    refuses("op a.b\nschema (Tensor x) -> Tensor\n" GOOD_LINES "op a_b\nschema (Tensor x) -> Tensor\n" GOOD_LINES,
            "have one name in C, tsr_a_b");
    accepts("op max\nschema (Tensor x) -> Tensor\n" GOOD_LINES
            "op max.other\nschema (Tensor x, Tensor y) -> Tensor\n" GOOD_LINES);
}

static void a_star_makes_the_parameters_after_it_keywords(void **state)
{
    (void)state;
    const char *start = "op f\nschema (Tensor x, *, Scalar alpha=1) -> Tensor\ndtypes all\ngrad none\n" DOC;
    char table[512];
    snprintf(table, sizeof table, "%ssample randn[2], alpha=2\n", start);
    accepts(table);
    assert_non_null(strstr(read_text("registry.c"), ".keyword_only = true"));
    snprintf(table, sizeof table, "%ssample randn[2], 2\n", start);
    refuses(table, "the sample must give alpha by name");
}

static void a_sample_becomes_an_example(void **state)
{
    (void)state;
    accepts("op f\nschema (Tensor x, int[2] k, int? dim=-1, str mode=\"a\") -> Tensor\ndtypes all\ngrad none\n"
            "sample int[2,3]{0,5}, [1,2], mode=\"b\"\n" DOC);
    const char *text = read_text("examples.h");
    assert_non_null(strstr(text, "tsr_tensor *x = tsr_randint(5, TSR_SHAPE(2, 3));\n"));
    assert_non_null(strstr(text, "tsr_tensor *result = tsr_f(x, {1, 2}, .mode = \"b\");\n"));
    refuses("op f\nschema (Tensor x) -> Tensor\ndtypes all\ngrad none\nsample randn[2], 1\n" DOC,
            "the sample has more arguments than the operator");
}

static void headers_register_what_is_not_an_operator(void **state)
{
    (void)state;
    write_text("t.h", "/** nn.Two: Makes two. Example: tsr_two(2) */\nTSR_API tsr_module *tsr_two(int64_t n);\n"
                      "typedef struct tsr_three_options {\n    double lr; /**< rate */\n} tsr_three_options;\n"
                      "typedef enum tsr_kind {\n    TSR_ADA /**< optim.Ada: Ada. Example: tsr_three(TSR_ADA, NULL) */\n"
                      "} tsr_kind;\n"
                      "TSR_API tsr_optim *tsr_three(tsr_kind kind, const tsr_three_options *options);\n");
    accepts(GOOD_OP);
    const char *text = read_text("surface.txt");
    assert_non_null(strstr(text, "\nnn.Two: tsr_two(n)\n"));
    assert_non_null(strstr(text, "\noptim.Ada: tsr_three(TSR_ADA, ...)\n"));
    assert_non_null(strstr(text, "\ntsr_two: tsr_module *tsr_two(int64_t n)\n"));
    assert_non_null(strstr(text, "\ntwice: twice(Tensor input) -> Tensor\n"));
    assert_non_null(strstr(read_text("nn.md"), "## nn.Two\n\nMakes two.\n"));
    assert_non_null(strstr(read_text("optim.md"), "| `lr` | `double` | rate |"));
    write_text("t.h", "/** nn.Two: Makes two. */\nTSR_API tsr_module *tsr_two(int64_t n);\n");
    refuses(GOOD_OP, "t.h:2: nn.Two has no example");
    write_text("t.h", "/** nn.Two: Example: tsr_two(2) */\nTSR_API tsr_module *tsr_two(int64_t n);\n");
    refuses(GOOD_OP, "t.h:2: nn.Two has no doc");
    write_text("t.h", "/** n.f: Makes two. Example: tsr_two(2) */\nTSR_API tsr_module *tsr_two(int64_t n);\n");
    refuses("op a\nschema (Tensor x) -> Tensor\nnames n.f\n" GOOD_LINES, "t.h:2: the name n.f is taken, at t.def:1");
    write_text("t.h", "");
}

static void values_are_words_of_a_str(void **state)
{
    (void)state;
    const char *start = "op f\nschema (Tensor x, str how=\"b\", str? side=None) -> Tensor\n" GOOD_LINES;
    char table[1024];
    snprintf(table, sizeof table, "%svalues how a b\nvalues side left right\n", start);
    accepts(table);
    assert_non_null(strstr(read_text("registry.c"), ".values = (const char *const[]){\"a\", \"b\", NULL}"));
    assert_non_null(strstr(read_text("t.md"), "`how` is one of `\"a\"`, `\"b\"`."));
    snprintf(table, sizeof table, "%svalues where a b\n", start);
    refuses(table, "f: `values where a b` begins with no parameter");
    snprintf(table, sizeof table, "%svalues x a b\n", start);
    refuses(table, "f: x is not a str");
    snprintf(table, sizeof table, "%svalues how b\n", start);
    refuses(table, "f: how has less than two values");
    snprintf(table, sizeof table, "%svalues how a c\n", start);
    refuses(table, "the default of how, \"b\", is not among its values");
    snprintf(table, sizeof table, "%svalues how a b\nvalues how a b\n", start);
    refuses(table, "the values of how are written twice");
}

static void what_is_saved_must_be_a_tensor_parameter(void **state)
{
    (void)state;
    const char *start = "op f\nschema (Tensor x, int n=1) -> Tensor\ndtypes all\nsample randn[2]\n" DOC;
    char table[512];
    snprintf(table, sizeof table, "%sgrad yes\nsaves y\n", start);
    refuses(table, "f saves y, which is not a parameter");
    snprintf(table, sizeof table, "%sgrad yes\nsaves n\n", start);
    refuses(table, "f saves n, which is not a tensor");
    snprintf(table, sizeof table, "%sgrad none\nsaves x\n", start);
    refuses(table, "grad is not yes");
}

static int find_genops(void **state)
{
    (void)state;
    ssize_t n = readlink("/proc/self/exe", genops, PATH_MAX - 1);
    if (n < 0 || !mkdtemp(folder)) return -1;
    genops[n] = 0;
    *strrchr(genops, '/') = 0;
    strcat(genops, "/../genops");
    write_text("t.h", "");
    return access(genops, X_OK);
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const names[] = {"t.def",       "t.h",       "ops.h", "op_gen.h", "registry.c", "examples.h",
                                 "surface.txt", "README.md", "t.md",  "nn.md",    "optim.md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_parameters_make_a_plain_function),
        cmocka_unit_test(optional_parameters_make_a_macro_and_a_struct),
        cmocka_unit_test(a_field_whose_zero_means_a_default_says_so),
        cmocka_unit_test(several_results_make_a_struct_and_lists_take_room),
        cmocka_unit_test(inplace_adds_a_form_with_an_underscore),
        cmocka_unit_test(long_schemas_go_over_several_lines),
        cmocka_unit_test(an_unchanged_table_leaves_the_files_alone),
        cmocka_unit_test(mistakes_are_reported_with_their_line),
        cmocka_unit_test(an_incomplete_operator_is_refused),
        cmocka_unit_test(a_name_belongs_to_one_operator),
        cmocka_unit_test(a_star_makes_the_parameters_after_it_keywords),
        cmocka_unit_test(a_sample_becomes_an_example),
        cmocka_unit_test(headers_register_what_is_not_an_operator),
        cmocka_unit_test(values_are_words_of_a_str),
        cmocka_unit_test(what_is_saved_must_be_a_tensor_parameter),
    };
    return cmocka_run_group_tests(tests, find_genops, remove_folder);
}
