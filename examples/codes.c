/* codes.c: a trained VQGAN inside a program of one's own: a picture becomes codes, and codes a picture.

     codes CHECKPOINT PICTURE OUT.png      codes runs/vqgan/checkpoints/last.safetensors cat.jpg out.png */
#include <stdio.h>
#include <tessera/tessera.h>

/* The configuration lies beside the weights, as JSON under the metadata key "config". */
static tsr_module *load_vqgan(const char *path)
{
    tsr_vqgan_config config = {0};
    tsr_named_list state = {0};
    tsr_entry entry;
    tsr_mark scope = tsr_scope_open();
    tsr_archive *file = tsr_archive_open(path);
    const char *json = tsr_archive_metadata(file, "config");
    if (file && !json) tsr_fail(TSR_EFORMAT, "%s has no configuration: it is not a checkpoint of ours", path);
    tsr_module *model = NULL;
    if (json && tsr_vqgan_config_read(json, &config) == TSR_OK) {
        config.disc = false; /* only training needs it */
        model = tsr_vqgan_new(&config);
    }
    for (int64_t i = 0; model && i < tsr_archive_count(file) && tsr_archive_entry(file, i, &entry); i++)
        tsr_named_list_add(&state, entry.name, tsr_archive_get(file, i));
    /* Not strict: a checkpoint also holds what training needs to go on. What is missing is an error all the same. */
    tsr_load_report report = {0};
    if (model) tsr_module_load_state_dict(model, state.v, state.n, false, &report);
    if (report.n_missing > 0) tsr_fail(TSR_EFORMAT, "%s lacks %s", path, report.missing[0]);
    tsr_load_report_free(&report);
    tsr_named_list_free(&state);
    tsr_scope_close(scope);
    tsr_archive_close(file);
    tsr_module_train(model, false);
    return model;
}

static void through_codes(tsr_module *model, const char *picture, const char *out)
{
    tsr_mark scope = tsr_scope_open();
    bool was = tsr_set_grad_enabled(false);
    tsr_tensor *image = tsr_image_load(picture, NULL); /* u8, [3, H, W] */
    image = tsr_image_center_crop(tsr_image_resize_shorter(image, 64, TSR_FILTER_TRIANGLE), 64, 64);
    tsr_tensor *pixels = tsr_unsqueeze(tsr_image_to_float(image, -1, 1), 0);
    tsr_tensor *codes = tsr_vqgan_encode(model, pixels); /* i64, [1, h, w] */
    tsr_tensor *again = tsr_vqgan_decode_indices(model, codes);
    if (codes) tsr_print(codes, stdout);
    if (again) tsr_image_save(out, tsr_image_from_float(tsr_squeeze_dim(again, 0), -1, 1));
    tsr_set_grad_enabled(was);
    tsr_scope_close(scope);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: codes CHECKPOINT PICTURE OUT.png\n");
        return 2;
    }
    tsr_module *model = load_vqgan(argv[1]);
    if (model) through_codes(model, argv[2], argv[3]);
    tsr_module_free(model);
    if (tsr_error_message()) fprintf(stderr, "codes: %s\n", tsr_error_message());
    return tsr_error_status() != TSR_OK;
}
