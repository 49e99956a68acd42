/* report.h: what commands say on stderr when they cannot do what was asked. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "tessera/error.h"

enum { EXIT_RUN_FAILED = 1, EXIT_WRONG_USE = 2 };

/* Print the library's pending error as the command's, at most six lines: lists of names and of sizes are cut to the first
   few and the number of those left out. Clears it. Returns EXIT_RUN_FAILED. */
int report_error(const char *command);

/* Print a sentence about wrong use, with a hint at --help. Returns EXIT_WRONG_USE. */
int report_usage(const char *command, const char *format, ...) TSR_PRINTF(2, 3);

/* Put "WHERE: ", a file or an option, before the pending error's message. Returns its status. */
tsr_status report_prefix(const char *where);

/* Print figures on stdout as one line of JSON; the reference is taken over. An error is pending after false: for NULL, which
   is what jansson makes of a figure that is not finite. */
bool report_json(json_t *figures);

/* Print a remark about something that is not an error. */
void report_note(const char *command, const char *format, ...) TSR_PRINTF(2, 3);

#endif
