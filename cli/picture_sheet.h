/* picture_sheet.h: sheets of pictures in rows, as u8 [H, W, C] for tsr_image_save. */
#ifndef CLI_PICTURE_SHEET_H
#define CLI_PICTURE_SHEET_H

#include "tessera/tensor.h"

/* Pictures [N, C, H, W] in [-1, 1] in rows of `columns`; 0: about a square. */
tsr_tensor *picture_sheet(tsr_tensor *pictures, int64_t columns);

/* Rows of `columns` of the upper pictures, each with the row of lower ones that belong to them below; the first
   PICTURE_PAIRS_ROWS of them. */
enum { PICTURE_PAIRS_ROWS = 128 };
tsr_tensor *picture_sheet_pairs(tsr_tensor *upper, tsr_tensor *lower, int64_t columns);

#endif
