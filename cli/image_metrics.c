/* image_metrics.c: L1, PSNR, SSIM.

   SSIM compares local means, variances and covariance, which are weighted by a Gaussian window and taken only where the
   window lies inside the picture. The window is a product, so that it is applied as two convolutions, along rows and along
   columns. Pictures smaller than the window get a smaller one, of odd width. */
#include "image_metrics.h"

#include <math.h>

#include "tessera/ops.h"

enum { WINDOW = 11 };

/* Without a difference PSNR would be infinite; f32 cannot tell anyway below this. */
static const double LEAST_ERROR = 1e-10;

static tsr_tensor *window_weights(int64_t size, bool along_rows)
{
    float w[WINDOW];
    double sum = 0, half = (double)(size - 1) / 2;
    for (int64_t i = 0; i < size; i++) sum += exp(-((double)i - half) * ((double)i - half) / (2 * 1.5 * 1.5));
    for (int64_t i = 0; i < size; i++)
        w[i] = (float)(exp(-((double)i - half) * ((double)i - half) / (2 * 1.5 * 1.5)) / sum);
    return tsr_from_data(w, along_rows ? TSR_SHAPE(1, 1, 1, size) : TSR_SHAPE(1, 1, size, 1), TSR_F32);
}

/* The local weighted mean of [M, 1, H, W]. */
static tsr_tensor *local_mean(tsr_tensor *x, int64_t size)
{
    return tsr_conv2d(tsr_conv2d(x, window_weights(size, true)), window_weights(size, false));
}

static tsr_tensor *square(tsr_tensor *x) { return tsr_mul(x, x); }

/* a / b with a = p + c, elementwise products of (2 ab + c) / (a^2 + b^2 + c) */
static tsr_tensor *likeness(tsr_tensor *product, tsr_tensor *squares, double c)
{
    tsr_tensor *above = tsr_add(tsr_mul(product, tsr_scalar(2)), tsr_scalar(c));
    return tsr_div(above, tsr_add(squares, tsr_scalar(c)));
}

static int64_t window_size(int64_t height, int64_t width)
{
    int64_t least = height < width ? height : width;
    if (least >= WINDOW) return WINDOW;
    return least % 2 ? least : least - 1;
}

/* The mean over all local windows of all pictures; each has equally many. */
static tsr_tensor *ssim(tsr_tensor *x, tsr_tensor *y)
{
    const double c1 = 0.02 * 0.02, c2 = 0.06 * 0.06; /* (K range)^2 */
    int64_t height = tsr_size(x, 2), width = tsr_size(x, 3), size = window_size(height, width);
    if (size < 1) size = 1;
    x = tsr_reshape(x, TSR_SHAPE(-1, 1, height, width));
    y = tsr_reshape(y, TSR_SHAPE(-1, 1, height, width));
    tsr_tensor *mx = local_mean(x, size), *my = local_mean(y, size);
    tsr_tensor *mxy = tsr_mul(mx, my), *mxx = square(mx), *myy = square(my);
    tsr_tensor *vx = tsr_sub(local_mean(square(x), size), mxx), *vy = tsr_sub(local_mean(square(y), size), myy);
    tsr_tensor *cov = tsr_sub(local_mean(tsr_mul(x, y), size), mxy);
    return tsr_mean(tsr_mul(likeness(mxy, tsr_add(mxx, myy), c1), likeness(cov, tsr_add(vx, vy), c2)));
}

static tsr_status add_psnr(image_metrics *m, tsr_tensor *difference)
{
    int64_t n = tsr_size(difference, 0);
    tsr_tensor *errors = tsr_mean(square(difference), .dim = TSR_DIMS(1, 2, 3));
    for (int64_t i = 0; errors && i < n; i++) {
        double mse = tsr_item(tsr_select(errors, 0, i));
        m->psnr += 10 * log10(4 / fmax(mse, LEAST_ERROR));
    }
    return tsr_error_status();
}

/* Cutting values off at 1 would hide what is infinite. */
static tsr_status check_finite(tsr_tensor *t, const char *what)
{
    tsr_tensor *all = tsr_all(tsr_isfinite(t));
    if (!all) return tsr_error_status();
    return tsr_item(all) != 0 ? TSR_OK : tsr_fail(TSR_ENUMERIC, "%s hold values that are not finite", what);
}

static tsr_status check_pictures(tsr_tensor *x, tsr_tensor *y)
{
    tsr_status status = check_finite(x, "the pictures");
    return status == TSR_OK ? check_finite(y, "the model's reconstructions") : status;
}

tsr_status image_metrics_add(image_metrics *m, tsr_tensor *x, tsr_tensor *y)
{
    if (!x || !y) return tsr_error_status();
    tsr_mark mark = tsr_scope_open();
    tsr_status status = check_pictures(x, y);
    double n = (double)tsr_size(x, 0);
    x = tsr_clamp(tsr_to(x, TSR_F32), .min = TSR_FLOAT(-1), .max = TSR_FLOAT(1));
    y = tsr_clamp(tsr_to(y, TSR_F32), .min = TSR_FLOAT(-1), .max = TSR_FLOAT(1));
    tsr_tensor *difference = tsr_sub(x, y);
    m->l1 += n * tsr_item(tsr_mean(tsr_abs(difference)));
    m->ssim += n * tsr_item(ssim(x, y));
    if (status == TSR_OK) status = add_psnr(m, difference);
    m->count += (int64_t)n;
    tsr_scope_close(mark);
    return status;
}

tsr_status image_metrics_mean(const image_metrics *sums, image_metrics *mean)
{
    double n = (double)sums->count;
    if (sums->count == 0) return tsr_fail(TSR_EFORMAT, "none of the pictures could be read");
    *mean = (image_metrics){.l1 = sums->l1 / n, .psnr = sums->psnr / n, .ssim = sums->ssim / n, .count = sums->count};
    return TSR_OK;
}
