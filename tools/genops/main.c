/* main.c: from operator tables to C: `genops [--header H] [--prototypes H] [--registry C] FILE.def...`. */
#include <string.h>

#include "genops.h"

static const char usage[] = "usage: genops [--header OUT.h] [--prototypes OUT.h] [--registry OUT.c] FILE.def...";

typedef struct output {
    const char *option, *path;
    void (*write)(buffer *, const table *);
    buffer text;
} output;

static output outputs[] = {
    {"--header", NULL, write_header, {0}},
    {"--prototypes", NULL, write_prototypes, {0}},
    {"--registry", NULL, write_registry, {0}},
};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

static output *find_option(const char *argument)
{
    for (int i = 0; i < OUTPUTS; i++)
        if (!strcmp(outputs[i].option, argument)) return &outputs[i];
    return NULL;
}

int main(int argc, char **argv)
{
    table t = {0};
    int tables = 0;
    for (int i = 1; i < argc; i++) {
        output *o = find_option(argv[i]);
        if ((o && i + 1 == argc) || (!o && argv[i][0] == '-')) fail("%s", usage);
        if (o) o->path = argv[++i];
        else read_table(&t, argv[i]), tables++;
    }
    if (!tables) fail("%s", usage);
    check_tables(&t);
    /* All texts are made before the first file is written: an error leaves everything as it was. */
    for (int i = 0; i < OUTPUTS; i++)
        if (outputs[i].path) outputs[i].write(&outputs[i].text, &t);
    for (int i = 0; i < OUTPUTS; i++)
        if (outputs[i].path) write_if_changed(outputs[i].path, &outputs[i].text);
    return 0;
}
