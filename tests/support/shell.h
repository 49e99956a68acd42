/* shell.h: running the program as people do, in a shell, in the test's folder (temp_folder.h). */
#ifndef SUPPORT_SHELL_H
#define SUPPORT_SHELL_H

/* stdout and stderr of the last command. */
extern char shell_said[16384];

/* Run a shell command in the test's folder, $T being the program beside this test's build. Its exit status. */
int shell_run(const char *command);
/* The test fails unless the command ends with this status. */
void shell_expect(const char *command, int status);
/* The test fails unless the last command said this. */
void shell_expect_text(const char *text);

#endif
