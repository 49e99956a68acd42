/* scene_render.c: goes over the pixels of a scene.

   Pixel (column x, row y) looks along right (x - cx) / focal + up (cy - y) / focal + forward, whose forward part is 1:
   the distance along the ray is then the depth along the optical axis. The right eye is the same camera, moved by the
   baseline along `right`. Pictures take the mean of 2 x 2 samples in each pixel; depth and labels take its centre, since
   a mean of depths over an edge is the depth of nothing. */
#include "data/scene.h"

#include <math.h>

#include "base/util.h"

enum { SCENE_MAX_SIZE = 8192 };

static const char *const LABEL_NAMES[TSR_SCENE_LABEL_COUNT] = {"floor", "wall",     "ceiling", "sphere",
                                                               "box",   "cylinder", "cone"};

const char *tsr_scene_label_name(int64_t label)
{
    return label >= 0 && label < TSR_SCENE_LABEL_COUNT ? LABEL_NAMES[label] : "?";
}

tsr_scene_camera tsr_scene_get_camera(int64_t height, int64_t width)
{
    return (tsr_scene_camera){.focal = 0.95 * sqrt((double)height * (double)width),
                              .cx = ((double)width - 1) / 2,
                              .cy = ((double)height - 1) / 2,
                              .baseline = 0.2};
}

static vec3 pixel_direction(const scene_camera *c, const tsr_scene_camera *view, double x, double y)
{
    vec3 across = vec_scale(c->right, (x - view->cx) / view->focal);
    return vec_add(vec_add(across, vec_scale(c->up, (view->cy - y) / view->focal)), c->forward);
}

static float displayed(double light) { return (float)(2 * sqrt(light < 1 ? light : 1) - 1); }

static vec3 pixel_light(const scene *s, const tsr_scene_camera *view, vec3 eye, int64_t column, int64_t row)
{
    vec3 sum = {0};
    for (int sub = 0; sub < SCENE_SUBSAMPLES; sub++) {
        double x = (double)column + ((sub & 1) ? 0.25 : -0.25), y = (double)row + ((sub & 2) ? 0.25 : -0.25);
        scene_hit hit;
        scene_trace(s, eye, pixel_direction(&s->camera, view, x, y), &hit);
        sum = vec_add(sum, scene_shade(s, &hit, eye, sub));
    }
    return vec_scale(sum, 1.0 / SCENE_SUBSAMPLES);
}

static void draw_picture(const scene *s, int64_t height, int64_t width, vec3 eye, float *out)
{
    tsr_scene_camera view = tsr_scene_get_camera(height, width);
    int64_t plane = height * width;
    for (int64_t i = 0; i < plane; i++) {
        vec3 light = pixel_light(s, &view, eye, i % width, i / width);
        out[i] = displayed(light.x);
        out[plane + i] = displayed(light.y);
        out[2 * plane + i] = displayed(light.z);
    }
}

static void draw_centres(const scene *s, int64_t height, int64_t width, float *depth, uint8_t *label)
{
    tsr_scene_camera view = tsr_scene_get_camera(height, width);
    for (int64_t i = 0; i < height * width; i++) {
        scene_hit hit;
        vec3 direction = pixel_direction(&s->camera, &view, (double)(i % width), (double)(i / width));
        scene_trace(s, s->camera.eye, direction, &hit);
        if (depth) depth[i] = (float)hit.t;
        if (label) label[i] = (uint8_t)scene_label_of(s, &hit);
    }
}

tsr_status tsr_scene_draw(uint64_t seed, int64_t index, tsr_scene_style style, int64_t height, int64_t width,
                          tsr_scene_views views, int64_t *kind)
{
    if (height < 1 || width < 1 || height > SCENE_MAX_SIZE || width > SCENE_MAX_SIZE)
        return tsr_fail(TSR_EINVAL, "scenes: a picture of %lld x %lld pixels; sides may be 1 to %d", (long long)height,
                        (long long)width, SCENE_MAX_SIZE);
    if (index < 0) return tsr_fail(TSR_EINVAL, "scenes: scene number %lld is negative", (long long)index);
    scene s;
    scene_sample(&s, seed, index, style);
    vec3 shift = vec_scale(s.camera.right, tsr_scene_get_camera(height, width).baseline);
    if (views.left) draw_picture(&s, height, width, s.camera.eye, views.left);
    if (views.right) draw_picture(&s, height, width, vec_add(s.camera.eye, shift), views.right);
    if (views.depth || views.label) draw_centres(&s, height, width, views.depth, views.label);
    if (kind) *kind = s.solids[0].kind - TSR_SCENE_SPHERE;
    return TSR_OK;
}
