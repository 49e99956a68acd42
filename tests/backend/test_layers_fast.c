/* The fast kernels of layers against the reference: random values, odd sizes, every layout and tier of this machine; and the
   same bits for any number of threads and from run to run. */
#include "layers_fast.h"
#include "support/faults.h"

/* ---- norms ---- */

static void check_group_norm(int64_t n, int64_t c, int64_t h, int64_t w, int64_t groups, bool silu, bool affine)
{
    norm_params p = {.groups = groups, .eps = 1e-5, .silu = silu};
    array x = RANDOM(1, n, c, h, w), weight = RANDOM(2, c), bias = RANDOM(3, c), grad = RANDOM(4, n, c, h, w);
    const array *wt = affine ? &weight : NULL, *bs = affine ? &bias : NULL;
    array out[2], mean[2], rstd[2], gx[2], gw[2], gb[2];
    for (int i = 0; i < 2; i++) {
        const backend *b = i ? fast : reference;
        out[i] = EMPTY(n, c, h, w), mean[i] = EMPTY(n, groups), rstd[i] = EMPTY(n, groups);
        gx[i] = EMPTY(n, c, h, w), gw[i] = EMPTY(c), gb[i] = EMPTY(c);
        assert_true(b->group_norm(&out[i], &mean[i], &rstd[i], &x, wt, bs, &p));
        assert_true(b->group_norm_grad(&gx[i], &gw[i], &gb[i], &grad, &x, &mean[i], &rstd[i], wt, bs, &p));
    }
    close_to("group_norm", &out[1], &out[0]);
    close_to("group_norm's mean", &mean[1], &mean[0]);
    close_to("group_norm's rstd", &rstd[1], &rstd[0]);
    close_to("group_norm_grad", &gx[1], &gx[0]);
    close_to("group_norm_grad's weight", &gw[1], &gw[0]);
    close_to("group_norm_grad's bias", &gb[1], &gb[0]);
    array alone = EMPTY(c);
    assert_true(fast->group_norm_grad(NULL, &alone, NULL, &grad, &x, &mean[0], &rstd[0], wt, bs, &p));
    close_to("group_norm_grad's weight alone", &alone, &gw[0]);
}

static void group_norms(void)
{
    check_group_norm(1, 2, 1, 2, 1, false, true);
    check_group_norm(2, 6, 5, 3, 3, true, true);
    check_group_norm(3, 32, 4, 4, 32, true, true);
    check_group_norm(1, 40, 33, 9, 4, false, false);
    check_group_norm(2, 64, 17, 16, 8, true, false);
}

static void group_norm_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(group_norms);
}

/* The variance must not come out of the difference of two large numbers. */
static void large_mean(void)
{
    norm_params p = {.groups = 2, .eps = 0};
    array x = RANDOM(1, 2, 8, 20, 20), out[2], mean = EMPTY(2, 2), rstd[2];
    for (int64_t i = 0; i < arrays_count(&x); i++) arrays_set(&x, i, arrays_get(&x, i) + 1000);
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(2, 8, 20, 20), rstd[i] = EMPTY(2, 2);
        assert_true((i ? fast : reference)->group_norm(&out[i], &mean, &rstd[i], &x, NULL, NULL, &p));
    }
    arrays_expect_close("rstd with a large mean", &rstd[1], &rstd[0], 1e-5, 0);
    arrays_expect_close("group_norm with a large mean", &out[1], &out[0], 1e-4, 2e-4);
}

static void group_norm_is_exact_when_the_mean_is_large(void **state)
{
    (void)state;
    everywhere(large_mean);
}

/* SiLU far from 0, where e^x has no float: by the weight, the bias, or as a flat half of the picture far from its mean, whose
   deviations from the first row are 0. */
static void check_far_silu(double weight, double bias, bool flat)
{
    enum { CHANNELS = 32, ROWS = 32, COLUMNS = 16 };
    norm_params p = {.groups = 4, .eps = 1e-6, .silu = true};
    array x = RANDOM(1, 2, CHANNELS, ROWS, COLUMNS), w = RANDOM(2, CHANNELS), b = RANDOM(3, CHANNELS), out[2];
    array mean = EMPTY(2, 4), rstd = EMPTY(2, 4);
    for (int64_t i = 0; flat && i < arrays_count(&x); i++)
        arrays_set(&x, i, i / COLUMNS % ROWS < ROWS / 2 ? -1 : arrays_get(&x, i) * 0.01 + 1);
    arrays_set(&w, 5, weight);
    arrays_set(&b, 5, bias);
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(2, CHANNELS, ROWS, COLUMNS);
        assert_true((i ? fast : reference)->group_norm(&out[i], &mean, &rstd, &x, &w, &b, &p));
    }
    close_to("group_norm with SiLU far from 0", &out[1], &out[0]);
}

static void far_silus(void)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        check_far_silu(sign * 40, 0, false);
        check_far_silu(sign * 3e4, 0, false);
        check_far_silu(1, sign * 95, false);
        check_far_silu(1, sign * 1e30, false);
        check_far_silu(sign * 95, 0, true);
        check_far_silu(sign * 50, 45, true);
    }
}

static void group_norm_with_silu_is_right_far_from_0(void **state)
{
    (void)state;
    everywhere(far_silus);
}

static void check_layer_norm(int64_t rows, int64_t n, bool affine)
{
    norm_params p = {.eps = 1e-5};
    array x = RANDOM(1, rows, n), weight = RANDOM(2, n), bias = RANDOM(3, n), grad = RANDOM(4, rows, n);
    const array *wt = affine ? &weight : NULL, *bs = affine ? &bias : NULL;
    array out[2], mean[2], rstd[2], gx[2], gw[2], gb[2];
    for (int i = 0; i < 2; i++) {
        const backend *b = i ? fast : reference;
        out[i] = EMPTY(rows, n), mean[i] = EMPTY(rows), rstd[i] = EMPTY(rows);
        gx[i] = EMPTY(rows, n), gw[i] = EMPTY(n), gb[i] = EMPTY(n);
        assert_true(b->layer_norm(&out[i], &mean[i], &rstd[i], &x, wt, bs, &p));
        assert_true(b->layer_norm_grad(&gx[i], &gw[i], &gb[i], &grad, &x, &mean[i], &rstd[i], wt, &p));
    }
    close_to("layer_norm", &out[1], &out[0]);
    close_to("layer_norm_grad", &gx[1], &gx[0]);
    close_to("layer_norm_grad's weight", &gw[1], &gw[0]);
    close_to("layer_norm_grad's bias", &gb[1], &gb[0]);
}

static void layer_norms(void)
{
    check_layer_norm(1, 2, true);
    check_layer_norm(7, 13, true);
    check_layer_norm(33, 64, false);
    check_layer_norm(130, 37, true);
}

static void layer_norm_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(layer_norms);
}

static void check_batch_norm(int64_t n, int64_t c, int64_t h, int64_t w, bool training)
{
    array x = RANDOM(1, n, c, h, w), scale = RANDOM(2, c), shift = RANDOM(3, c), grad = RANDOM(4, n, c, h, w);
    array mean[2], var[2], out[2], gx[2], gw[2], gb[2];
    for (int i = 0; i < 2; i++) {
        const backend *b = i ? fast : reference;
        out[i] = EMPTY(n, c, h, w), mean[i] = EMPTY(c), var[i] = EMPTY(c);
        gx[i] = EMPTY(n, c, h, w), gw[i] = EMPTY(c), gb[i] = EMPTY(c);
        assert_true(b->batch_norm_stats(&mean[i], &var[i], &x));
        assert_true(b->batch_norm_apply(&out[i], &x, &mean[0], &scale, &shift));
        assert_true(b->batch_norm_grad(&gx[i], &gw[i], &gb[i], &grad, &x, &mean[0], &var[0], &scale, training));
    }
    close_to("batch_norm_stats' mean", &mean[1], &mean[0]);
    close_to("batch_norm_stats' variance", &var[1], &var[0]);
    close_to("batch_norm_apply", &out[1], &out[0]);
    close_to("batch_norm_grad", &gx[1], &gx[0]);
    close_to("batch_norm_grad's weight", &gw[1], &gw[0]);
    close_to("batch_norm_grad's bias", &gb[1], &gb[0]);
}

static void batch_norms(void)
{
    check_batch_norm(1, 1, 1, 2, true);
    check_batch_norm(3, 5, 4, 3, true);
    check_batch_norm(2, 32, 9, 9, false);
    check_batch_norm(5, 24, 16, 17, true);
}

static void batch_norm_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(batch_norms);
}

/* ---- pools, resampling, padding ---- */

/* 2 x 3 elements, two rows and three columns apart, of which the padding hides some. */
static void dilated_max_pool(void)
{
    pool_params p = {.spatial = 2, .kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 1}, .dilation = {2, 3}};
    array x = RANDOM(1, 2, 5, 9, 20), out[2];
    arrays_set(&x, 77, NAN);
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(2, 5, 9, 8);
        assert_true((i ? fast : reference)->max_pool(&out[i], NULL, &x, &p));
    }
    arrays_expect_same("dilated max_pool", &out[1], &out[0]);
}

static void a_dilated_max_pool_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(dilated_max_pool);
}

static void check_pools(int64_t n, int64_t c, int64_t h, int64_t w, int64_t kernel, int64_t stride, int64_t padding,
                        bool ceil_mode)
{
    pool_params p = {.spatial = 2, .kernel = {kernel, kernel}, .stride = {stride, stride}, .dilation = {1, 1}};
    p.padding[0] = p.padding[1] = padding;
    int64_t up = ceil_mode ? stride - 1 : 0;
    int64_t oh = (h + 2 * padding - kernel + up) / stride + 1, ow = (w + 2 * padding - kernel + up) / stride + 1;
    if ((oh - 1) * stride >= h + padding) oh--;
    if ((ow - 1) * stride >= w + padding) ow--;
    array x = RANDOM(1, n, c, h, w), grad = RANDOM(2, n, c, oh, ow), out[2], index[2], gx[2];
    arrays_set(&x, arrays_count(&x) / 2, NAN);
    for (int i = 0; i < 2; i++) {
        const backend *b = i ? fast : reference;
        out[i] = EMPTY(n, c, oh, ow), gx[i] = EMPTY(n, c, h, w), index[i] = ARRAY(TSR_I64, layout, n, c, oh, ow);
        assert_true(b->max_pool(&out[i], &index[i], &x, &p));
        assert_true(b->max_pool_grad(&gx[i], &grad, &index[i], &p));
    }
    arrays_expect_same("max_pool", &out[1], &out[0]);
    arrays_expect_same("max_pool's index", &index[1], &index[0]);
    array alone = EMPTY(n, c, oh, ow);
    assert_true(fast->max_pool(&alone, NULL, &x, &p));
    arrays_expect_same("max_pool without an index", &alone, &out[0]);
    close_to("max_pool_grad", &gx[1], &gx[0]);
    arrays_set(&x, arrays_count(&x) / 2, 1);
    for (int include = 0; include < 2; include++) {
        p.count_include_pad = include;
        for (int i = 0; i < 2; i++) {
            assert_true((i ? fast : reference)->avg_pool(&out[i], &x, &p));
            assert_true((i ? fast : reference)->avg_pool_grad(&gx[i], &grad, &p));
        }
        close_to("avg_pool", &out[1], &out[0]);
        close_to("avg_pool_grad", &gx[1], &gx[0]);
    }
    for (int i = 0; i < 2; i++) {
        assert_true((i ? fast : reference)->adaptive_avg_pool(&out[i], &x));
        assert_true((i ? fast : reference)->adaptive_avg_pool_grad(&gx[i], &grad));
    }
    close_to("adaptive_avg_pool", &out[1], &out[0]);
    close_to("adaptive_avg_pool_grad", &gx[1], &gx[0]);
}

static void pools(void)
{
    check_pools(1, 1, 2, 2, 2, 2, 0, false);
    check_pools(2, 3, 7, 6, 3, 2, 1, true);
    check_pools(1, 19, 8, 8, 2, 2, 0, false);
    check_pools(2, 64, 5, 6, 3, 1, 1, false);
}

static void pools_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(pools);
}

static void check_interpolate(int mode, bool align, int64_t c, int64_t h, int64_t w, int64_t oh, int64_t ow)
{
    interp_params p = {.mode = mode, .spatial = 2, .align_corners = align};
    array x = RANDOM(1, 2, c, h, w), grad = RANDOM(2, 2, c, oh, ow), out[2], gx[2];
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(2, c, oh, ow), gx[i] = EMPTY(2, c, h, w);
        assert_true((i ? fast : reference)->interpolate(&out[i], &x, &p));
        assert_true((i ? fast : reference)->interpolate_grad(&gx[i], &grad, &p));
    }
    close_to("interpolate", &out[1], &out[0]);
    close_to("interpolate_grad", &gx[1], &gx[0]);
}

static void interpolations(void)
{
    for (int mode = INTERP_NEAREST; mode <= INTERP_AREA; mode++) {
        check_interpolate(mode, false, 3, 4, 5, 8, 10);
        check_interpolate(mode, false, 35, 5, 7, 3, 11);
        check_interpolate(mode, false, 8, 40, 38, 2, 1);
    }
    check_interpolate(INTERP_LINEAR, true, 16, 4, 5, 9, 3);
    check_interpolate(INTERP_BICUBIC, true, 5, 4, 5, 1, 6);
}

static void resampling_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(interpolations);
}

static void check_pad(pad_mode mode, int64_t c, int64_t h, int64_t w, int64_t low, int64_t high)
{
    int64_t before[4] = {0, 0, low, high};
    array x = RANDOM(1, 2, c, h, w), out[2], gx[2], grad = RANDOM(2, 2, c, h + low + high, w + low + high);
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(2, c, h + low + high, w + low + high), gx[i] = EMPTY(2, c, h, w);
        assert_true((i ? fast : reference)->pad(&out[i], &x, before, mode, 0.25));
        assert_true((i ? fast : reference)->pad_grad(&gx[i], &grad, before, mode));
    }
    arrays_expect_same("pad", &out[1], &out[0]);
    close_to("pad_grad", &gx[1], &gx[0]);
}

static void paddings(void)
{
    check_pad(PAD_CONSTANT, 3, 4, 5, 1, 2);
    check_pad(PAD_CONSTANT, 17, 4, 5, 0, 1);
    check_pad(PAD_CONSTANT, 2, 6, 5, -1, 2);
    check_pad(PAD_CONSTANT, 2, 6, 5, -4, 3);
    check_pad(PAD_REFLECT, 3, 4, 5, 2, 1);
    check_pad(PAD_CIRCULAR, 3, 4, 5, 1, 2);
    check_pad(PAD_REPLICATE, 3, 4, 5, 3, 6);
    check_pad(PAD_REFLECT, 2, 6, 5, -1, 2);
}

static void padding_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(paddings);
}

static void integers_are_padded_too(void **state)
{
    (void)state;
    array x = ARRAY(TSR_I64, LAYOUT_ROWS, 2), out = ARRAY(TSR_I64, LAYOUT_ROWS, 4);
    int64_t before[1] = {1};
    arrays_set(&x, 0, 5);
    arrays_set(&x, 1, 6);
    assert_true(backend_of(TSR_CPU)->pad(&out, &x, before, PAD_CONSTANT, -3));
    assert_int_equal((int)arrays_get(&out, 0), -3);
    assert_int_equal((int)arrays_get(&out, 1), 5);
    assert_int_equal((int)arrays_get(&out, 2), 6);
    assert_int_equal((int)arrays_get(&out, 3), -3);
    arrays_free();
}

/* ---- attention, nearest, Adam ---- */

static void check_attention(int64_t n, int64_t heads, int64_t queries, int64_t keys, int64_t e, int64_t v_width,
                            bool causal, bool masked)
{
    attention_params p = {.scale = 0.3, .causal = causal};
    array q = RANDOM(1, n, heads, queries, e), k = RANDOM(2, n, heads, keys, e), v = RANDOM(3, n, heads, keys, v_width);
    array mask = RANDOM(4, n, heads, queries, keys), out[2], lse[2];
    for (int64_t i = 0; i < arrays_count(&mask); i += 5) arrays_set(&mask, i, -INFINITY);
    mask.stride[1] = 0;
    for (int i = 0; i < 2; i++) {
        out[i] = EMPTY(n, heads, queries, v_width), lse[i] = EMPTY(n, heads, queries);
        assert_true((i ? fast : reference)->attention(&out[i], &lse[i], &q, &k, &v, masked ? &mask : NULL, &p));
    }
    close_to("attention", &out[1], &out[0]);
    close_to("attention's lse", &lse[1], &lse[0]);
    array grad = RANDOM(5, n, heads, queries, v_width), gq[2], gk[2], gv[2];
    for (int i = 0; i < 2; i++) {
        gq[i] = EMPTY(n, heads, queries, e), gk[i] = EMPTY(n, heads, keys, e), gv[i] = EMPTY(n, heads, keys, v_width);
        assert_true(
            (i ? fast : reference)
                ->attention_grad(&gq[i], &gk[i], &gv[i], &grad, &lse[0], &q, &k, &v, masked ? &mask : NULL, &p));
    }
    close_to("attention_grad, query", &gq[1], &gq[0]);
    close_to("attention_grad, key", &gk[1], &gk[0]);
    close_to("attention_grad, value", &gv[1], &gv[0]);
    assert_true(fast->attention_grad(NULL, &gk[1], NULL, &grad, &lse[0], &q, &k, &v, masked ? &mask : NULL, &p));
    close_to("attention_grad, key alone", &gk[1], &gk[0]);
}

static void attentions(void)
{
    check_attention(1, 1, 1, 1, 1, 1, false, false);
    check_attention(2, 3, 5, 7, 6, 9, false, true);
    check_attention(1, 2, 70, 70, 16, 16, true, false);
    check_attention(2, 2, 1, 37, 24, 24, false, false);
    check_attention(1, 2, 35, 20, 8, 12, true, true);
}

static void attention_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(attentions);
}

static void blind_rows(void)
{
    attention_params p = {.scale = 1};
    array q = RANDOM(1, 1, 1, 4, 3), k = RANDOM(2, 1, 1, 5, 3), v = RANDOM(3, 1, 1, 5, 2), mask = EMPTY(1, 1, 4, 5);
    array out = EMPTY(1, 1, 4, 2), lse = EMPTY(1, 1, 4);
    for (int64_t i = 5; i < 10; i++) arrays_set(&mask, i, -INFINITY); /* query 1 */
    for (int i = 0; i < 2; i++) {
        assert_true((i ? fast : reference)->attention(&out, &lse, &q, &k, &v, &mask, &p));
        assert_true(arrays_get(&out, 2) == 0 && arrays_get(&out, 3) == 0);
        assert_true(isinf(arrays_get(&lse, 1)) && arrays_get(&lse, 1) > 0);
        assert_true(isfinite(arrays_get(&lse, 0)) && isfinite(arrays_get(&out, 4)));
    }
}

static void a_query_that_sees_no_key_gets_zeros(void **state)
{
    (void)state;
    everywhere(blind_rows);
}

/* Near ties may fall differently; then both distances agree to rounding. */
static void check_nearest(int64_t rows, int64_t d, int64_t codes)
{
    array x = RANDOM(1, rows, d), e = RANDOM(2, codes, d);
    array want = ARRAY(TSR_I64, layout, rows), got = ARRAY(TSR_I64, layout, rows);
    assert_true(reference->nearest(&want, &x, &e));
    assert_true(fast->nearest(&got, &x, &e));
    for (int64_t i = 0; i < rows; i++) {
        double distance[2] = {0};
        for (int which = 0; which < 2; which++)
            for (int64_t k = 0; k < d; k++) {
                int64_t code = (int64_t)arrays_get(which ? &got : &want, i);
                distance[which] += pow(arrays_get(&x, i * d + k) - arrays_get(&e, code * d + k), 2);
            }
        assert_true(fabs(distance[0] - distance[1]) <= 1e-5 * (1 + distance[0]));
    }
}

static void nearests(void)
{
    check_nearest(1, 1, 1);
    check_nearest(7, 5, 3);
    check_nearest(50, 64, 100);
    check_nearest(29, 33, 257);
    check_nearest(100, 33, 257);
}

static void nearest_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(nearests);
}

/* Every code occurs five times, at other places of vectors and panels. */
static void equal_codes(void)
{
    array x = RANDOM(1, 40, 19), e = EMPTY(5 * 37, 19), index = ARRAY(TSR_I64, layout, 40);
    array distinct = RANDOM(2, 37, 19);
    for (int64_t i = 0; i < arrays_count(&e); i++)
        arrays_set(&e, i, arrays_get(&distinct, i % arrays_count(&distinct)));
    assert_true(fast->nearest(&index, &x, &e));
    for (int64_t i = 0; i < 40; i++) assert_true(arrays_get(&index, i) < 37);
}

static void of_equal_codes_the_first_is_nearest(void **state)
{
    (void)state;
    everywhere(equal_codes);
}

static void nan_rows(void)
{
    array x = RANDOM(1, 3, 4), e = RANDOM(2, 30, 4), index = ARRAY(TSR_I64, layout, 3);
    arrays_set(&x, 4, NAN);
    for (int i = 0; i < 2; i++) {
        assert_true((i ? fast : reference)->nearest(&index, &x, &e));
        assert_int_equal((int)arrays_get(&index, 1), 0);
    }
}

static void a_row_of_nan_is_nearest_to_the_first_code(void **state)
{
    (void)state;
    everywhere(nan_rows);
}

static void check_adam(int64_t n, adam_params p, bool amsgrad)
{
    array_layout kept = layout;
    layout = LAYOUT_ROWS;
    array grad = RANDOM(1, n), s[2][4];
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 4; k++) {
            s[i][k] = RANDOM((uint64_t)(2 + k), n);
            for (int64_t j = 0; k > 1 && j < n; j++) arrays_set(&s[i][k], j, fabs(arrays_get(&s[i][k], j)));
        }
        array *a = s[i];
        assert_true((i ? fast : reference)->adam_step(&a[0], &grad, &a[1], &a[2], amsgrad ? &a[3] : NULL, &p));
    }
    for (int k = 0; k < 4; k++) close_to("adam_step", &s[1][k], &s[0][k]);
    layout = kept;
}

static void adams(void)
{
    adam_params p = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .bias1 = 0.1, .bias2 = 0.01};
    check_adam(1, p, false);
    check_adam(37, p, false);
    check_adam(70000, p, false);
    p.weight_decay = 0.1;
    check_adam(37, p, true);
    p.decoupled = p.maximize = true;
    check_adam(64, p, true);
    check_adam(101, p, false);
}

static void adam_agrees_with_the_reference(void **state)
{
    (void)state;
    everywhere(adams);
}

/* ---- threads ---- */

static void same_bits(void)
{
    norm_params p = {.groups = 8, .eps = 1e-6, .silu = true};
    conv_params c = plain_conv(1, 1, 1, 1);
    interp_params up = {.mode = INTERP_NEAREST, .spatial = 2};
    array x = RANDOM(1, 3, 32, 24, 20), w = RANDOM(2, 32), b = RANDOM(3, 32), kernel = RANDOM(4, 32, 32, 3, 3);
    array out[4][9];
    if (layout == LAYOUT_GAPS) return;
    for (int run = 0; run < 4; run++) {
        array *o = out[run];
        tsr_set_num_threads(run < 3 ? run + 1 : 2);
        for (int i = 0; i < 3; i++) o[i] = EMPTY(3, 32, 24, 20);
        o[3] = EMPTY(3, 32, 48, 40), o[4] = EMPTY(3, 8), o[5] = EMPTY(3, 8), o[6] = EMPTY(32), o[7] = EMPTY(32);
        o[8] = EMPTY(32, 32, 3, 3);
        assert_true(fast->group_norm(&o[0], &o[4], &o[5], &x, &w, &b, &p));
        assert_true(fast->group_norm_grad(&o[1], &o[6], &o[7], &x, &x, &o[4], &o[5], &w, &b, &p));
        assert_true(fast->interpolate(&o[3], &x, &up));
        assert_true(fast->conv_forward(&o[2], &x, &kernel, &b, &c));
        assert_true(fast->conv_grad_weight(&o[8], &o[6], &x, &x, &c));
    }
    tsr_set_num_threads(0);
    for (int i = 0; i < 8; i++)
        if (i != 2 && i != 6) /* convolutions: below */
            for (int run = 1; run < 4; run++) arrays_expect_same("other threads", &out[run][i], &out[0][i]);
    for (int i = 0; i < 9; i++) arrays_expect_same("another run", &out[3][i], &out[1][i]);
}

static void results_do_not_depend_on_threads_nor_change_from_run_to_run(void **state)
{
    (void)state;
    everywhere(same_bits);
}

/* ---- memory ---- */

typedef struct fault_arrays {
    int which; /* kernel */
    array x, w, b, kernel, out, gk, gb, mean, rstd, gx, up, q, codes, index;
} fault_arrays;

static bool run_kernel(void *user)
{
    const fault_arrays *a = user;
    norm_params norm = {.groups = 4, .eps = 1e-6, .silu = true};
    conv_params conv = plain_conv(1, 1, 1, 1);
    interp_params up = {.mode = INTERP_LINEAR, .spatial = 2};
    attention_params attention = {.scale = 1};
    switch (a->which) {
    case 0:
        return fast->conv_forward(&a->out, &a->x, &a->kernel, &a->b, &conv);
    case 1:
        return fast->conv_grad_input(&a->gx, &a->out, &a->kernel, &conv);
    case 2:
        return fast->conv_grad_weight(&a->gk, &a->gb, &a->out, &a->x, &conv);
    case 3:
        return fast->group_norm(&a->out, &a->mean, &a->rstd, &a->x, &a->w, &a->b, &norm);
    case 4:
        return fast->group_norm_grad(&a->gx, &a->gb, NULL, &a->x, &a->x, &a->mean, &a->rstd, &a->w, &a->b, &norm);
    case 5:
        return fast->interpolate(&a->up, &a->x, &up);
    case 6:
        return fast->interpolate_grad(&a->gx, &a->up, &up);
    case 7:
        return fast->attention(&a->q, NULL, &a->q, &a->q, &a->q, NULL, &attention);
    default:
        return fast->nearest(&a->index, &a->codes, &a->codes);
    }
}

static void failing_memory(void)
{
    fault_arrays a = {.x = RANDOM(1, 2, 16, 12, 12), .w = RANDOM(2, 16), .b = RANDOM(3, 16)};
    a.kernel = RANDOM(4, 16, 16, 3, 3), a.out = RANDOM(5, 2, 16, 12, 12), a.gk = EMPTY(16, 16, 3, 3), a.gb = EMPTY(16);
    a.mean = EMPTY(2, 4), a.rstd = EMPTY(2, 4), a.gx = EMPTY(2, 16, 12, 12), a.up = EMPTY(2, 16, 20, 24);
    a.q = RANDOM(6, 1, 2, 40, 8), a.codes = RANDOM(7, 9, 5), a.index = ARRAY(TSR_I64, layout, 9);
    for (a.which = 0; a.which <= 8; a.which++) faults_expect_clean(run_kernel, &a);
}

static void a_kernel_without_memory_says_so_and_keeps_nothing(void **state)
{
    (void)state;
    tsr_set_num_threads(1);
    everywhere(failing_memory);
    tsr_set_num_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_agrees_with_the_reference),
        cmocka_unit_test(group_norm_is_exact_when_the_mean_is_large),
        cmocka_unit_test(group_norm_with_silu_is_right_far_from_0),
        cmocka_unit_test(layer_norm_agrees_with_the_reference),
        cmocka_unit_test(a_dilated_max_pool_agrees_with_the_reference),
        cmocka_unit_test(batch_norm_agrees_with_the_reference),
        cmocka_unit_test(pools_agree_with_the_reference),
        cmocka_unit_test(resampling_agrees_with_the_reference),
        cmocka_unit_test(padding_agrees_with_the_reference),
        cmocka_unit_test(integers_are_padded_too),
        cmocka_unit_test(attention_agrees_with_the_reference),
        cmocka_unit_test(a_query_that_sees_no_key_gets_zeros),
        cmocka_unit_test(nearest_agrees_with_the_reference),
        cmocka_unit_test(of_equal_codes_the_first_is_nearest),
        cmocka_unit_test(a_row_of_nan_is_nearest_to_the_first_code),
        cmocka_unit_test(adam_agrees_with_the_reference),
        cmocka_unit_test(results_do_not_depend_on_threads_nor_change_from_run_to_run),
        cmocka_unit_test(a_kernel_without_memory_says_so_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
