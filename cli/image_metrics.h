/* image_metrics.h: how like two sets of pictures are. Pictures are in [-1, 1]; what lies outside is cut off first. */
#ifndef CLI_IMAGE_METRICS_H
#define CLI_IMAGE_METRICS_H

#include "tessera/tensor.h"

/* Sums over pictures, or their means. */
typedef struct image_metrics {
    double l1;   /* mean absolute difference */
    double psnr; /* 10 log10(4 / mean squared difference), of each picture */
    double
        ssim; /* Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, K 0.01 and 0.03, range 2; mean of channels */
    int64_t count;
} image_metrics;

/* Add the pictures x and their approximations y, [N, C, H, W]. TSR_ENUMERIC when either is not finite somewhere. */
tsr_status image_metrics_add(image_metrics *m, tsr_tensor *x, tsr_tensor *y);

/* Divide by the number of pictures; an error when there are none. */
tsr_status image_metrics_mean(const image_metrics *sums, image_metrics *mean);

#endif
