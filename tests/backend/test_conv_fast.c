/* test_conv_fast.c: the fast convolutions and their gradients against the reference: channels, sizes and paddings that do and do
   not fill tiles and vectors, in every layout and tier of this machine; the same bits for any number of threads; and
   failing memory.

   The reference is slow. Its results are computed once for each shape, in f64 from numbers that f32 holds exactly, and serve
   every tier, layout and dtype. */
#include "layers_fast.h"
#include "support/faults.h"

/* Where a shape adds nothing to others. */
enum { NO_GAPS = 1, NO_F64 = 2 };

typedef struct conv_shape {
    int leaves_out;
    int64_t x[5], w[5], out[5];
    conv_params p;
} conv_shape;

typedef struct conv_arrays {
    array x, w, bias, grad;
    array out, out_plain, grad_x, grad_w, grad_bias;
} conv_arrays;

/* Set by check_conv for compare_conv. */
static conv_shape current;
static conv_arrays expected;

/* Random inputs, in the dtype and layout of the moment. */
static conv_arrays new_arrays(void)
{
    int ndim = 2 + current.p.spatial;
    conv_arrays a = {.x = random_array(1, ndim, current.x), .w = random_array(2, ndim, current.w)};
    a.bias = RANDOM(3, current.w[0]);
    a.grad = random_array(4, ndim, current.out);
    a.out = arrays_like(&a.grad, dtype, layout);
    a.out_plain = arrays_like(&a.grad, dtype, layout);
    a.grad_x = arrays_like(&a.x, dtype, layout);
    a.grad_w = arrays_like(&a.w, dtype, layout);
    a.grad_bias = arrays_like(&a.bias, dtype, layout);
    return a;
}

static void run_conv(const backend *b, const conv_arrays *a)
{
    assert_true(b->conv_forward(&a->out, &a->x, &a->w, &a->bias, &current.p));
    assert_true(b->conv_forward(&a->out_plain, &a->x, &a->w, NULL, &current.p));
    assert_true(b->conv_grad_input(&a->grad_x, &a->grad, &a->w, &current.p));
    assert_true(b->conv_grad_weight(&a->grad_w, &a->grad_bias, &a->grad, &a->x, &current.p));
}

static void compare_conv(void)
{
    if (layout == LAYOUT_GAPS && current.leaves_out & NO_GAPS) return;
    if (dtype == TSR_F64 && current.leaves_out & NO_F64) return;
    conv_arrays got = new_arrays();
    run_conv(fast, &got);
    close_to("conv_forward", &got.out, &expected.out);
    close_to("conv_forward without bias", &got.out_plain, &expected.out_plain);
    close_to("conv_grad_input", &got.grad_x, &expected.grad_x);
    close_to("conv_grad_weight", &got.grad_w, &expected.grad_w);
    close_to("conv_grad_weight's bias", &got.grad_bias, &expected.grad_bias);
}

/* Of inputs of `size` and weights of `taps`, one number for each dimension in space. */
static void check_conv_of(int leaves_out, int64_t n, int64_t c, int64_t k, const int64_t *size, conv_params p,
                          const int64_t *taps)
{
    current = (conv_shape){.leaves_out = leaves_out, .x = {n, c}, .w = {k, c / p.groups}, .out = {n, k}, .p = p};
    for (int d = 0; d < p.spatial; d++) {
        current.x[2 + d] = size[d];
        current.w[2 + d] = taps[d];
        current.out[2 + d] = (size[d] + 2 * p.padding[d] - p.dilation[d] * (taps[d] - 1) - 1) / p.stride[d] + 1;
    }
    find_reference();
    dtype = TSR_F64;
    layout = LAYOUT_ROWS;
    expected = new_arrays();
    run_conv(reference, &expected);
    everywhere(compare_conv);
    arrays_free();
}

static void check_conv(int leaves_out, int64_t n, int64_t c, int64_t k, int64_t h, int64_t w, conv_params p, int64_t r,
                       int64_t s)
{
    check_conv_of(leaves_out, n, c, k, (int64_t[]){h, w}, p, (int64_t[]){r, s});
}

static void convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    check_conv(0, 1, 1, 1, 1, 1, plain_conv(1, 0, 1, 1), 1, 1);
    check_conv(0, 2, 3, 5, 6, 7, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(0, 1, 16, 8, 9, 5, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(0, 2, 8, 4, 7, 7, plain_conv(1, 2, 2, 2), 3, 3);
    check_conv(0, 1, 6, 6, 5, 8, plain_conv(1, 1, 1, 6), 3, 3);
    check_conv(0, 1, 9, 6, 5, 8, plain_conv(3, 0, 1, 3), 2, 3);
    check_conv(0, 2, 17, 19, 4, 5, plain_conv(1, 0, 1, 1), 1, 1);
}

/* Three by three, stride 1: channels and sizes that do and do not fill tiles and vectors. */
static void three_by_three_convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    check_conv(NO_GAPS, 1, 16, 16, 8, 8, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS, 2, 32, 16, 7, 9, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS, 1, 16, 48, 1, 3, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS, 1, 24, 20, 6, 5, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS, 1, 32, 64, 10, 6, plain_conv(1, 0, 1, 1), 3, 3);
    check_conv(NO_GAPS, 3, 64, 32, 5, 5, plain_conv(1, 2, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 2, 32, 64, 14, 13, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 3, 16, 40, 11, 12, plain_conv(1, 0, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 13, 16, 16, 4, 4, plain_conv(1, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 14, 112, 20, 4, 3, plain_conv(1, 1, 1, 1), 3, 3); /* in two chunks of 7 tiles */
    check_conv(NO_GAPS | NO_F64, 4, 128, 64, 8, 8, plain_conv(1, 1, 1, 1), 3, 3);  /* few tiles, many channels */
}

/* Winograd's way too, with tiles of 3x3; the last two by oneDNN. */
static void four_by_four_convolutions_agree_with_the_reference(void **state)
{
    (void)state;
    check_conv(0, 1, 16, 16, 9, 9, plain_conv(1, 1, 1, 1), 4, 4);
    check_conv(0, 2, 32, 16, 8, 10, plain_conv(1, 0, 1, 1), 4, 4);
    check_conv(0, 3, 24, 20, 7, 6, plain_conv(1, 2, 1, 1), 4, 4);
    check_conv(0, 2, 17, 1, 16, 15, plain_conv(1, 1, 1, 1), 4, 4);
    check_conv(0, 3, 16, 40, 11, 12, plain_conv(1, 3, 1, 1), 4, 4);
    check_conv(0, 4, 128, 64, 8, 8, plain_conv(1, 1, 1, 1), 4, 4); /* few tiles, many channels */
    check_conv(0, 2, 32, 32, 12, 12, plain_conv(1, 4, 1, 1), 4, 4);
    check_conv(0, 2, 32, 32, 12, 12, plain_conv(1, 1, 1, 1), 4, 3);
}

/* Stride 2 by Winograd's algorithm over the phases; 5x5 outputs, and some inputs' gradients, by oneDNN. */
static void four_by_four_convolutions_with_stride_two_agree_with_the_reference(void **state)
{
    (void)state;
    check_conv(NO_F64, 2, 16, 17, 16, 16, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(NO_F64, 3, 32, 32, 16, 18, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 3, 40, 36, 15, 16, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 3, 32, 48, 18, 16, plain_conv(2, 0, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 3, 33, 32, 12, 14, plain_conv(2, 2, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 4, 32, 32, 12, 12, plain_conv(2, 3, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 1, 32, 33, 33, 32, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 3, 72, 64, 16, 16, plain_conv(2, 1, 1, 1), 4, 4); /* few tiles, many channels */
    check_conv(NO_GAPS | NO_F64, 3, 32, 32, 30, 31, plain_conv(2, 1, 1, 1), 4, 4); /* more tiles than outputs */
    check_conv(NO_GAPS | NO_F64, 3, 32, 32, 10, 10, plain_conv(2, 1, 1, 1), 4, 4);
    /* The gradient too: its phases have 12, 18, 18 and 27 tiles. */
    check_conv(NO_GAPS | NO_F64, 3, 32, 128, 17, 17, plain_conv(2, 1, 1, 1), 4, 4);
}

static void three_by_three_convolutions_with_stride_two_agree_with_the_reference(void **state)
{
    (void)state;
    check_conv(NO_F64, 2, 16, 17, 17, 17, plain_conv(2, 0, 1, 1), 3, 3);
    check_conv(NO_F64, 3, 32, 40, 16, 16, plain_conv(2, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 3, 48, 33, 16, 15, plain_conv(2, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 3, 36, 32, 16, 16, plain_conv(2, 2, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 1, 35, 32, 32, 30, plain_conv(2, 1, 1, 1), 3, 3);
    check_conv(NO_GAPS | NO_F64, 3, 72, 64, 16, 16, plain_conv(2, 1, 1, 1), 3, 3); /* few tiles, many channels */
    check_conv(NO_GAPS | NO_F64, 3, 32, 32, 32, 31, plain_conv(2, 1, 1, 1), 3, 3); /* more tiles than outputs */
}

/* The micro-kernel takes 8. 25 tiles, also of each phase of the gradient, are 9, 9 and 7 to three threads. */
static void chunks_of_seven_tiles_agree_with_the_reference(void **state)
{
    (void)state;
    tsr_set_num_threads(3);
    check_conv(NO_F64, 1, 32, 32, 34, 34, plain_conv(2, 1, 1, 1), 4, 4);
    check_conv(NO_GAPS | NO_F64, 1, 32, 32, 34, 34, plain_conv(2, 1, 1, 1), 3, 3);
    tsr_set_num_threads(0);
}

static void convolutions_of_one_and_three_dimensions_agree_with_the_reference(void **state)
{
    (void)state;
    conv_params p1 = {.spatial = 1, .stride = {2}, .padding = {1}, .dilation = {1}, .groups = 1};
    conv_params p3 = {.spatial = 3, .stride = {1, 2, 1}, .padding = {1, 0, 1}, .dilation = {1, 1, 1}, .groups = 1};
    check_conv_of(0, 2, 4, 5, (int64_t[]){9}, p1, (int64_t[]){3});
    check_conv_of(0, 1, 3, 2, (int64_t[]){4, 5, 3}, p3, (int64_t[]){2, 2, 3});
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

typedef struct strided_call {
    int which; /* kernel */
    array x, w, grad;
} strided_call;

static bool run_strided(void *user)
{
    const strided_call *c = user;
    conv_params p = plain_conv(2, 1, 1, 1);
    if (c->which == 0) return fast->conv_forward(&c->grad, &c->x, &c->w, NULL, &p);
    if (c->which == 1) return fast->conv_grad_input(&c->x, &c->grad, &c->w, &p);
    return fast->conv_grad_weight(&c->w, NULL, &c->grad, &c->x, &p);
}

static void failing_memory(void)
{
    strided_call c = {.x = RANDOM(1, 3, 32, 16, 16), .w = RANDOM(2, 32, 32, 4, 4), .grad = RANDOM(3, 3, 32, 8, 8)};
    for (c.which = 0; c.which < 3; c.which++) faults_expect_clean(run_strided, &c);
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
        cmocka_unit_test(four_by_four_convolutions_with_stride_two_agree_with_the_reference),
        cmocka_unit_test(three_by_three_convolutions_with_stride_two_agree_with_the_reference),
        cmocka_unit_test(chunks_of_seven_tiles_agree_with_the_reference),
        cmocka_unit_test(convolutions_of_one_and_three_dimensions_agree_with_the_reference),
        cmocka_unit_test(input_rows_that_no_window_reads_get_no_gradient),
        cmocka_unit_test(convolutions_of_no_pictures_give_zero_gradients),
        cmocka_unit_test(winograd_convolutions_do_not_depend_on_threads),
        cmocka_unit_test(a_strided_convolution_without_memory_says_so_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
