/* The profiler: what is counted for which call, what lies inside what, and the trace file. Operation counts are the formulas
   of the kernels' loops, worked out beside each test. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "support/temp_folder.h"
#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/ops.h"
#include "tessera/profile.h"

static int begin(void **state)
{
    int failed = tensors_begin(state);
    tsr_profile_start();
    return failed;
}

static int end(void **state)
{
    tsr_profile_clear();
    return tensors_end(state);
}

static tsr_tensor *ones(tsr_shape shape) { return tsr_ones(shape); }

/* The row of that name and kind; calls is 0 when there is none. */
static tsr_profile_row row_of(tsr_profile_kind kind, const char *name)
{
    tsr_profile_row rows[64];
    int64_t n = tsr_profile_rows(rows, 64);
    assert_true(n <= 64);
    for (int64_t i = 0; i < n; i++)
        if (rows[i].kind == kind && !strcmp(rows[i].name, name)) return rows[i];
    return (tsr_profile_row){.name = "", .calls = 0};
}
static tsr_profile_row op_row(const char *name) { return row_of(TSR_PROFILE_OPERATOR, name); }
static tsr_profile_row range_row(const char *name) { return row_of(TSR_PROFILE_RANGE, name); }

/* ---- what is counted -------------------------------------------------------------------------------------------------- */

/* Each of 3 x 5 results takes 4 multiplications and 4 additions. */
static void a_product_counts_calls_operations_and_bytes(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(3, 4)), *b = ones(TSR_SHAPE(4, 5));
    assert_non_null(tsr_mm(a, b));
    assert_non_null(tsr_mm(a, b));
    tsr_profile_row r = op_row("mm");
    assert_int_equal(r.calls, 2);
    assert_int_equal(r.flops, 2 * (2 * 3 * 5 * 4));
    assert_int_equal(r.bytes, 2 * 4 * (3 * 4 + 4 * 5 + 3 * 5));
    assert_true(r.total_s > 0);
    assert_true(r.self_s == r.total_s);
}

/* [2, 6, 5, 5] results, each from 2 channels of 3 x 3; the two derivatives are as many products. */
static void a_convolution_and_its_derivatives_count_the_same_operations(void **state)
{
    (void)state;
    int64_t each = 2 * (2 * 6 * 5 * 5) * (2 * 3 * 3);
    tsr_tensor *x = ones(TSR_SHAPE(2, 4, 5, 5)), *w = ones(TSR_SHAPE(6, 2, 3, 3));
    tsr_set_requires_grad(x, true);
    tsr_set_requires_grad(w, true);
    tsr_tensor *y = tsr_conv2d(x, w, .padding = {1, 1}, .groups = 2);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_int_equal(op_row("conv_forward").flops, each);
    assert_int_equal(op_row("conv_grad_input").flops, each);
    assert_int_equal(op_row("conv_grad_weight").flops, each);
    assert_int_equal(op_row("conv2d").flops, each);
    assert_int_equal(row_of(TSR_PROFILE_DERIVATIVE, "ConvForwardBackward0").flops, 2 * each);
    assert_int_equal(range_row("backward").flops, 2 * each);
}

/* A stride leaves out results, and so operations: [1, 2, 3, 3] from 1 channel of 3 x 3. */
static void strides_and_transposes_count_what_is_computed(void **state)
{
    (void)state;
    assert_non_null(tsr_conv2d(ones(TSR_SHAPE(1, 1, 7, 7)), ones(TSR_SHAPE(2, 1, 3, 3)), .stride = {2, 2}));
    assert_int_equal(op_row("conv_forward").flops, 2 * (2 * 3 * 3) * (3 * 3));
    /* each of the 2 x 3 x 3 inputs is spread over 1 channel of 3 x 3 */
    assert_non_null(tsr_conv_transpose2d(ones(TSR_SHAPE(1, 2, 3, 3)), ones(TSR_SHAPE(2, 1, 3, 3)), .stride = {2, 2}));
    assert_int_equal(op_row("conv_grad_input").flops, 2 * (2 * 3 * 3) * (3 * 3));
}

static void layers_of_the_transformer_count_operations(void **state)
{
    (void)state;
    assert_non_null(tsr_linear(ones(TSR_SHAPE(7, 3)), ones(TSR_SHAPE(5, 3)), ones(TSR_SHAPE(5))));
    assert_int_equal(op_row("linear").flops, 2 * 7 * 5 * 3);
    assert_non_null(tsr_nearest_code(ones(TSR_SHAPE(7, 3)), ones(TSR_SHAPE(4, 3))));
    assert_int_equal(op_row("nearest_code").flops, 2 * 7 * 4 * 3);
    /* causal, 3 queries of 4 and 5 values of 6 in 2 heads: 1 + 2 + 3 pairs, each a product of 4 and one of 6 */
    assert_non_null(tsr_scaled_dot_product_attention(ones(TSR_SHAPE(1, 2, 3, 4)), ones(TSR_SHAPE(1, 2, 5, 4)),
                                                     ones(TSR_SHAPE(1, 2, 5, 6)), .is_causal = true));
    assert_int_equal(op_row("attention").flops, 2 * 2 * (1 + 2 + 3) * (4 + 6));
    /* 5 queries of 2 keys: 1 + 2 + 2 + 2 + 2 */
    assert_non_null(tsr_scaled_dot_product_attention(ones(TSR_SHAPE(5, 4)), ones(TSR_SHAPE(2, 4)),
                                                     ones(TSR_SHAPE(2, 6)), .is_causal = true));
    assert_int_equal(op_row("attention").flops, 2 * 2 * 6 * 10 + 2 * 9 * 10);
}

/* 6 pairs in 2 heads, as above; each takes three products of 4 (the score, query's and key's gradient) and two of 6. */
static void the_derivative_of_attention_counts_operations(void **state)
{
    (void)state;
    tsr_tensor *q = ones(TSR_SHAPE(1, 2, 3, 4)), *k = ones(TSR_SHAPE(1, 2, 5, 4)), *v = ones(TSR_SHAPE(1, 2, 5, 6));
    tsr_set_requires_grad(q, true);
    tsr_set_requires_grad(k, true);
    tsr_set_requires_grad(v, true);
    tsr_tensor *y = tsr_scaled_dot_product_attention(q, k, v, .is_causal = true);
    assert_int_equal(tsr_backward(tsr_sum(y)), TSR_OK);
    assert_int_equal(row_of(TSR_PROFILE_DERIVATIVE, "AttentionBackward0").flops, 2 * 2 * 6 * (3 * 4 + 2 * 6));
}

static void a_tensor_is_counted_once_a_call(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(3, 4)), *row = ones(TSR_SHAPE(1, 4));
    assert_non_null(tsr_mul(a, a));
    assert_int_equal(op_row("mul").bytes, 4 * (12 + 12));
    assert_non_null(tsr_add_(a, row));
    assert_int_equal(op_row("add_").bytes, 4 * (12 + 4));
    assert_non_null(tsr_sub(tsr_expand(row, TSR_SHAPE(3, 4)), a)); /* the expanded row is read once */
    assert_int_equal(op_row("sub").bytes, 4 * (4 + 12 + 12));
    assert_int_equal(op_row("expand").bytes, 0);
}

/* ---- what lies inside what ---------------------------------------------------------------------------------------------- */

/* Everything ran inside matmul, so the rows' own times add up to its total. */
static void an_operator_made_of_others_has_total_and_self_time(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(2, 40, 50)), *b = ones(TSR_SHAPE(2, 50, 60));
    tsr_profile_start();
    assert_non_null(tsr_matmul(a, b));
    tsr_profile_row rows[16], outer = op_row("matmul"), inner = op_row("bmm");
    int64_t n = tsr_profile_rows(rows, 16);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += rows[i].self_s;
    assert_true(inner.calls == 1 && inner.total_s > 0);
    assert_true(outer.total_s > inner.total_s);
    assert_true(outer.self_s < outer.total_s - inner.total_s + 1e-12);
    assert_true(sum > outer.total_s - 1e-12 && sum < outer.total_s + 1e-12);
    assert_int_equal(outer.flops, 2 * 2 * 40 * 60 * 50);
    assert_int_equal(inner.flops, outer.flops);
}

/* A range inside one of its name adds nothing to the total of both. */
static void nested_ranges_of_one_name_count_once(void **state)
{
    (void)state;
    tsr_profile_range_begin("outer");
    tsr_profile_range_begin("same");
    tsr_profile_range_begin("same");
    assert_non_null(tsr_mm(ones(TSR_SHAPE(20, 20)), ones(TSR_SHAPE(20, 20))));
    for (int i = 0; i < 3; i++) assert_int_equal(tsr_profile_range_end(), TSR_OK);
    tsr_profile_row same = range_row("same"), outer = range_row("outer");
    assert_int_equal(same.calls, 2);
    assert_int_equal(same.flops, 2 * 20 * 20 * 20);
    assert_true(same.total_s <= outer.total_s);
    assert_true(outer.self_s <= outer.total_s - same.total_s + 1e-12);
}

/* If the frame of the failed call were still open, the range around it could not end. */
static void a_failed_operator_ends_its_frame(void **state)
{
    (void)state;
    tsr_profile_range_begin("around");
    assert_null(tsr_mm(ones(TSR_SHAPE(2, 3)), ones(TSR_SHAPE(2, 3))));
    tensors_expect_error(TSR_EINVAL, "cannot be multiplied");
    assert_null(tsr_mm(NULL, ones(TSR_SHAPE(2, 3)))); /* and before it has looked at its arguments */
    tensors_expect_error(TSR_EINVAL, "is NULL");
    tsr_profile_range_end();
    assert_int_equal(range_row("around").calls, 1);
    assert_int_equal(op_row("mm").calls, 2);
    assert_int_equal(op_row("mm").bytes, 0);
}

static void backward_shows_derivatives_and_labels_are_ranges(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(3, 3));
    tsr_set_requires_grad(a, true);
    tsr_push_anomaly_label("layer 1");
    tsr_tensor *loss = tsr_sum(tsr_mm(a, a));
    tsr_pop_anomaly_label();
    assert_int_equal(tsr_backward(loss), TSR_OK);
    tsr_profile_row node = row_of(TSR_PROFILE_DERIVATIVE, "MmBackward0");
    assert_int_equal(node.calls, 1);
    assert_int_equal(node.flops, 2 * (2 * 3 * 3 * 3)); /* of two operands */
    assert_int_equal(range_row("layer 1").flops, 2 * 3 * 3 * 3);
    assert_true(range_row("backward").total_s > node.total_s);
}

/* ---- on and off ------------------------------------------------------------------------------------------------------------ */

static void nothing_is_recorded_while_it_is_off(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(2));
    assert_true(tsr_profile_is_on());
    tsr_profile_stop();
    assert_false(tsr_profile_is_on());
    tsr_add(a, a);
    assert_int_equal(op_row("add").calls, 0);
    assert_int_equal(op_row("ones").calls, 1); /* what was recorded stays */
    tsr_profile_start();
    assert_int_equal(tsr_profile_rows(NULL, 0), 0);
}

static void clearing_gives_the_memory_back(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(2));
    tsr_profile_clear();
    int64_t blocks = tensors_count_alive().blocks;
    tsr_profile_start();
    for (int i = 0; i < 100; i++) tsr_add_(a, a);
    assert_true(tensors_count_alive().blocks > blocks);
    tsr_profile_clear();
    assert_int_equal(tensors_count_alive().blocks, blocks);
}

static bool start_inside(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)ctx, (void)n_in, (void)n_out, (void)user;
    tsr_profile_start();
    out[0] = tsr_neg(in[0]);
    return out[0] != NULL;
}

/* A call that had begun is not counted; what runs inside it is. */
static void it_can_be_started_from_inside_a_call(void **state)
{
    (void)state;
    static const tsr_function f = {.name = "starter", .forward = start_inside};
    tsr_tensor *a = ones(TSR_SHAPE(2)), *out;
    assert_int_equal(tsr_apply(&f, NULL, TSR_LIST(a), &out, 1), TSR_OK);
    assert_int_equal(op_row("starter").calls, 0);
    assert_int_equal(op_row("neg").calls, 1);
    assert_int_equal(tsr_profile_rows(NULL, 0), 1);
}

/* ---- ranges ------------------------------------------------------------------------------------------------------------------ */

static void wrong_ranges_are_errors_on_and_off(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        tensors_expect_error((tsr_profile_range_end(), tsr_error_status()), "no open range");
        tensors_expect_error((tsr_profile_range_begin(NULL), tsr_error_status()), "NULL");
        for (int k = 0; k < 32; k++) assert_int_equal(tsr_profile_range_begin("deep"), TSR_OK);
        tensors_expect_error((tsr_profile_range_begin("deeper"), tsr_error_status()), "'deeper' is deeper than 32");
        for (int k = 0; k < 32; k++) assert_int_equal(tsr_profile_range_end(), TSR_OK);
        tsr_profile_stop();
    }
    assert_int_equal(range_row("deep").calls, 32);
}

static void a_range_from_before_the_start_is_not_counted(void **state)
{
    (void)state;
    tsr_profile_stop();
    tsr_profile_range_begin("early");
    tsr_profile_start();
    tsr_profile_range_begin("late");
    assert_int_equal(tsr_profile_range_end(), TSR_OK);
    assert_int_equal(tsr_profile_range_end(), TSR_OK);
    assert_int_equal(range_row("early").calls, 0);
    assert_int_equal(range_row("late").calls, 1);
}

static bool end_inside(tsr_ctx *ctx, tsr_tensor *const *in, int64_t n_in, tsr_tensor **out, int64_t n_out, void *user)
{
    (void)ctx, (void)n_in, (void)n_out, (void)user;
    tsr_profile_range_end();
    out[0] = tsr_neg(in[0]);
    tsr_profile_range_begin("opened inside");
    return out[0] != NULL;
}

/* Ranges that cross the borders of a call are left out, and harm nothing. */
static void ranges_that_cross_a_call_are_left_out(void **state)
{
    (void)state;
    static const tsr_function f = {.name = "crossing", .forward = end_inside};
    tsr_tensor *a = ones(TSR_SHAPE(2)), *out;
    tsr_profile_range_begin("whole");
    tsr_profile_range_begin("crossed");
    assert_int_equal(tsr_apply(&f, NULL, TSR_LIST(a), &out, 1), TSR_OK);
    tsr_add(a, a);
    assert_int_equal(tsr_profile_range_end(), TSR_OK); /* the one opened inside */
    assert_int_equal(tsr_profile_range_end(), TSR_OK);
    assert_int_equal(range_row("crossed").calls + range_row("opened inside").calls, 0);
    assert_int_equal(range_row("whole").calls, 1);
    assert_int_equal(op_row("crossing").calls, 1);
    assert_true(range_row("whole").total_s >= op_row("crossing").total_s + op_row("add").total_s);
}

static void no_memory_for_a_record_is_no_error(void **state)
{
    (void)state;
    tsr_alloc_fail_at(1);
    tsr_profile_range_begin("lost");
    tsr_profile_range_end();
    assert_true(tsr_alloc_failed());
    assert_int_equal(tsr_error_status(), TSR_OK);
    assert_int_equal(tsr_profile_dropped(), 1);
    char *report = tsr_profile_report();
    assert_non_null(strstr(report, "the trace lacks 1 call"));
    tsr_free(report);
}

/* ---- threads, table, trace ----------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ADDITIONS = 50 };

static void *add_often(void *unused)
{
    tsr_mark m = tsr_scope_open();
    tsr_tensor *a = tsr_ones(TSR_SHAPE(3));
    for (int i = 0; i < ADDITIONS; i++) tsr_add(a, a);
    tsr_scope_close(m);
    return unused;
}

static void run_threads(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, add_often, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

static json_t *saved_trace(void)
{
    json_error_t error;
    assert_int_equal(tsr_profile_save_trace(temp_path("trace.json")), TSR_OK);
    json_t *root = json_load_file(temp_path("trace.json"), JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("line %d: %s", error.line, error.text);
    return root;
}

/* The i-th complete event of that name, borrowed. */
static const json_t *event_of(const json_t *root, const char *name, int i)
{
    size_t at;
    json_t *e;
    json_array_foreach(json_object_get(root, "traceEvents"), at, e)
    {
        if (strcmp(json_string_value(json_object_get(e, "ph")), "X") != 0) continue;
        if (!strcmp(json_string_value(json_object_get(e, "name")), name) && i-- == 0) return e;
    }
    return NULL;
}

static double number_of(const json_t *event, const char *key)
{
    json_t *value = json_object_get(event, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void threads_are_added_up_and_told_apart(void **state)
{
    (void)state;
    run_threads();
    assert_int_equal(op_row("add").calls, THREADS * ADDITIONS);
    json_t *root = saved_trace();
    bool seen[THREADS] = {false};
    double lowest = 1e9;
    for (int i = 0; i < THREADS * ADDITIONS; i++) {
        double tid = number_of(event_of(root, "add", i), "tid");
        if (tid < lowest) lowest = tid;
    }
    for (int i = 0; i < THREADS * ADDITIONS; i++) {
        int thread = (int)(number_of(event_of(root, "add", i), "tid") - lowest);
        assert_true(thread < THREADS); /* the test's threads are numbered one after another */
        seen[thread] = true;
    }
    for (int i = 0; i < THREADS; i++) assert_true(seen[i]);
    assert_null(event_of(root, "add", THREADS * ADDITIONS));
    json_decref(root);
}

static void the_trace_has_times_shapes_and_nesting(void **state)
{
    (void)state;
    tsr_tensor *a = ones(TSR_SHAPE(2, 3)), *b = ones(TSR_SHAPE(3, 1));
    assert_non_null(tsr_matmul(a, b));
    assert_non_null(tsr_add(tsr_scalar(1), tsr_ones(TSR_SHAPE(0))));
    json_t *root = saved_trace();
    const json_t *outer = event_of(root, "matmul", 0), *inner = event_of(root, "mm", 0);
    json_t *want = json_pack("[[i, i], [i, i]]", 2, 3, 3, 1), *scalar = json_pack("[[], [i]]", 0);
    assert_true(json_equal(json_object_get(json_object_get(inner, "args"), "shapes"), want));
    assert_true(json_equal(json_object_get(json_object_get(event_of(root, "add", 0), "args"), "shapes"), scalar));
    double begin = number_of(inner, "ts"), after = begin + number_of(inner, "dur");
    assert_true(number_of(outer, "ts") <= begin);
    assert_true(number_of(outer, "ts") + number_of(outer, "dur") >= after - 0.0011); /* three decimals are written */
    assert_string_equal(json_string_value(json_object_get(inner, "cat")), "operator");
    json_decref(want);
    json_decref(scalar);
    json_decref(root);
}

static void any_name_makes_a_trace_that_can_be_read(void **state)
{
    (void)state;
    static const char *const names[] = {"a \"quoted\" \\ name\n", "f\xc3\xbcnf", "not \xff UTF-8", ""};
    char longest[300] = "";
    memset(longest, 'x', sizeof longest - 1);
    for (int i = 0; i < 4; i++) tsr_profile_range_begin(names[i]), tsr_profile_range_end();
    tsr_profile_range_begin(longest);
    tsr_profile_range_end();
    json_t *root = saved_trace();
    longest[200] = 0;
    assert_non_null(event_of(root, names[0], 0));
    assert_non_null(event_of(root, names[1], 0));
    assert_non_null(event_of(root, "not ? UTF-8", 0));
    assert_non_null(event_of(root, "", 0));
    assert_non_null(event_of(root, longest, 0));
    json_decref(root);
}

/* Many operands: shapes that have no room are left out, and what is there is still JSON. */
static void long_lists_of_operands_are_cut_between_shapes(void **state)
{
    (void)state;
    tsr_tensor *parts[60];
    for (int i = 0; i < 60; i++) parts[i] = ones(TSR_SHAPE(1, 1000000 / (i + 1), 1, 1));
    assert_non_null(tsr_cat((tsr_tensors){parts, 60}, 1));
    json_t *root = saved_trace();
    json_t *shapes = json_object_get(json_object_get(event_of(root, "cat", 0), "args"), "shapes");
    assert_true(json_array_size(shapes) > 10 && json_array_size(shapes) < 60);
    json_decref(root);
}

static void a_trace_that_cannot_be_written_is_an_error_that_says_where(void **state)
{
    (void)state;
    ones(TSR_SHAPE(2));
    tensors_expect_error(tsr_profile_save_trace("/nowhere/trace.json"), "/nowhere/trace.json: No such file");
    tensors_expect_error(tsr_profile_save_trace("/dev/full"), "No space left");
    temp_write("old.json", "old", 3);
    int files = temp_count();
    assert_int_equal(tsr_profile_save_trace(temp_path("old.json")), TSR_OK);
    assert_int_equal(temp_count(), files); /* replaced, and no temporary file is left */
}

/* Every line of the table has as many columns as its head, but for rates that were not counted, which are last. */
static void the_table_has_the_most_costly_first(void **state)
{
    (void)state;
    tsr_tensor *big = ones(TSR_SHAPE(200, 200)), *small = ones(TSR_SHAPE(1));
    tsr_profile_start();
    for (int i = 0; i < 3; i++) tsr_mm(big, big);
    tsr_neg(small);
    tsr_profile_stop();
    char *report = tsr_profile_report(), *mm = strstr(report, "\nmm "), *neg = strstr(report, "\nneg ");
    char kind[32];
    double calls, self, percent, total, each, gflops, gbs;
    assert_non_null(mm);
    assert_true(neg > mm);
    assert_int_equal(
        sscanf(mm, " mm %31s %lf %lf %lf %lf %lf %lf %lf", kind, &calls, &self, &percent, &total, &each, &gflops, &gbs),
        8);
    tsr_profile_row r = op_row("mm");
    assert_string_equal(kind, "operator");
    assert_true(calls == 3 && self == total);
    assert_true(total > r.total_s * 1e3 - 1e-3 && total < r.total_s * 1e3 + 1e-3);
    assert_true(percent > 50 && percent <= 100);
    double rate = (double)r.flops / r.total_s * 1e-9;
    assert_true(gflops > rate - 0.01 && gflops < rate + 0.01);
    assert_non_null(strstr(report, "were recorded"));
    tsr_free(report);
}

/* A name is the program's; the table stays a table: 45 bytes and "...", here less by half a character. */
static void no_name_breaks_the_table(void **state)
{
    (void)state;
    char longest[202], want[64], line[80];
    for (int i = 0; i < 200; i += 2) memcpy(longest + i, "\xc3\xbc", 3);
    const char *const names[] = {"two\nlines\x1b[31m\x7f", longest};
    for (int i = 0; i < 2; i++) tsr_profile_range_begin(names[i]), tsr_profile_range_end();
    tsr_profile_stop();
    char *report = tsr_profile_report();
    memcpy(want, longest, 44);
    memcpy(want + 44, "...", 4);
    snprintf(line, sizeof line, "\n%s  range", want); /* 25 columns: the widest name */
    assert_non_null(strstr(report, line));
    assert_non_null(strstr(report, "\ntwo?lines?[31m?            range"));
    tsr_free(report);
}

static void a_name_is_cut_between_characters(void **state)
{
    (void)state;
    char longest[300], want[202];
    longest[0] = 'x';
    for (int i = 1; i < 298; i += 2) memcpy(longest + i, "\xc3\xbc", 3);
    tsr_profile_range_begin(longest);
    tsr_profile_range_end();
    memcpy(want, longest, 199); /* the 200th byte is half a character */
    want[199] = 0;
    assert_int_equal(range_row(want).calls, 1);
}

static void the_table_says_what_convolutions_count(void **state)
{
    (void)state;
    assert_non_null(tsr_conv2d(ones(TSR_SHAPE(1, 1, 5, 5)), ones(TSR_SHAPE(1, 1, 3, 3))));
    char *with = tsr_profile_report();
    assert_non_null(strstr(with, "GFLOP/s of convolutions count a direct one's"));
    tsr_free(with);
    tsr_profile_start();
    ones(TSR_SHAPE(2));
    char *without = tsr_profile_report();
    assert_null(strstr(without, "convolutions"));
    tsr_free(without);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_product_counts_calls_operations_and_bytes),
        TEST(a_convolution_and_its_derivatives_count_the_same_operations),
        TEST(strides_and_transposes_count_what_is_computed),
        TEST(layers_of_the_transformer_count_operations),
        TEST(the_derivative_of_attention_counts_operations),
        TEST(a_tensor_is_counted_once_a_call),
        TEST(an_operator_made_of_others_has_total_and_self_time),
        TEST(nested_ranges_of_one_name_count_once),
        TEST(a_failed_operator_ends_its_frame),
        TEST(backward_shows_derivatives_and_labels_are_ranges),
        TEST(nothing_is_recorded_while_it_is_off),
        TEST(clearing_gives_the_memory_back),
        TEST(it_can_be_started_from_inside_a_call),
        TEST(wrong_ranges_are_errors_on_and_off),
        TEST(a_range_from_before_the_start_is_not_counted),
        TEST(ranges_that_cross_a_call_are_left_out),
        TEST(no_memory_for_a_record_is_no_error),
        TEST(threads_are_added_up_and_told_apart),
        TEST(the_trace_has_times_shapes_and_nesting),
        TEST(any_name_makes_a_trace_that_can_be_read),
        TEST(long_lists_of_operands_are_cut_between_shapes),
        TEST(a_trace_that_cannot_be_written_is_an_error_that_says_where),
        TEST(the_table_has_the_most_costly_first),
        TEST(no_name_breaks_the_table),
        TEST(a_name_is_cut_between_characters),
        TEST(the_table_says_what_convolutions_count),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
