/* test_conv_fast.c: the fast convolutions and their gradients against the reference: channels, sizes and paddings that do and do
   not fill tiles and vectors, in every layout and tier of this machine; the same bits for any number of threads; and
   failing memory. */
#include "layers_fast.h"

static void check_conv(int64_t n, int64_t c, int64_t k, int64_t h, int64_t w, conv_params p, int64_t r, int64_t s)
{
    int64_t oh = (h + 2 * p.padding[0] - p.dilation[0] * (r - 1) - 1) / p.stride[0] + 1;
    int64_t ow = (w + 2 * p.padding[1] - p.dilation[1] * (s - 1) - 1) / p.stride[1] + 1;
    array x = RANDOM(1, n, c, h, w), weight = RANDOM(2, k, c / p.groups, r, s), bias = RANDOM(3, k);
    array grad = RANDOM(4, n, k, oh, ow), want = EMPTY(n, k, oh, ow), got = EMPTY(n, k, oh, ow);
    array want_x = EMPTY(n, c, h, w), got_x = EMPTY(n, c, h, w), want_b = EMPTY(k), got_b = EMPTY(k);
    array want_w = arrays_like(&weight, dtype, layout), got_w = arrays_like(&weight, dtype, layout);
    assert_true(reference->conv_forward(&want, &x, &weight, &bias, &p));
    assert_true(fast->conv_forward(&got, &x, &weight, &bias, &p));
    close_to("conv_forward", &got, &want);
    assert_true(reference->conv_forward(&want, &x, &weight, NULL, &p));
    assert_true(fast->conv_forward(&got, &x, &weight, NULL, &p));
    close_to("conv_forward without bias", &got, &want);
    assert_true(reference->conv_grad_input(&want_x, &grad, &weight, &p));
    assert_true(fast->conv_grad_input(&got_x, &grad, &weight, &p));
    close_to("conv_grad_input", &got_x, &want_x);
    assert_true(reference->conv_grad_weight(&want_w, &want_b, &grad, &x, &p));
    assert_true(fast->conv_grad_weight(&got_w, &got_b, &grad, &x, &p));
    close_to("conv_grad_weight", &got_w, &want_w);
    close_to("conv_grad_weight's bias", &got_b, &want_b);
}

static void convolutions(void)
{
    check_conv(1, 1, 1, 1, 1, plain_conv(1, 0, 1, 1), 1, 1);
    check_conv(2, 3, 5, 6, 7, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(1, 16, 8, 9, 5, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(2, 8, 4, 7, 7, plain_conv(1, 2, 2, 2), 3, 3);
    check_conv(1, 6, 6, 5, 8, plain_conv(1, 1, 1, 6), 3, 3);
    check_conv(1, 9, 6, 5, 8, plain_conv(3, 0, 1, 3), 2, 3);
    check_conv(2, 17, 19, 4, 5, plain_conv(1, 0, 1, 1), 1, 1);
}

static void convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(convolutions);
}

/* Three by three, stride 1: channels and sizes that do and do not fill tiles and vectors. */
static void three_by_three(void)
{
    if (layout == LAYOUT_GAPS) return;
    check_conv(1, 16, 16, 8, 8, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(2, 32, 16, 7, 9, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(1, 16, 48, 1, 3, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(1, 24, 20, 6, 5, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(1, 32, 64, 10, 6, plain_conv(1, 0, 1, 1), 3, 3);
    check_conv(3, 64, 32, 5, 5, plain_conv(1, 2, 1, 1), 3, 3);
    if (dtype == TSR_F64) return;
    check_conv(2, 32, 64, 14, 13, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(3, 16, 40, 11, 12, plain_conv(1, 0, 1, 1), 3, 3);
    check_conv(13, 16, 16, 4, 4, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(14, 112, 20, 4, 3, plain_conv(1, 1, 1, 1), 3, 3); /* in two chunks of 7 tiles */
    check_conv(4, 128, 64, 8, 8, plain_conv(1, 1, 1, 1), 3, 3);  /* few tiles, many channels */
}

static void three_by_three_convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(three_by_three);
}

/* Winograd's way too, with tiles of 3x3; the last two by oneDNN. */
static void four_by_four(void)
{
    check_conv(1, 16, 16, 9, 9, plain_conv(1, 1, 1, 1), 4, 4);
    check_conv(2, 32, 16, 8, 10, plain_conv(1, 0, 1, 1), 4, 4);
    check_conv(3, 24, 20, 7, 6, plain_conv(1, 2, 1, 1), 4, 4);
    check_conv(2, 17, 1, 16, 15, plain_conv(1, 1, 1, 1), 4, 4);
    check_conv(3, 16, 40, 11, 12, plain_conv(1, 3, 1, 1), 4, 4);
    check_conv(4, 128, 64, 8, 8, plain_conv(1, 1, 1, 1), 4, 4); /* few tiles, many channels */
    check_conv(2, 32, 32, 12, 12, plain_conv(1, 4, 1, 1), 4, 4);
    check_conv(2, 32, 32, 12, 12, plain_conv(1, 1, 1, 1), 4, 3);
}

static void four_by_four_convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(four_by_four);
}

/* Stride 2 by Winograd's algorithm over the phases; 5x5 outputs, and some inputs' gradients, by oneDNN. */
static void strided(void)
{
    if (dtype == TSR_F64) return;
    check_conv(2, 16, 17, 16, 16, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(3, 32, 32, 16, 18, plain_conv(2, 1, 1, 1), 4, 4);
    if (layout == LAYOUT_GAPS) return;
    check_conv(3, 40, 36, 15, 16, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(3, 32, 48, 18, 16, plain_conv(2, 0, 1, 1), 4, 4);
    check_conv(3, 33, 32, 12, 14, plain_conv(2, 2, 1, 1), 4, 4);
    check_conv(4, 32, 32, 12, 12, plain_conv(2, 3, 1, 1), 4, 4);
    check_conv(1, 32, 33, 33, 32, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(3, 72, 64, 16, 16, plain_conv(2, 1, 1, 1), 4, 4); /* few tiles, many channels */
    check_conv(3, 32, 32, 30, 31, plain_conv(2, 1, 1, 1), 4, 4); /* more tiles than outputs */
    check_conv(3, 32, 32, 10, 10, plain_conv(2, 1, 1, 1), 4, 4);
}

static void strided_by_three(void)
{
    if (dtype == TSR_F64) return;
    check_conv(2, 16, 17, 17, 17, plain_conv(2, 0, 1, 1), 3, 3);
    check_conv(3, 32, 40, 16, 16, plain_conv(2, 1, 1, 1), 3, 3);
    if (layout == LAYOUT_GAPS) return;
    check_conv(3, 48, 33, 16, 15, plain_conv(2, 1, 1, 1), 3, 3);
    check_conv(3, 36, 32, 16, 16, plain_conv(2, 2, 1, 1), 3, 3);
    check_conv(1, 35, 32, 32, 30, plain_conv(2, 1, 1, 1), 3, 3);
    check_conv(3, 72, 64, 16, 16, plain_conv(2, 1, 1, 1), 3, 3); /* few tiles, many channels */
    check_conv(3, 32, 32, 32, 31, plain_conv(2, 1, 1, 1), 3, 3); /* more tiles than outputs */
}

static void convolutions_with_stride_two_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(strided);
    everywhere(strided_by_three);
}

static void conv_of_one_and_three_dimensions(void)
{
    conv_params p1 = {.spatial = 1, .stride = {2}, .padding = {1}, .dilation = {1}, .groups = 1};
    conv_params p3 = {.spatial = 3, .stride = {1, 2, 1}, .padding = {1, 0, 1}, .dilation = {1, 1, 1}, .groups = 1};
    array x1 = RANDOM(1, 2, 4, 9), w1 = RANDOM(2, 5, 4, 3), want1 = EMPTY(2, 5, 5), got1 = EMPTY(2, 5, 5);
    assert_true(reference->conv_forward(&want1, &x1, &w1, NULL, &p1));
    assert_true(fast->conv_forward(&got1, &x1, &w1, NULL, &p1));
    close_to("conv1d", &got1, &want1);
    array x3 = RANDOM(3, 1, 3, 4, 5, 3), w3 = RANDOM(4, 2, 3, 2, 2, 3);
    array want3 = EMPTY(1, 2, 5, 2, 3), got3 = EMPTY(1, 2, 5, 2, 3);
    assert_true(reference->conv_forward(&want3, &x3, &w3, NULL, &p3));
    assert_true(fast->conv_forward(&got3, &x3, &w3, NULL, &p3));
    close_to("conv3d", &got3, &want3);
}

static void convolutions_of_one_and_three_dimensions_agree_with_the_reference(void **state)
{
    (void)state;
    everywhere(conv_of_one_and_three_dimensions);
}

/* A transposed convolution's output may have rows that no window reads: their gradient is 0. */
static void check_uncovered(int64_t n, int64_t channels, int64_t h, int64_t taps)
{
    conv_params p = plain_conv(2, 1, 1, 1);
    int64_t size = 2 * (h - 1) + taps - 1;
    array grad = RANDOM(1, n, channels, h, h), w = RANDOM(2, channels, 2 * channels, taps, taps);
    array want = EMPTY(n, 2 * channels, size, size), got = EMPTY(n, 2 * channels, size, size);
    assert_true(reference->conv_grad_input(&want, &grad, &w, &p));
    assert_true(fast->conv_grad_input(&got, &grad, &w, &p));
    close_to("conv_grad_input with output padding", &got, &want);
}

static void uncovered_rows(void)
{
    check_uncovered(1, 4, 3, 3);
    check_uncovered(4, 32, 7, 3);
    check_uncovered(4, 32, 8, 4);
}

static void input_rows_that_no_window_reads_get_no_gradient(void **state)
{
    (void)state;
    everywhere(uncovered_rows);
}

static void no_pictures(void)
{
    conv_params p = plain_conv(1, 1, 1, 1);
    array x = EMPTY(0, 3, 4, 4), grad = EMPTY(0, 2, 4, 4), gw = RANDOM(1, 2, 3, 3, 3), gb = RANDOM(2, 2);
    array w = RANDOM(3, 2, 3, 3, 3), zero_w = EMPTY(2, 3, 3, 3), zero_b = EMPTY(2);
    assert_true(fast->conv_forward(&grad, &x, &w, NULL, &p));
    assert_true(fast->conv_grad_input(&x, &grad, &w, &p));
    assert_true(fast->conv_grad_weight(&gw, &gb, &grad, &x, &p));
    close_to("grad_weight of no pictures", &gw, &zero_w);
    close_to("grad_bias of no pictures", &gb, &zero_b);
}

static void convolutions_of_no_pictures_give_zero_gradients(void **state)
{
    (void)state;
    everywhere(no_pictures);
}

/* ---- threads and memory ---- */

static void same_bits(void)
{
    conv_params p[2] = {plain_conv(1, 1, 1, 1), plain_conv(2, 1, 1, 1)};
    if (layout == LAYOUT_GAPS || dtype == TSR_F64) return;
    for (int i = 0; i < 4; i++) {
        int64_t taps = 3 + i / 2, side = (24 + 2 - taps) / p[i % 2].stride[0] + 1;
        array x = RANDOM(1, 3, 32, 24, 24), w = RANDOM(2, 48, 32, taps, taps), grad = RANDOM(3, 3, 48, side, side);
        array out[3], gx[3], gw[3];
        for (int run = 0; run < 3; run++) {
            out[run] = EMPTY(3, 48, side, side), gx[run] = EMPTY(3, 32, 24, 24), gw[run] = EMPTY(48, 32, taps, taps);
            tsr_set_num_threads(run + 1);
            assert_true(fast->conv_forward(&out[run], &x, &w, NULL, &p[i % 2]));
            assert_true(fast->conv_grad_input(&gx[run], &grad, &w, &p[i % 2]));
            assert_true(fast->conv_grad_weight(&gw[run], NULL, &grad, &x, &p[i % 2]));
            arrays_expect_same("forward, other threads", &out[run], &out[0]);
            arrays_expect_same("gradient of the input, other threads", &gx[run], &gx[0]);
            arrays_expect_same("gradient of the weights, other threads", &gw[run], &gw[0]);
        }
    }
    tsr_set_num_threads(0);
}

static void winograd_convolutions_do_not_depend_on_threads(void **state)
{
    (void)state;
    everywhere(same_bits);
}

static bool run_strided(int which, const array *x, const array *w, const array *grad)
{
    conv_params p = plain_conv(2, 1, 1, 1);
    if (which == 0) return fast->conv_forward(grad, x, w, NULL, &p);
    if (which == 1) return fast->conv_grad_input(x, grad, w, &p);
    return fast->conv_grad_weight(w, NULL, grad, x, &p);
}

static void failing_memory(void)
{
    array x = RANDOM(1, 3, 32, 16, 16), w = RANDOM(2, 32, 32, 4, 4), grad = RANDOM(3, 3, 32, 8, 8);
    for (int which = 0; which < 3; which++) {
        bool failed = true;
        for (int64_t nth = 1; failed; nth++) {
            run_strided(which, &x, &w, &grad); /* so that caches of primitives are filled */
            int64_t before = tsr_memory_get_stats().current;
            tsr_alloc_fail_at(nth);
            bool ok = run_strided(which, &x, &w, &grad);
            failed = tsr_alloc_failed();
            tsr_alloc_fail_at(0);
            assert_true(ok == !failed);
            assert_true(failed == (tsr_error_status() == TSR_ENOMEM));
            assert_true(tsr_memory_get_stats().current == before);
            tsr_error_clear();
        }
    }
}

static void a_strided_convolution_without_memory_says_so_and_keeps_nothing(void **state)
{
    (void)state;
    tsr_set_num_threads(1);
    everywhere(failing_memory);
    tsr_set_num_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_agree_with_the_reference),
        cmocka_unit_test(three_by_three_convolutions_agree_with_the_reference),
        cmocka_unit_test(four_by_four_convolutions_agree_with_the_reference),
        cmocka_unit_test(convolutions_with_stride_two_agree_with_the_reference),
        cmocka_unit_test(convolutions_of_one_and_three_dimensions_agree_with_the_reference),
        cmocka_unit_test(input_rows_that_no_window_reads_get_no_gradient),
        cmocka_unit_test(convolutions_of_no_pictures_give_zero_gradients),
        cmocka_unit_test(winograd_convolutions_do_not_depend_on_threads),
        cmocka_unit_test(a_strided_convolution_without_memory_says_so_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
