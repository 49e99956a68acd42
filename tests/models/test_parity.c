/* test_parity.c: every activation, every gradient and every training step of the goldens that PyTorch made: the small ones
   in tests/goldens/parity (make_parity_goldens.py), or those of the folder that TESSERA_GOLDENS names
   (../shared/parity/make_goldens.py FOLDER --seed N).

   A tensor's tolerance is max(1e-5, 10 times what single precision costs PyTorch itself), as the goldens record it. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/tensors.h"
#include "tessera/autograd.h"
#include "tessera/gpt.h"
#include "tessera/memory.h"
#include "tessera/vqgan.h"

static const char *folder;
static tsr_archive *expected;
static json_t *float32_error;

static const char *path_of(const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static int open_goldens(void **state)
{
    (void)state;
    folder = getenv("TESSERA_GOLDENS");
    if (!folder) folder = TSR_SOURCE_DIR "/tests/goldens/parity";
    expected = tsr_archive_open(path_of("expected.safetensors"));
    if (!expected) fail_msg("%s", tsr_error_message());
    float32_error = json_loads(tsr_archive_metadata(expected, "float32_error"), 0, NULL);
    return 0;
}

static int close_goldens(void **state)
{
    (void)state;
    json_decref(float32_error);
    tsr_archive_close(expected);
    return tsr_live_tensors() == 0 ? 0 : -1;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------ */

static double *values_of(tsr_tensor *t)
{
    int64_t n = tsr_numel(t);
    double *v = malloc((size_t)(n + 1) * sizeof *v);
    assert_non_null(v);
    assert_int_equal(tsr_to_host(t, v, n, TSR_F64), TSR_OK);
    return v;
}

static double largest_difference(tsr_tensor *a, tsr_tensor *b)
{
    assert_int_equal(tsr_numel(a), tsr_numel(b));
    double *x = values_of(a), *y = values_of(b), worst = 0;
    for (int64_t i = 0; i < tsr_numel(a); i++) {
        if (isinf(y[i]) && x[i] == y[i]) continue;
        double d = fabs(x[i] - y[i]);
        if (!(d <= worst)) worst = d;
    }
    free(x);
    free(y);
    return worst;
}

static double tolerance(const char *name)
{
    double recorded = json_number_value(json_object_get(float32_error, name));
    return fmax(1e-5, 10 * recorded);
}

static void assert_matches(const char *name, tsr_tensor *got)
{
    if (!got) fail_msg("%s: %s", name, tsr_error_message() ? tsr_error_message() : "no tensor");
    tsr_tensor *want = tsr_archive_get_named(expected, name);
    if (!want) fail_msg("%s", tsr_error_message());
    double worst = largest_difference(got, want);
    if (!(worst <= tolerance(name))) fail_msg("%s differs by %g, tolerance %g", name, worst, tolerance(name));
}

/* ---- loading ----------------------------------------------------------------------------------------------------------- */

static void load_weights(tsr_module *m, tsr_archive *a, const char *skip_end)
{
    tsr_named_list list = {0};
    tsr_entry e;
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++)
        if (!skip_end || !strstr(e.name, skip_end)) tsr_named_list_add(&list, e.name, tsr_archive_get(a, i));
    if (tsr_module_load_state_dict(m, list.v, list.n, true, NULL) != TSR_OK) fail_msg("%s", tsr_error_message());
    tsr_named_list_free(&list);
}

static tsr_module *load_vqgan(tsr_dtype dtype)
{
    tsr_vqgan_config c = {.legacy = true};
    tsr_archive *a = tsr_archive_open(path_of("vqgan.safetensors"));
    assert_non_null(a);
    assert_int_equal(tsr_vqgan_config_read(tsr_archive_metadata(a, "config"), &c), TSR_OK);
    tsr_module *m = tsr_vqgan_new(&c);
    if (!m) fail_msg("%s", tsr_error_message());
    load_weights(m, a, NULL);
    assert_int_equal(tsr_module_to(m, dtype), TSR_OK);
    tsr_archive_close(a);
    return m;
}

static tsr_module *load_gpt(void)
{
    tsr_gpt_config c = {0};
    tsr_archive *a = tsr_archive_open(path_of("gpt.safetensors"));
    assert_non_null(a);
    assert_int_equal(tsr_gpt_config_read(tsr_archive_metadata(a, "config"), &c), TSR_OK);
    tsr_module *m = tsr_gpt_new(&c);
    if (!m) fail_msg("%s", tsr_error_message());
    load_weights(m, a, "attn.mask");
    tsr_archive_close(a);
    return m;
}

static tsr_tensor *load_pictures(tsr_dtype dtype) { return tsr_to(tsr_load_one(path_of("x.safetensors")), dtype); }

/* Of a large gradient a golden may hold every nth row only. */
static tsr_tensor *rows_of_golden(const char *name, tsr_tensor *grad)
{
    int64_t i = tsr_archive_find(expected, name), rows = tsr_ndim(grad) > 0 ? tsr_size(grad, 0) : 0;
    tsr_entry e;
    if (!tsr_archive_entry(expected, i, &e) || rows == 0 || e.shape.v[0] == rows) return grad;
    return tsr_slice(grad, 0, .step = (rows + e.shape.v[0] - 1) / e.shape.v[0]);
}

static void assert_gradients(tsr_module *m, const char *prefix, const char *leave_out)
{
    tsr_named_list p = {0};
    char name[256];
    assert_int_equal(tsr_module_parameters(m, &p), TSR_OK);
    for (int64_t i = 0; i < p.n; i++) {
        if (leave_out && !strncmp(p.v[i].name, leave_out, strlen(leave_out))) continue;
        snprintf(name, sizeof name, "%s%s", prefix, p.v[i].name);
        tsr_tensor *grad = tsr_grad(p.v[i].tensor);
        assert_matches(name, grad ? rows_of_golden(name, grad) : NULL);
    }
    tsr_named_list_free(&p);
}

/* ---- the model ------------------------------------------------------------------------------------------------------------ */

static void activations_and_gradients_of_the_autoencoder(void **state)
{
    (void)state;
    tsr_module *m = load_vqgan(TSR_F32);
    tsr_tensor *x = load_pictures(TSR_F32), *z = tsr_vqgan_features(m, x);
    assert_matches("h", tsr_forward(tsr_module_child(m, "encoder"), x));
    assert_matches("z", z);
    tsr_quantized q = tsr_vqgan_quantize(m, z);
    assert_matches("quantized", q.quantized);
    assert_matches("codebook_loss", q.loss);
    assert_matches("indices", q.indices);
    tsr_tensor *xhat = tsr_vqgan_decode(m, q.quantized);
    assert_matches("xhat", xhat);
    assert_matches("indices", tsr_vqgan_encode(m, x));
    assert_matches("xhat", tsr_vqgan_decode_indices(m, q.indices));
    tsr_tensor *loss = tsr_add(tsr_mean(tsr_abs(tsr_sub(x, xhat))), q.loss);
    assert_matches("loss", loss);
    assert_int_equal(tsr_backward(loss), TSR_OK);
    assert_gradients(m, "grad.", "loss.");
    tsr_module_free(m);
}

static void activations_and_gradients_of_the_discriminator(void **state)
{
    (void)state;
    tsr_module *m = load_vqgan(TSR_F32), *disc = tsr_module_child(m, "loss.discriminator");
    tsr_tensor *x = load_pictures(TSR_F32), *xhat = tsr_archive_get_named(expected, "xhat");
    tsr_module_train(disc, false);
    assert_matches("disc.real_eval", tsr_forward(disc, x));
    tsr_module_train(disc, true);
    tsr_tensor *real = tsr_forward(disc, x), *fake = tsr_forward(disc, xhat);
    assert_matches("disc.real", real);
    assert_matches("disc.fake", fake);
    tsr_tensor *hinge = tsr_add(tsr_mean(tsr_relu(tsr_rsub(real, tsr_scalar(1)))),
                                tsr_mean(tsr_relu(tsr_add(fake, tsr_scalar(1)))));
    tsr_tensor *loss = tsr_mul(hinge, tsr_scalar(0.5));
    assert_matches("disc.loss", loss);
    assert_int_equal(tsr_backward(loss), TSR_OK);
    assert_gradients(disc, "disc.grad.", NULL);
    const char *const buffers[] = {"main.3.running_mean", "main.3.running_var", "main.3.num_batches_tracked",
                                   "main.6.running_mean", "main.6.running_var", "main.6.num_batches_tracked"};
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "disc.buffer.%s", buffers[i]);
        assert_matches(name, tsr_module_tensor(disc, buffers[i]));
    }
    tsr_module_free(m);
}

static void the_papers_form_of_the_codebook_loss(void **state)
{
    (void)state;
    tsr_vqgan_config c = {0};
    tsr_archive *a = tsr_archive_open(path_of("vqgan.safetensors"));
    assert_int_equal(tsr_vqgan_config_read(tsr_archive_metadata(a, "config"), &c), TSR_OK);
    c.legacy = false;
    tsr_module *m = tsr_vqgan_new(&c);
    load_weights(m, a, NULL);
    tsr_archive_close(a);
    assert_matches("codebook_loss_paper", tsr_vqgan_quantize(m, tsr_vqgan_features(m, load_pictures(TSR_F32))).loss);
    tsr_module_free(m);
}

static void activations_and_gradients_of_the_prior(void **state)
{
    (void)state;
    tsr_module *m = load_gpt();
    tsr_tensor *codes = tsr_archive_get_named(expected, "gpt.codes"),
               *cond = tsr_archive_get_named(expected, "gpt.cond");
    tsr_tensor *all = tsr_cat(TSR_LIST(cond, codes), .dim = 1);
    tsr_tensor *logits = tsr_gpt_logits(m, tsr_narrow(all, 1, 0, tsr_size(all, 1) - 1));
    assert_matches("gpt.logits", logits);
    tsr_tensor *last = tsr_select(logits, 1, tsr_size(logits, 1) - 1);
    assert_matches("gpt.filtered", tsr_gpt_filter_logits(last, 50, 0.9));
    tsr_tensor *loss = tsr_gpt_loss(m, codes, cond);
    assert_matches("gpt.loss", loss);
    assert_int_equal(tsr_backward(loss), TSR_OK);
    assert_gradients(m, "gpt.grad.", NULL);
    tsr_gpt_sampling greedy = {.greedy = true};
    assert_matches("gpt.greedy", tsr_gpt_sample(m, cond, 64, &greedy));
    tsr_module_free(m);
}

/* ---- five GAN steps ---------------------------------------------------------------------------------------------------------- */

static void assert_term(const char *prefix, const char *term, int step, double got, double tol)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", prefix, term);
    tsr_tensor *want = tsr_archive_get_named(expected, name);
    assert_non_null(want);
    double *v = values_of(want);
    if (!(fabs(got - v[step]) <= tol * fmax(1, fabs(v[step]))))
        fail_msg("%s step %d: %.12g, expected %.12g", name, step, got, v[step]);
    free(v);
}

static void run_steps(const char *prefix, bool refresh)
{
    tsr_module *m = load_vqgan(TSR_F64);
    tsr_tensor *x = load_pictures(TSR_F64);
    tsr_vqgan_train_options o = {.lr = 1e-4, .disc_weight = 0.8, .disc_refresh = refresh};
    tsr_vqgan_trainer *t = tsr_vqgan_trainer_new(m, &o);
    assert_non_null(t);
    for (int step = 0; step < 5; step++) {
        tsr_vqgan_terms k;
        if (tsr_vqgan_trainer_step(t, x, &k) != TSR_OK) fail_msg("%s", tsr_error_message());
        assert_term(prefix, "total_loss", step, k.total_loss, 1e-7);
        assert_term(prefix, "nll_loss", step, k.nll_loss, 1e-7);
        assert_term(prefix, "codebook_loss", step, k.codebook_loss, 1e-7);
        assert_term(prefix, "g_loss", step, k.g_loss, 1e-7);
        assert_term(prefix, "d_weight", step, k.d_weight, 1e-7);
        assert_term(prefix, "disc_loss", step, k.disc_loss, 1e-7);
        assert_term(prefix, "logits_real", step, k.logits_real, 1e-7);
        assert_term(prefix, "logits_fake", step, k.logits_fake, 1e-7);
    }
    tsr_vqgan_trainer_free(t);
    tsr_module_free(m);
}

static void five_steps_in_double_precision(void **state)
{
    (void)state;
    run_steps("train64", false);
}

static void five_steps_with_a_refreshed_reconstruction(void **state)
{
    (void)state;
    run_steps("train64_refresh", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TENSOR_TEST(activations_and_gradients_of_the_autoencoder),
        TENSOR_TEST(activations_and_gradients_of_the_discriminator),
        TENSOR_TEST(the_papers_form_of_the_codebook_loss),
        TENSOR_TEST(activations_and_gradients_of_the_prior),
        TENSOR_TEST(five_steps_in_double_precision),
        TENSOR_TEST(five_steps_with_a_refreshed_reconstruction),
    };
    return cmocka_run_group_tests(tests, open_goldens, close_goldens);
}
