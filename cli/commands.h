/* commands.h: the program's commands, one file each. Each gets its own name as argv[0] and returns the exit status: 0 for
   success, 1 for a failed run, 2 for wrong usage; what went wrong is one sentence on stderr. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int cmd_ops(int argc, char **argv);
int cmd_call(int argc, char **argv);

#endif
