/* main.c: `tessera COMMAND ...`: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"call", cmd_call, "run an operator on tensors from a file, or replay a folder of cases"},
    {"ops", cmd_ops, "list the operators, or describe one"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream)
{
    fputs("usage: tessera COMMAND [ARGUMENTS]\n\n", stream);
    for (int i = 0; i < COMMANDS; i++) fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`tessera COMMAND --help` says more.\n", stream);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_usage(stdout);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "tessera: there is no command '%s'; `tessera --help` lists them\n", argv[1]);
    return 2;
}
