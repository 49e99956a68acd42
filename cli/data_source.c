/* data_source.c: opening a source of pictures for a command. */
#include "data_source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tessera/profile.h"

const option data_option_table[DATA_OPTION_COUNT] = {
    {"data", OPTION_TEXT, offsetof(data_options, source), "SRC",
     "pictures: a folder, IDX or CIFAR-10 files, a tensor file, or "
     "scenes[:count=N,seed=N,offset=N,plain=1,solids=N,size=N|HxW]",
     0, 0, "data", NULL},
    {"size", OPTION_TEXT, offsetof(data_options, size), "N|HxW", "resize and cut the pictures to this size", 0, 0,
     "data", NULL},
    {"channels", OPTION_INT, offsetof(data_options, channels), "N", "1 grey, 3 colour (default: the model's)", 0, 4,
     "data", NULL},
    {"split", OPTION_CHOICE, offsetof(data_options, split), "auto|train|held-out|all",
     "which part of the source; auto: what the command is for", 0, 0, "data", NULL},
    {"held-out", OPTION_FLOAT, offsetof(data_options, held_out), "F",
     "fraction that is held out of sources without parts (default: a tenth)", 0, 0.99, "data", NULL},
    {"limit", OPTION_INT, offsetof(data_options, limit), "N", "at most so many pictures, classes evenly", 0, 1e15,
     "data", NULL},
};

static tsr_status read_size(const char *text, tsr_dataset_options *o)
{
    char *end;
    long long height = strtoll(text, &end, 10), width = height;
    bool ok = end != text;
    if (ok && *end == 'x') {
        const char *second = end + 1;
        width = strtoll(second, &end, 10);
        ok = end != second;
    }
    if (!ok || *end || height < 1 || width < 1)
        return tsr_fail(TSR_EINVAL, "--size takes a number or HEIGHTxWIDTH, not '%s'", text);
    o->height = height;
    o->width = width;
    return TSR_OK;
}

/* A tensor in a file is taken whole unless the user says otherwise: it was put together for the purpose. */
static bool is_tensor_file(const char *source)
{
    struct stat st;
    if (stat(source, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    tsr_dataset *set = tsr_dataset_open(source, NULL);
    bool tensor = set && !strcmp(tsr_dataset_get_info(set).kind, "tensor");
    tsr_dataset_free(set);
    tsr_error_clear();
    return tensor;
}

static tsr_part choose_part(const data_options *o, tsr_part wish)
{
    switch (o->split) {
    case SPLIT_TRAIN:
        return TSR_PART_TRAIN;
    case SPLIT_HELD_OUT:
        return TSR_PART_HELD_OUT;
    case SPLIT_ALL:
        return TSR_PART_ALL;
    default:
        return o->held_out == 0 && is_tensor_file(o->source) ? TSR_PART_ALL : wish;
    }
}

/* Pictures that can be had in any size. */
static bool is_sizeless(const tsr_dataset_info *info)
{
    return !strcmp(info->kind, "folder") || !strcmp(info->kind, "scenes");
}

static tsr_dataset *open_source(const data_options *o, const data_wish *wish)
{
    tsr_dataset_options d = {
        .channels = o->channels ? o->channels : wish->channels, .held_out = o->held_out, .limit = o->limit};
    if (o->size && read_size(o->size, &d) != TSR_OK) return NULL;
    d.part = choose_part(o, wish->part);
    tsr_dataset *set = tsr_dataset_open(o->source, &d);
    if (!set || o->size || wish->size == 0) return set;
    tsr_dataset_info info = tsr_dataset_get_info(set);
    if (!is_sizeless(&info) || info.height == wish->size) return set;
    tsr_dataset_free(set);
    d.size = wish->size;
    return tsr_dataset_open(o->source, &d);
}

tsr_dataset *data_open(const data_options *o, const data_wish *wish)
{
    tsr_profile_range_begin("data");
    tsr_dataset *set = open_source(o, wish);
    tsr_profile_range_end();
    return set;
}

tsr_status data_check_divisible(const tsr_dataset *set, int64_t factor)
{
    tsr_dataset_info info = tsr_dataset_get_info(set);
    if (info.height % factor == 0 && info.width % factor == 0) return TSR_OK;
    int64_t near = (info.height < info.width ? info.height : info.width) / factor * factor;
    return tsr_fail(TSR_EINVAL,
                    "pictures of %lld x %lld pixels are not divisible by %lld, the model's down-sampling; --size %lld "
                    "would be",
                    (long long)info.height, (long long)info.width, (long long)factor,
                    (long long)(near > 0 ? near : factor));
}
