/* main.c: from operator tables and public headers to C and to documents:
   `genops [--header H] [--prototypes H] [--registry C] [--examples H] [--surface TXT] [--reference FOLDER] FILE.def... FILE.h...`. */
#include <string.h>

#include "genops.h"

static const char usage[] = "usage: genops [--header OUT.h] [--prototypes OUT.h] [--registry OUT.c] [--examples OUT.h] "
                            "[--surface OUT.txt] [--reference FOLDER] FILE.def... [FILE.h...]";

typedef struct output {
    const char *option, *path;
    void (*write)(buffer *, const sources *);
    buffer text;
} output;

static output outputs[] = {
    {"--header", NULL, write_header, {0}},     {"--prototypes", NULL, write_prototypes, {0}},
    {"--registry", NULL, write_registry, {0}}, {"--examples", NULL, write_examples, {0}},
    {"--surface", NULL, write_surface, {0}},   {"--reference", NULL, NULL, {0}}, /* a folder of texts */
};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

static output *find_option(const char *argument)
{
    for (int i = 0; i < OUTPUTS; i++)
        if (!strcmp(outputs[i].option, argument)) return &outputs[i];
    return NULL;
}

static bool is_header(const char *path)
{
    size_t length = strlen(path);
    return length > 2 && !strcmp(path + length - 2, ".h");
}

static void read_arguments(sources *s, int argc, char **argv)
{
    int tables = 0;
    for (int i = 1; i < argc; i++) {
        output *o = find_option(argv[i]);
        if ((o && i + 1 == argc) || (!o && argv[i][0] == '-')) fail("%s", usage);
        if (o) o->path = argv[++i];
        else if (is_header(argv[i])) read_header(&s->headers, argv[i]);
        else read_table(&s->ops, argv[i]), tables++;
    }
    if (!tables) fail("%s", usage);
}

int main(int argc, char **argv)
{
    sources s = {0};
    read_arguments(&s, argc, argv);
    check_tables(&s.ops);
    check_headers(&s.headers, &s.ops);
    /* All texts are made before the first file is written: an error leaves everything as it was. */
    for (int i = 0; i < OUTPUTS; i++)
        if (outputs[i].path && outputs[i].write) outputs[i].write(&outputs[i].text, &s);
    for (int i = 0; i < OUTPUTS; i++) {
        if (!outputs[i].path) continue;
        if (outputs[i].write) write_if_changed(outputs[i].path, &outputs[i].text);
        else write_reference(outputs[i].path, &s);
    }
    return 0;
}
