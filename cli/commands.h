/* commands.h: the program's commands, one file each. Each gets its own name as argv[0] and returns the exit status: 0 for
   success, 1 for a failed run, 2 for wrong usage; what went wrong is one sentence on stderr. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int cmd_ops(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_train(int argc, char **argv);
int train_vqgan(int argc, char **argv);
int train_prior(int argc, char **argv);
int cmd_encode(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_reconstruct(int argc, char **argv);
int cmd_sample(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_inspect(int argc, char **argv);

#endif
