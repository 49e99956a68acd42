/* result_output.h: where commands leave what they compute, by the ending of --out.

   .safetensors, .npy: one tensor, all batches together (kept in memory until the end, then written whole);
   .png, .jpg: one sheet of all pictures;
   anything else: a folder with one PNG a picture, written as they come. */
#ifndef CLI_RESULT_OUTPUT_H
#define CLI_RESULT_OUTPUT_H

#include <stdbool.h>

#include "tessera/tensor.h"

typedef enum result_kind { RESULT_TENSOR, RESULT_SHEET, RESULT_FOLDER } result_kind;

typedef struct result_output {
    const char *path;
    result_kind kind;
    tsr_tensor **parts; /* references */
    int64_t count, room;
} result_output;

/* What the path asks for. */
result_kind result_kind_of(const char *path);
/* Whether results can be written there: OPTIONS_GO_ON, or EXIT_WRONG_USE after a sentence for NULL and for the ending of
   another kind of file. */
int result_check_path(const char *command, const char *path);

void result_start(result_output *r, const char *path);
/* A batch, along the first dimension; `first` is the number of its first item. */
tsr_status result_add(result_output *r, tsr_tensor *batch, int64_t first);
/* All batches as one tensor, in the innermost scope. */
tsr_tensor *result_all(const result_output *r);
/* Write what was collected. */
tsr_status result_finish(result_output *r);
void result_free(result_output *r);

#endif
