/* picture_sheet.c: putting pictures side by side. */
#include "picture_sheet.h"

#include <math.h>

#include "tessera/image.h"
#include "tessera/ops.h"

tsr_tensor *picture_sheet(tsr_tensor *pictures, int64_t columns)
{
    if (!pictures) return NULL;
    if (columns == 0) columns = (int64_t)ceil(sqrt((double)tsr_size(pictures, 0)));
    return tsr_image_grid(pictures, columns);
}

/* Upper and lower rows in turn; the last row may be shorter. */
static tsr_tensor *interleave(tsr_tensor *upper, tsr_tensor *lower, int64_t columns)
{
    enum { ROWS_MOST = 256 };
    tsr_tensor *rows[ROWS_MOST];
    int64_t n = tsr_size(upper, 0), count = 0;
    for (int64_t i = 0; i < n && count + 2 <= ROWS_MOST; i += columns) {
        int64_t here = n - i < columns ? n - i : columns;
        rows[count++] = tsr_narrow(upper, 0, i, here);
        rows[count++] = tsr_narrow(lower, 0, i, here);
    }
    return tsr_cat((tsr_tensors){rows, count}, 0);
}

tsr_tensor *picture_sheet_pairs(tsr_tensor *upper, tsr_tensor *lower, int64_t columns)
{
    if (!upper || !lower) return NULL;
    int64_t n = tsr_size(upper, 0);
    if (columns > n) columns = n;
    int64_t whole = n / columns * columns; /* a short row would put its pairs side by side */
    tsr_mark m = tsr_scope_open();
    tsr_tensor *both = interleave(tsr_narrow(upper, 0, 0, whole), tsr_narrow(lower, 0, 0, whole), columns);
    return tsr_scope_return(m, picture_sheet(both, columns));
}
