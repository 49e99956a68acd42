/* Scenes: the same number is the same picture, everywhere and in any thread; depth, labels and the right eye agree with
   the geometry that they are documented to have. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "data/scene.h"

enum { SIDE = 64, PIXELS = SIDE * SIDE };

typedef struct views {
    float left[3 * PIXELS], right[3 * PIXELS], depth[PIXELS];
    uint8_t label[PIXELS];
    int64_t kind;
} views;

static views *draw(uint64_t seed, int64_t index)
{
    views *v = malloc(sizeof *v);
    tsr_scene_views to = {v->left, v->right, v->depth, v->label};
    assert_int_equal(tsr_scene_draw(seed, index, (tsr_scene_style){0}, SIDE, SIDE, to, &v->kind), TSR_OK);
    return v;
}

static void *draw_in_thread(void *index) { return draw(5, *(int64_t *)index); }

static void a_scene_is_the_same_in_every_thread(void **state)
{
    (void)state;
    int64_t index[4] = {3, 3, 3, 3};
    pthread_t thread[4];
    views *first = draw(5, 3);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, draw_in_thread, &index[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *again;
        pthread_join(thread[i], &again);
        assert_memory_equal(first, again, sizeof(views));
        free(again);
    }
    free(first);
}

static void each_view_is_the_same_when_drawn_alone(void **state)
{
    (void)state;
    views *all = draw(1, 9);
    float *depth = malloc(sizeof all->depth);
    assert_int_equal(tsr_scene_draw(1, 9, (tsr_scene_style){0}, SIDE, SIDE, (tsr_scene_views){.depth = depth}, NULL),
                     TSR_OK);
    assert_memory_equal(depth, all->depth, sizeof all->depth);
    free(depth);
    free(all);
}

static void another_number_or_seed_is_another_scene(void **state)
{
    (void)state;
    views *a = draw(5, 3), *b = draw(5, 4), *c = draw(6, 3);
    assert_memory_not_equal(a->left, b->left, sizeof a->left);
    assert_memory_not_equal(a->left, c->left, sizeof a->left);
    free(a);
    free(b);
    free(c);
}

static void values_are_pictures_and_depths_are_in_the_room(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 30; i++) {
        views *v = draw(2, i);
        for (int k = 0; k < 3 * PIXELS; k++) assert_true(v->left[k] >= -1 && v->left[k] <= 1);
        for (int k = 0; k < PIXELS; k++) assert_true(v->depth[k] > 0.5f && v->depth[k] < 8);
        for (int k = 0; k < PIXELS; k++) assert_true(v->label[k] < TSR_SCENE_LABEL_COUNT);
        free(v);
    }
}

/* The ray through a pixel's centre, by the documented camera. */
static vec3 pixel_ray(const scene *s, tsr_scene_camera c, double x, double y)
{
    vec3 across = vec_scale(s->camera.right, (x - c.cx) / c.focal);
    vec3 down = vec_scale(s->camera.up, (c.cy - y) / c.focal);
    return vec_add(vec_add(across, down), s->camera.forward);
}

/* A point at depth z lies z times the ray (whose forward part is 1) from the eye: floor points must have height 0. */
static void depth_puts_floor_pixels_on_the_floor(void **state)
{
    (void)state;
    tsr_scene_camera c = tsr_scene_get_camera(SIDE, SIDE);
    int64_t seen = 0;
    for (int64_t i = 0; i < 20; i++) {
        views *v = draw(2, i);
        scene s;
        scene_sample(&s, 2, i, (tsr_scene_style){0});
        for (int k = 0; k < PIXELS; k++) {
            if (v->label[k] != TSR_SCENE_FLOOR) continue;
            vec3 ray = pixel_ray(&s, c, k % SIDE, k / SIDE);
            assert_true(fabs(s.camera.eye.y + ray.y * v->depth[k]) < 1e-5);
            seen++;
        }
        free(v);
    }
    assert_true(seen > 20 * PIXELS / 10);
}

/* The camera's axes are orthogonal unit vectors, or depth would not be distance along the optical axis. */
static void cameras_have_orthonormal_axes(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 50; i++) {
        scene s;
        scene_sample(&s, 7, i, (tsr_scene_style){0});
        scene_camera *c = &s.camera;
        assert_true(fabs(vec_dot(c->right, c->right) - 1) < 1e-14 && fabs(vec_dot(c->up, c->up) - 1) < 1e-14);
        assert_true(fabs(vec_dot(c->forward, c->forward) - 1) < 1e-14);
        assert_true(fabs(vec_dot(c->right, c->up)) < 1e-14 && fabs(vec_dot(c->up, c->forward)) < 1e-14);
    }
}

/* Whether the right eye sees, at column x - f b / z, the very point that the left one sees at x; when not, something
   nearer hides it. */
static bool right_eye_sees_it(const scene *s, tsr_scene_camera c, int k)
{
    scene_hit left, right;
    vec3 eye = vec_add(s->camera.eye, vec_scale(s->camera.right, c.baseline));
    scene_trace(s, s->camera.eye, pixel_ray(s, c, k % SIDE, k / SIDE), &left);
    double disparity = c.focal * c.baseline / left.t;
    scene_trace(s, eye, pixel_ray(s, c, k % SIDE - disparity, k / SIDE), &right);
    vec3 apart = vec_sub(left.point, right.point);
    bool same = vec_dot(apart, apart) < 1e-16;
    assert_true(same || right.t < left.t);
    return same;
}

static void disparity_is_focal_times_baseline_over_depth(void **state)
{
    (void)state;
    tsr_scene_camera c = tsr_scene_get_camera(SIDE, SIDE);
    assert_true(fabs(c.focal - 0.95 * SIDE) < 1e-12 && c.baseline == 0.2);
    for (int64_t i = 0; i < 20; i++) {
        scene s;
        int64_t same = 0;
        scene_sample(&s, 3, i, (tsr_scene_style){0});
        for (int k = 0; k < PIXELS; k++) same += right_eye_sees_it(&s, c, k);
        assert_true(same > PIXELS * 8 / 10);
    }
}

/* Mean difference between the left picture and the right one fetched from `shift` columns beside the true place. */
static double warped_difference(const views *v, double shift)
{
    tsr_scene_camera c = tsr_scene_get_camera(SIDE, SIDE);
    double sum = 0;
    int64_t n = 0;
    for (int k = 0; k < PIXELS; k++) {
        double x = k % SIDE - c.focal * c.baseline / v->depth[k] + shift;
        int left = (int)floor(x);
        if (left < 0 || left + 1 >= SIDE) continue;
        const float *row = v->right + k / SIDE * SIDE;
        sum += fabs(v->left[k] - ((left + 1 - x) * row[left] + (x - left) * row[left + 1]));
        n++;
    }
    return sum / (double)n;
}

static void warping_the_right_picture_by_the_disparity_gives_the_left_one(void **state)
{
    (void)state;
    double right_place = 0, two_beside = 0;
    for (int64_t i = 0; i < 20; i++) {
        views *v = draw(4, i);
        right_place += warped_difference(v, 0) / 20;
        two_beside += (warped_difference(v, 2) + warped_difference(v, -2)) / 40;
        free(v);
    }
    assert_true(right_place < 0.05);
    assert_true(two_beside > 2 * right_place);
}

static void the_class_is_the_solid_that_covers_most(void **state)
{
    (void)state;
    int agree = 0, kinds[4] = {0};
    for (int64_t i = 0; i < 200; i++) {
        views *v = draw(8, i);
        int64_t cover[TSR_SCENE_LABEL_COUNT] = {0}, best = TSR_SCENE_SPHERE;
        for (int k = 0; k < PIXELS; k++) cover[v->label[k]]++;
        for (int64_t s = TSR_SCENE_SPHERE; s <= TSR_SCENE_CONE; s++)
            if (cover[s] > cover[best]) best = s;
        agree += best == v->kind + TSR_SCENE_SPHERE;
        kinds[v->kind]++;
        free(v);
    }
    assert_true(agree >= 196);
    for (int s = 0; s < 4; s++) assert_true(kinds[s] > 25);
}

static void solids_stand_apart_in_the_room(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        scene s;
        scene_sample(&s, 9, i, (tsr_scene_style){0});
        assert_in_range(s.solid_count, 1, SCENE_MAX_SOLIDS);
        for (int a = 0; a < s.solid_count; a++) {
            vec3 at = s.solids[a].centre, half = s.solids[a].half;
            assert_true(at.y == half.y && at.x - half.x > s.low.x && at.x + half.x < s.high.x && at.z < s.high.z);
            for (int b = 0; b < a; b++) {
                vec3 d = vec_sub(at, s.solids[b].centre);
                assert_true(sqrt(d.x * d.x + d.z * d.z) > half.x + s.solids[b].half.x);
            }
        }
    }
}

/* Patterns are the only difference: of all that is seen, only colours may change, and of some scenes nothing. */
static void plain_scenes_have_the_same_shapes_without_patterns(void **state)
{
    (void)state;
    int changed = 0, patterned = 0;
    for (int64_t i = 0; i < 30; i++) {
        scene s, p;
        scene_sample(&s, 4, i, (tsr_scene_style){0});
        scene_sample(&p, 4, i, (tsr_scene_style){.plain = true});
        bool any = s.floor.pattern != PATTERN_PLAIN || s.back.pattern != PATTERN_PLAIN;
        for (int k = 0; k < s.solid_count; k++) any = any || s.solids[k].material.pattern != PATTERN_PLAIN;
        patterned += any;
        scene few;
        scene_sample(&few, 4, i, (tsr_scene_style){.solids = 2});
        assert_int_equal(few.solid_count, s.solid_count < 2 ? s.solid_count : 2);
        assert_memory_equal(few.solids, s.solids, (size_t)few.solid_count * sizeof *s.solids);
        assert_true(p.floor.pattern == PATTERN_PLAIN && p.back.pattern == PATTERN_PLAIN);
        for (int k = 0; k < p.solid_count; k++) assert_int_equal(p.solids[k].material.pattern, PATTERN_PLAIN);
        views *a = draw(4, i), *b = malloc(sizeof *b);
        tsr_scene_views to = {b->left, b->right, b->depth, b->label};
        assert_int_equal(tsr_scene_draw(4, i, (tsr_scene_style){.plain = true}, SIDE, SIDE, to, &b->kind), TSR_OK);
        assert_memory_equal(a->depth, b->depth, sizeof a->depth);
        assert_memory_equal(a->label, b->label, sizeof a->label);
        assert_int_equal(a->kind, b->kind);
        changed += memcmp(a->left, b->left, sizeof a->left) != 0;
        free(a);
        free(b);
    }
    assert_true(changed > 15 && changed <= patterned);
}

static void pictures_need_not_be_square(void **state)
{
    (void)state;
    enum { H = 17, W = 40 };
    static float left[3 * H * W + 1], depth[H * W + 1];
    left[3 * H * W] = depth[H * W] = 77;
    assert_int_equal(
        tsr_scene_draw(0, 0, (tsr_scene_style){0}, H, W, (tsr_scene_views){.left = left, .depth = depth}, NULL),
        TSR_OK);
    assert_true(left[3 * H * W] == 77 && depth[H * W] == 77);
    tsr_scene_camera c = tsr_scene_get_camera(H, W);
    assert_true(c.cx == 19.5 && c.cy == 8 && fabs(c.focal - 0.95 * sqrt(17 * 40)) < 1e-12);
}

static void sizes_and_numbers_out_of_range_are_errors(void **state)
{
    (void)state;
    assert_int_equal(tsr_scene_draw(0, 0, (tsr_scene_style){0}, 0, 64, (tsr_scene_views){0}, NULL), TSR_EINVAL);
    assert_non_null(strstr(tsr_error_message(), "0 x 64"));
    tsr_error_clear();
    assert_int_equal(tsr_scene_draw(0, -1, (tsr_scene_style){0}, 64, 64, (tsr_scene_views){0}, NULL), TSR_EINVAL);
    tsr_error_clear();
    assert_string_equal(tsr_scene_label_name(TSR_SCENE_CONE), "cone");
    assert_string_equal(tsr_scene_label_name(99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scene_is_the_same_in_every_thread),
        cmocka_unit_test(each_view_is_the_same_when_drawn_alone),
        cmocka_unit_test(another_number_or_seed_is_another_scene),
        cmocka_unit_test(values_are_pictures_and_depths_are_in_the_room),
        cmocka_unit_test(depth_puts_floor_pixels_on_the_floor),
        cmocka_unit_test(cameras_have_orthonormal_axes),
        cmocka_unit_test(disparity_is_focal_times_baseline_over_depth),
        cmocka_unit_test(warping_the_right_picture_by_the_disparity_gives_the_left_one),
        cmocka_unit_test(the_class_is_the_solid_that_covers_most),
        cmocka_unit_test(solids_stand_apart_in_the_room),
        cmocka_unit_test(plain_scenes_have_the_same_shapes_without_patterns),
        cmocka_unit_test(pictures_need_not_be_square),
        cmocka_unit_test(sizes_and_numbers_out_of_range_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
