/* onnx_report.h: counts what the cases came to, and knows why some must fail. */
#ifndef ONNX_REPORT_H
#define ONNX_REPORT_H

#include "onnx_case.h"

typedef struct onnx_report onnx_report;

/* NULL: no memory. */
onnx_report *onnx_report_new(void);
void onnx_report_free(onnx_report *r);

/* Count a case. `verbose`: also print a line for one that did not pass. */
void onnx_report_add(onnx_report *r, const char *name, const onnx_outcome *outcome, bool verbose);

/* A line an operator, then why cases failed or are unsupported, and the sum on the last line. */
void onnx_report_print(const onnx_report *r);
void onnx_report_print_json(const onnx_report *r);

/* Cases passed, and no failure without an explanation, and no explanation of a case that passes. */
bool onnx_report_good(const onnx_report *r);

#endif
