/* cmd_train.c: `tessera train MODEL`: finds the kind of training. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "report.h"

static const char help[] = "usage: tessera train MODEL [OPTIONS]\n"
                           "\n"
                           "  vqgan   an autoencoder of pictures with discrete codes\n"
                           "  prior   a transformer over its codes, from which new pictures are sampled\n"
                           "\n"
                           "`tessera train MODEL --help` lists the options.\n"
                           "\n"
                           "example:\n"
                           "  tessera train vqgan --preset tiny --data scenes --steps 2000 --out runs/vqgan\n";

int cmd_train(int argc, char **argv)
{
    static const char *const names[] = {"vqgan", "prior"};
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "vqgan")) return train_vqgan(argc - 1, argv + 1);
    if (!strcmp(name, "prior")) return train_prior(argc - 1, argv + 1);
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
        fputs(help, stdout);
        return 0;
    }
    if (!*name) return report_usage("train", "which model? vqgan or prior");
    const char *near = nearest_name(name, names, 2);
    return report_usage("train", "there is no model '%s' to train; %s%s", name,
                        near ? "did you mean " : "there are vqgan and prior", near ? near : "");
}
