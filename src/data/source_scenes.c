/* source_scenes.c: the data set `scenes`, and the text that describes one: "scenes:count=2000,seed=7,size=48x64".

   Scenes cost nothing to make, so the held-out part is not taken from the training part: it is as many other scenes as
   the fraction asks for, with numbers that no training part reaches. */
#include <stdlib.h>
#include <string.h>

#include "data/window.h"

#define HELD_OUT_OFFSET (INT64_C(1) << 40)
enum { DEFAULT_COUNT = 10000, DEFAULT_SIZE = 64, SCENE_CHANNELS = 3 };

typedef struct scenes {
    uint64_t seed;
    int64_t offset;
    tsr_scene_style style;
} scenes;

/* ---- drawing ---------------------------------------------------------------------------------------------------------------- */

/* Views that have to be cut or mirrored are drawn here first. */
typedef struct scene_pages {
    float *left, *right, *depth;
    uint8_t *label;
} scene_pages;

static bool pages_alloc(scene_pages *p, const data_target *out, size_t pixels)
{
    float *floats = tsr_alloc(pixels * (7 * sizeof *floats + 1));
    if (!floats) return false;
    *p = (scene_pages){.left = floats};
    if (out->right) p->right = floats + 3 * pixels;
    if (out->depth) p->depth = floats + 6 * pixels;
    if (out->label_map) p->label = (uint8_t *)(floats + 7 * pixels);
    return true;
}

static void take_planes(const data_window *w, const float *planes, int64_t count, int64_t height, int64_t width,
                        float *out)
{
    for (int64_t c = 0; planes && c < count; c++)
        data_window_take(w, planes + c * height * width, width, out + c * height * width);
}

static tsr_status take_pages(const tsr_dataset *set, const scene_pages *p, const data_view *view, data_target *out)
{
    int64_t height = set->info.height, width = set->info.width;
    TSR_TRY(data_fit(set, data_planes(p->left, SCENE_CHANNELS, height, width), view, out->picture));
    if (p->right) TSR_TRY(data_fit(set, data_planes(p->right, SCENE_CHANNELS, height, width), view, out->right));
    data_window w;
    TSR_TRY(data_window_open(set, height, width, view, &w));
    take_planes(&w, p->depth, 1, height, width, out->depth);
    if (p->label) data_window_take_u8(&w, p->label, width, out->label_map);
    data_window_close(&w);
    return TSR_OK;
}

static tsr_status draw(const tsr_dataset *set, int64_t item, scene_pages p, data_target *out)
{
    const scenes *s = set->state;
    return tsr_scene_draw(s->seed, s->offset + item, s->style, set->info.height, set->info.width,
                          (tsr_scene_views){p.left, p.right, p.depth, p.label}, &out->label);
}

static tsr_status read_scene(const tsr_dataset *set, int64_t item, const data_view *view, data_target *out)
{
    scene_pages p = {out->picture, out->right, out->depth, out->label_map};
    if (!view->flip && !view->crop && set->info.channels == SCENE_CHANNELS) return draw(set, item, p, out);
    if (!pages_alloc(&p, out, (size_t)(set->info.height * set->info.width))) return TSR_ENOMEM;
    tsr_status status = draw(set, item, p, out);
    if (status == TSR_OK) status = take_pages(set, &p, view, out);
    tsr_free(p.left);
    return status;
}

static void describe_scene(const tsr_dataset *set, int64_t item, tsr_text *out)
{
    const scenes *s = set->state;
    tsr_text_add(out, "scenes:seed=%llu,%lld", (unsigned long long)s->seed, (long long)(s->offset + item));
}

static const data_source SCENES = {"scenes", read_scene, describe_scene, tsr_free};

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

static tsr_status bad_setting(const char *key, int length)
{
    return tsr_fail(TSR_EINVAL,
                    "data: \"%.*s\" is not a setting of scenes; they are count=2000, seed=7, offset=0, plain=1 (no "
                    "patterns), solids=2 (at most), "
                    "size=64 and size=48x64 (height first), with commas between",
                    length, key);
}

/* A whole number that ends at `end` or a character of `stops`. NULL: it is not one. */
static const char *parse_number(const char *text, const char *stops, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (most - digit) / 10) return NULL;
        value = value * 10 + digit;
    }
    *out = value;
    return p > text && (*p == 0 || strchr(stops, *p)) ? p : NULL;
}

static const char *parse_size(const char *text, tsr_dataset_options *o)
{
    uint64_t height = 0, width;
    const char *p = parse_number(text, "x,", INT32_MAX, &height);
    width = height;
    if (p && *p == 'x') p = parse_number(p + 1, ",", INT32_MAX, &width);
    o->size = 0;
    o->height = (int64_t)height;
    o->width = p ? (int64_t)width : 0;
    return p;
}

static bool key_is(const char *text, const char *key) { return strncmp(text, key, strlen(key)) == 0; }

static const char *parse_setting(const char *text, tsr_dataset_options *o)
{
    uint64_t value = 0;
    const char *end = NULL;
    if (key_is(text, "size=")) return parse_size(text + 5, o);
    if (key_is(text, "seed=")) return parse_number(text + 5, ",", UINT64_MAX, &o->seed);
    if (key_is(text, "count=") && (end = parse_number(text + 6, ",", INT64_MAX, &value))) o->count = (int64_t)value;
    if (key_is(text, "plain=") && (end = parse_number(text + 6, ",", INT64_MAX, &value))) o->scenes.plain = value != 0;
    if (key_is(text, "solids=") && (end = parse_number(text + 7, ",", INT64_MAX, &value)))
        o->scenes.solids = (int64_t)value;
    if (key_is(text, "offset=") && (end = parse_number(text + 7, ",", INT64_MAX, &value))) o->offset = (int64_t)value;
    return end;
}

static tsr_status parse_settings(const char *text, tsr_dataset_options *o)
{
    while (*text) {
        const char *end = parse_setting(text, o);
        if (!end) return bad_setting(text, (int)strcspn(text, ","));
        text = *end == ',' ? end + 1 : end;
    }
    return TSR_OK;
}

static tsr_status choose_scenes(tsr_dataset *set, const tsr_dataset_options *o)
{
    scenes *s = set->state;
    int64_t count = o->count == 0 ? DEFAULT_COUNT : o->count;
    if (count < 1 || o->offset < 0 || count > HELD_OUT_OFFSET || o->offset > HELD_OUT_OFFSET - count)
        return tsr_fail(TSR_EINVAL, "scenes: count %lld from number %lld; numbers may be 0 to 2^40 - 1",
                        (long long)count, (long long)o->offset);
    *s = (scenes){o->seed, o->offset, o->scenes};
    set->stored = count;
    set->has_parts = true;
    if (o->part != TSR_PART_HELD_OUT) return TSR_OK;
    double wanted = (double)count * (o->held_out == 0 ? 0.1 : o->held_out);
    s->offset += HELD_OUT_OFFSET;
    set->stored = wanted < 1 ? 1 : (int64_t)wanted;
    return TSR_OK;
}

tsr_status data_open_scenes(tsr_dataset *set, const char *text, const tsr_dataset_options *options)
{
    tsr_dataset_options o = *options;
    TSR_TRY(parse_settings(text, &o));
    if (!(set->state = tsr_alloc_zeroed(1, sizeof(scenes)))) return TSR_ENOMEM;
    set->source = &SCENES;
    TSR_TRY(choose_scenes(set, &o));
    TSR_TRY(data_set_size(set, &o, SCENE_CHANNELS, DEFAULT_SIZE, DEFAULT_SIZE));
    set->info.extras = o.extras;
    for (int64_t k = TSR_SCENE_SPHERE; k < TSR_SCENE_LABEL_COUNT; k++)
        TSR_TRY(data_add_class(set, tsr_scene_label_name(k)));
    return TSR_OK;
}
