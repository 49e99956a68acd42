/* picture_sheet.c: putting pictures side by side. */
#include "picture_sheet.h"

#include <math.h>

#include "tessera/image.h"
#include "tessera/ops.h"

enum { ROWS_MOST = PICTURE_PAIRS_ROWS * 2 };

tsr_tensor *picture_sheet(tsr_tensor *pictures, int64_t columns)
{
    if (!pictures) return NULL;
    if (columns == 0) columns = (int64_t)ceil(sqrt((double)tsr_size(pictures, 0)));
    return tsr_image_grid(pictures, columns);
}

/* With black pictures that complete the last row: a short one would put its pairs side by side. */
static tsr_tensor *fill_row(tsr_tensor *pictures, int64_t columns)
{
    tsr_shape s = tsr_shape_of(pictures);
    int64_t more = (columns - s.v[0] % columns) % columns;
    if (more == 0) return pictures;
    tsr_tensor *black = tsr_full(TSR_SHAPE(more, s.v[1], s.v[2], s.v[3]), TSR_FLOAT(-1),
                                 .dtype = tsr_dtype_of(pictures));
    tsr_tensor *both[] = {pictures, black};
    return tsr_cat((tsr_tensors){both, 2}, 0);
}

/* Upper and lower rows in turn. */
static tsr_tensor *interleave(tsr_tensor *upper, tsr_tensor *lower, int64_t columns)
{
    tsr_tensor *rows[ROWS_MOST];
    int64_t n = upper ? tsr_size(upper, 0) : 0, count = 0;
    for (int64_t i = 0; i < n && count + 2 <= ROWS_MOST; i += columns) {
        rows[count++] = tsr_narrow(upper, 0, i, columns);
        rows[count++] = tsr_narrow(lower, 0, i, columns);
    }
    return tsr_cat((tsr_tensors){rows, count}, 0);
}

tsr_tensor *picture_sheet_pairs(tsr_tensor *upper, tsr_tensor *lower, int64_t columns)
{
    if (!upper || !lower) return NULL;
    int64_t n = tsr_size(upper, 0);
    if (columns > n) columns = n;
    tsr_mark m = tsr_scope_open();
    tsr_tensor *both = interleave(fill_row(upper, columns), fill_row(lower, columns), columns);
    return tsr_scope_return(m, picture_sheet(both, columns));
}
