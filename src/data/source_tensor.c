/* source_tensor.c: pictures that are a tensor [N, C, H, W], in memory or in a .safetensors, .npz or .npy file.

   f32, f64 and u8 are read where they lie, which for a safetensors file is the mapped file; f16 and bf16 are converted
   once. */
#include <string.h>

#include "data/window.h"
#include "tensor/tensor_impl.h"
#include "tessera/io.h"

static data_picture picture_of(const tsr_dataset *set, int64_t item)
{
    const tsr_tensor *t = set->state;
    tsr_shape shape = tsr_shape_of(t), stride = tsr_strides_of(t);
    tsr_dtype dtype = tsr_dtype_of(t);
    const char *data = tsr_const_data(t);
    return (data_picture){.data = data ? data + item * stride.v[0] * (int64_t)tsr_dtype_size(dtype) : NULL,
                          .dtype = dtype,
                          .channels = shape.v[1],
                          .height = shape.v[2],
                          .width = shape.v[3],
                          .channel_stride = stride.v[1],
                          .row_stride = stride.v[2],
                          .column_stride = stride.v[3],
                          .item = item};
}

static tsr_status read_tensor(const tsr_dataset *set, int64_t item, const data_view *view, data_target *out)
{
    data_picture p = picture_of(set, item);
    if (!p.data) return tsr_error_status();
    return set->wide ? data_fit_wide(set, p, view, out->wide) : data_fit(set, p, view, out->picture);
}

static void describe_tensor(const tsr_dataset *set, int64_t item, tsr_text *out)
{
    (void)set;
    tsr_text_add(out, "picture %lld of the tensor", (long long)item);
}

static void drop_tensor(void *state) { tsr_release(state); }

static const data_source TENSOR = {"tensor", read_tensor, describe_tensor, drop_tensor};

/* ---- opening ---------------------------------------------------------------------------------------------------------------------- */

static tsr_status check_pictures(const tsr_tensor *t, const char *where)
{
    tsr_shape s = tsr_shape_of(t);
    bool known = tsr_dtype_is_floating(tsr_dtype_of(t)) || tsr_dtype_of(t) == TSR_U8;
    if (s.n != 4 || !known || s.v[1] < 1 || s.v[2] < 1 || s.v[3] < 1)
        return tsr_fail(TSR_EINVAL, "data: %s is %s %s; pictures are floats or u8 [N, C, H, W]", where,
                        tsr_dtype_name(tsr_dtype_of(t)), shape_text(&s));
    return TSR_OK;
}

/* A reference to pictures of a type that can be read, for the set to own. */
static tsr_tensor *readable(tsr_tensor *t)
{
    tsr_dtype dtype = tsr_dtype_of(t);
    if (dtype == TSR_F32 || dtype == TSR_F64 || dtype == TSR_U8) return tsr_keep(t);
    tsr_shape shape = tsr_shape_of(t);
    tsr_tensor *copy = tensor_empty(TSR_F32, shape.n, shape.v, TSR_CPU);
    if (!copy) return NULL;
    if (tsr_to_host(t, tsr_data(copy), tsr_numel(t), TSR_F32) != TSR_OK) return NULL;
    return tsr_keep(copy);
}

static tsr_status read_labels(tsr_dataset *set, const tsr_tensor *labels, const char *where)
{
    if (!labels) return TSR_OK;
    if (tsr_numel(labels) != set->stored || tsr_dtype_is_floating(tsr_dtype_of(labels)))
        return tsr_fail(TSR_EINVAL, "data: %s has %lld pictures, and %lld labels of type %s", where,
                        (long long)set->stored, (long long)tsr_numel(labels), tsr_dtype_name(tsr_dtype_of(labels)));
    set->labels = tsr_alloc((size_t)set->stored * sizeof *set->labels);
    if (!set->labels) return TSR_ENOMEM;
    TSR_TRY(tsr_to_host(labels, set->labels, set->stored, TSR_I32));
    for (int64_t i = 0; i < set->stored; i++) {
        if (set->labels[i] < -1 || set->labels[i] > 1000000)
            return tsr_fail(TSR_EINVAL, "data: label %d of picture %lld of %s; classes are counted from 0",
                            (int)set->labels[i], (long long)i, where);
    }
    return data_number_classes(set);
}

/* Floats of another range are a common mistake that trains badly and says nothing. The first picture tells. */
static void warn_of_range(const tsr_dataset *set, const double *picture, const char *where)
{
    for (int64_t i = 0; i < set->info.channels * set->info.height * set->info.width; i++) {
        if (picture[i] >= -1.5 && picture[i] <= 1.5) continue;
        tsr_warn("data: %s has a value of %g in its first picture; floats are taken to be in [-1, 1]", where,
                 picture[i]);
        return;
    }
}

static tsr_status check_range(const tsr_dataset *set, const char *where)
{
    data_view view = {0};
    data_picture p = picture_of(set, 0);
    if (!p.data) return tsr_error_status();
    double *picture = tsr_alloc((size_t)(set->info.channels * set->info.height * set->info.width) * sizeof *picture);
    if (!picture) return TSR_ENOMEM;
    tsr_status status = data_fit_wide(set, p, &view, picture);
    if (status == TSR_OK) warn_of_range(set, picture, where);
    tsr_free(picture);
    return status;
}

tsr_status data_open_tensors(tsr_dataset *set, tsr_tensor *pictures, tsr_tensor *labels, const char *where,
                             const tsr_dataset_options *o)
{
    TSR_TRY(check_pictures(pictures, where));
    set->source = &TENSOR;
    if (!(set->state = readable(pictures))) return tsr_error_status();
    set->wide = tsr_dtype_of(pictures) == TSR_F64;
    set->stored = tsr_size(pictures, 0);
    TSR_TRY(data_set_size(set, o, tsr_size(pictures, 1), tsr_size(pictures, 2), tsr_size(pictures, 3)));
    TSR_TRY(read_labels(set, labels, where));
    return set->stored > 0 ? check_range(set, where) : TSR_OK;
}

/* The entry named "pictures", or the only one with four dimensions; -1 and an error otherwise. */
static int64_t find_pictures(const tsr_archive *a, const char *path)
{
    int64_t found = tsr_archive_find(a, "pictures"), count = 0;
    if (found >= 0) return found;
    tsr_entry e;
    for (int64_t i = 0; tsr_archive_entry(a, i, &e); i++) {
        if (e.shape.n == 4) found = i, count++;
    }
    if (count == 1) return found;
    tsr_fail(TSR_EFORMAT, "data: %s holds %lld tensors [N, C, H, W]; one is needed, or one named \"pictures\"", path,
             (long long)count);
    return -1;
}

static tsr_status open_entries(tsr_dataset *set, tsr_archive *a, const char *path, const tsr_dataset_options *o)
{
    int64_t pictures_at = find_pictures(a, path), labels_at = tsr_archive_find(a, "labels");
    if (pictures_at < 0) return tsr_error_status();
    tsr_tensor *pictures = tsr_archive_get(a, pictures_at);
    tsr_tensor *labels = labels_at >= 0 ? tsr_archive_get(a, labels_at) : NULL;
    if (!pictures || (labels_at >= 0 && !labels)) return tsr_error_status();
    return data_open_tensors(set, pictures, labels, path, o);
}

tsr_status data_open_archive(tsr_dataset *set, const char *path, const tsr_dataset_options *o)
{
    tsr_archive *a = tsr_archive_open(path);
    if (!a) return tsr_error_status();
    tsr_status status = open_entries(set, a, path, o);
    tsr_archive_close(a);
    return status;
}
