/* shell.c: see shell.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/shell.h"
#include "support/temp_folder.h"

char shell_said[16384];

int shell_run(const char *command)
{
    char line[4096], self[500];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    snprintf(line, sizeof line, "T=$(dirname '%s')/../tessera; export OMP_NUM_THREADS=1; cd '%s' && (%s) 2>&1", self,
             temp_path("."), command);
    FILE *p = popen(line, "r");
    assert_non_null(p);
    size_t used = fread(shell_said, 1, sizeof shell_said - 1, p);
    shell_said[used] = 0;
    while (fgetc(p) != EOF) continue; /* the rest, so that nobody is stopped by a closed pipe */
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void shell_expect_text(const char *text)
{
    if (!strstr(shell_said, text)) fail_msg("no \"%s\" in:\n%s", text, shell_said);
}

void shell_expect(const char *command, int status)
{
    int got = shell_run(command);
    if (got != status) fail_msg("status %d instead of %d of: %s\n%s", got, status, command, shell_said);
}
