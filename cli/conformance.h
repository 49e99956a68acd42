/* conformance.h: replaying a folder of recorded cases: what PyTorch computed for an operator, in cases.jsonl and
   tensors.safetensors. */
#ifndef CLI_CONFORMANCE_H
#define CLI_CONFORMANCE_H

#include <stdbool.h>

/* Replay the folder and print a line for each operator and the counts, or one JSON object. 0 when nothing failed, 1
   otherwise or when the folder cannot be read (a sentence on stderr). */
int conformance_check(const char *folder, bool json);

#endif
