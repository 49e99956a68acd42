/* onnx_case.h: replays one case of ONNX's test data: a folder with a model and sets of inputs and expected outputs. */
#ifndef ONNX_CASE_H
#define ONNX_CASE_H

#include <stdbool.h>

typedef enum onnx_verdict { ONNX_PASSED, ONNX_FAILED, ONNX_UNSUPPORTED } onnx_verdict;

typedef struct onnx_outcome {
    onnx_verdict verdict;
    char op[64];      /* the only node's operator, or "(graphs)" */
    char reason[512]; /* why it did not pass */
} onnx_outcome;

/* Replay model.onnx of the folder with its test_data_set_*. */
void onnx_replay_case(const char *folder, onnx_outcome *out);

#endif
