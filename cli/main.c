/* main.c: `tessera COMMAND ...`: finds the command and runs it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"
#include "tessera/runtime.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

static const command commands[] = {
    {"train", cmd_train, "train a model on pictures: train vqgan, train prior"},
    {"encode", cmd_encode, "turn pictures into codes"},
    {"decode", cmd_decode, "turn codes into pictures"},
    {"reconstruct", cmd_reconstruct, "encode and decode pictures, and compare"},
    {"sample", cmd_sample, "make new pictures"},
    {"eval", cmd_eval, "figures of a model over a set of pictures"},
    {"inspect", cmd_inspect, "say what a file of tensors holds"},
    {"ops", cmd_ops, "list the operators, modules and optimisers, or describe one"},
    {"bench", cmd_bench, "time the standard jobs on this machine"},
    {"call", cmd_call, "run an operator on tensors from a file, or replay a folder of cases"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream)
{
    fputs("usage: tessera COMMAND [ARGUMENTS]\n\n", stream);
    for (int i = 0; i < COMMANDS; i++) fprintf(stream, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fputs("  version      say the program's version\n\n`tessera COMMAND --help` says more, with an example.\n", stream);
}

static const command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(name, commands[i].name)) return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *near = nearest_name(name, names, COMMANDS);
    fprintf(stderr, "tessera: there is no command '%s'", name);
    if (near) fprintf(stderr, "; did you mean %s?", near);
    fputs("\n`tessera --help` lists the commands\n", stderr);
    return EXIT_WRONG_USE;
}

/* `help COMMAND` is `COMMAND --help`. */
static int help(int argc, char **argv)
{
    const command *c = argc > 2 ? find_command(argv[2]) : NULL;
    char flag[] = "--help";
    if (argc > 2 && !c) return unknown_command(argv[2]);
    if (c) return c->run(2, (char *[]){argv[2], flag, NULL});
    print_usage(stdout);
    return 0;
}

/* Output is buffered: a disk that fills up may be noticed only now. */
static int finish_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    if (status != 0) return status; /* there is a sentence already */
    fprintf(stderr, "tessera: the standard output cannot be written: %s\n", strerror(errno ? errno : EIO));
    return EXIT_RUN_FAILED;
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, with a sentence */
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_WRONG_USE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) return finish_output(help(argc, argv));
    if (!strcmp(name, "--version") || !strcmp(name, "version")) {
        printf("tessera %s\n", tsr_version_string());
        return finish_output(0);
    }
    const command *c = find_command(name);
    if (!c) return unknown_command(name);
    if (tsr_set_isa(NULL) != TSR_OK) { /* TSR_ISA */
        report_prefix("TSR_ISA");
        report_error(name);
        return EXIT_WRONG_USE;
    }
    return finish_output(c->run(argc - 1, argv + 1));
}
