/* scene_sample.c: draws a scene from random numbers.

   Scene i of seed s takes its numbers from blocks 64 i, 64 i + 1, ... of the counter-based generator with key s, so that
   any scene can be made without those before it. What is drawn is meant to be told apart at 64 x 64 pixels: pale rooms
   with a patterned floor, saturated solids in different colours, one large solid in the foreground that gives the scene
   its class, and smaller ones beside and behind it that do not hide it. The first lamp hangs to one side and nearer than
   the solids, so that shadows fall back and across, where the camera sees them. */
#include "data/scene.h"

#include <math.h>

#include "base/philox.h"
#include "base/util.h"

enum { BLOCKS_PER_SCENE = 64, PLACING_TRIES = 16 };

typedef struct dice {
    uint64_t seed, block;
    tsr_philox_block words;
    int used;
} dice;

static uint32_t dice_word(dice *d)
{
    if (d->used == 4) {
        d->words = tsr_philox(d->seed, d->block++);
        d->used = 0;
    }
    return d->words.v[d->used++];
}

static double dice_between(dice *d, double low, double high)
{
    return low + (high - low) * ((double)dice_word(d) * 0x1p-32);
}

static int dice_below(dice *d, int n) { return (int)(((uint64_t)dice_word(d) * (uint64_t)n) >> 32); }

static bool dice_chance(dice *d, double probability) { return dice_between(d, 0, 1) < probability; }

/* ---- colours: written as they look (square roots of light) ---------------------------------------------------------- */

static vec3 light_of(vec3 look) { return vec_mul(look, look); }

static const vec3 SOLID_COLOURS[] = {
    {0.90, 0.16, 0.14}, {0.96, 0.52, 0.10}, {0.97, 0.84, 0.18}, {0.20, 0.68, 0.26}, {0.12, 0.72, 0.74},
    {0.16, 0.34, 0.88}, {0.58, 0.24, 0.78}, {0.94, 0.44, 0.66}, {0.94, 0.94, 0.92}, {0.24, 0.24, 0.28},
};

static const vec3 WALL_COLOURS[] = {
    {0.93, 0.90, 0.82}, {0.78, 0.86, 0.93}, {0.82, 0.90, 0.80}, {0.93, 0.83, 0.80},
    {0.86, 0.83, 0.92}, {0.88, 0.88, 0.87}, {0.95, 0.88, 0.70}, {0.72, 0.84, 0.84},
};

/* Pairs for a floor's cells. */
static const vec3 FLOOR_COLOURS[][2] = {
    {{0.78, 0.60, 0.42}, {0.66, 0.47, 0.31}}, {{0.86, 0.84, 0.80}, {0.46, 0.45, 0.46}},
    {{0.78, 0.48, 0.38}, {0.60, 0.34, 0.28}}, {{0.62, 0.70, 0.76}, {0.38, 0.47, 0.56}},
    {{0.70, 0.74, 0.60}, {0.46, 0.54, 0.42}}, {{0.58, 0.46, 0.38}, {0.40, 0.31, 0.26}},
};

static const vec3 LAMP_COLOURS[] = {{1.00, 0.97, 0.92}, {1.00, 0.93, 0.80}, {0.92, 0.96, 1.00}};

/* ---- the room ------------------------------------------------------------------------------------------------------- */

static void sample_camera(dice *d, scene_camera *c)
{
    turn yaw = {0};
    double t = dice_between(d, -0.14, 0.14), p = dice_between(d, 0.08, 0.15);
    yaw.c = (1 - t * t) / (1 + t * t);
    yaw.s = 2 * t / (1 + t * t);
    double pc = (1 - p * p) / (1 + p * p), ps = 2 * p / (1 + p * p);
    c->eye = (vec3){0, dice_between(d, 1.2, 1.7), 0};
    c->right = turn_to_world(yaw, (vec3){1, 0, 0});
    c->up = turn_to_world(yaw, (vec3){0, pc, ps});
    c->forward = turn_to_world(yaw, (vec3){0, -ps, pc});
}

static void sample_floor(dice *d, scene_material *floor)
{
    int pair = dice_below(d, (int)TSR_COUNT(FLOOR_COLOURS)), pattern = dice_below(d, 5);
    floor->colour = light_of(FLOOR_COLOURS[pair][0]);
    floor->other = light_of(FLOOR_COLOURS[pair][1]);
    floor->pattern = pattern < 2 ? PATTERN_CHECKER : pattern < 4 ? PATTERN_STRIPES : PATTERN_PLAIN;
    /* Boards differ less than tiles do. */
    if (floor->pattern == PATTERN_STRIPES) floor->other = vec_mix(floor->colour, floor->other, 0.6);
    floor->cells = 1 / dice_between(d, 0.45, 0.8);
    if (dice_chance(d, 0.3)) {
        floor->gloss = 0.15;
        floor->sharpness = 5;
    }
}

static void sample_walls(dice *d, scene *s)
{
    int wall = dice_below(d, (int)TSR_COUNT(WALL_COLOURS)), back = dice_below(d, (int)TSR_COUNT(WALL_COLOURS));
    s->wall.colour = light_of(WALL_COLOURS[wall]);
    s->back = s->wall;
    if (dice_chance(d, 0.6)) s->back.colour = light_of(WALL_COLOURS[back]);
    if (dice_chance(d, 0.3)) {
        s->back.pattern = PATTERN_STRIPES;
        s->back.other = vec_scale(s->back.colour, 0.72);
        s->back.cells = 1 / dice_between(d, 0.3, 0.6);
    }
    s->ceiling.colour = (vec3){0.85, 0.85, 0.84};
    s->skirting = dice_chance(d, 0.5) ? (vec3){0.9, 0.9, 0.88} : (vec3){0.16, 0.11, 0.08};
}

static void sample_room(dice *d, scene *s)
{
    s->low = (vec3){-dice_between(d, 1.7, 2.8), 0, -1.5};
    s->high = (vec3){dice_between(d, 1.7, 2.8), dice_between(d, 2.4, 3.0), dice_between(d, 4.2, 6.0)};
    sample_floor(d, &s->floor);
    sample_walls(d, s);
}

/* The main lamp, on the camera's side of the solids and off to one side; sometimes a weaker one opposite. */
static void sample_lamps(dice *d, scene *s)
{
    double side = dice_chance(d, 0.5) ? 1 : -1;
    double height = s->high.y - 0.15;
    s->lamp_count = dice_chance(d, 0.4) ? 2 : 1;
    for (int i = 0; i < s->lamp_count; i++) {
        scene_lamp *lamp = &s->lamps[i];
        lamp->centre = (vec3){side * dice_between(d, 1.0, 1.6), height - dice_between(d, 0, 0.5),
                              dice_between(d, 0.4, i ? 3.2 : 1.9)};
        vec3 tint = light_of(LAMP_COLOURS[dice_below(d, (int)TSR_COUNT(LAMP_COLOURS))]);
        double share = s->lamp_count == 1 ? 1 : i == 0 ? 0.75 : 0.4;
        lamp->colour = vec_scale(tint, share * dice_between(d, 1.25, 1.6));
        lamp->radius = dice_chance(d, 0.7) ? dice_between(d, 0.15, 0.4) : 0;
        side = -side;
    }
    double level = dice_between(d, 0.27, 0.36);
    s->ambient = (vec3){level, level, level * 1.04};
}

/* ---- the solids ------------------------------------------------------------------------------------------------------ */

static void sample_shape(dice *d, scene_solid *solid, double size)
{
    double x = dice_between(d, 0.85, 1.15), y = dice_between(d, 0.85, 1.2), z = dice_between(d, 0.85, 1.15);
    solid->kind = (tsr_scene_label)(TSR_SCENE_SPHERE + dice_below(d, 4));
    switch (solid->kind) {
    case TSR_SCENE_BOX:
        solid->half = (vec3){0.40 * x * size, 0.42 * y * size, 0.40 * z * size};
        break;
    case TSR_SCENE_CYLINDER:
        solid->half = (vec3){0.36 * x * size, 0.50 * y * size, 0.36 * x * size};
        break;
    case TSR_SCENE_CONE:
        solid->half = (vec3){0.50 * x * size, 0.58 * y * size, 0.50 * x * size};
        break;
    default:
        solid->half = (vec3){0.48 * x * size, 0.48 * x * size, 0.48 * x * size};
        break;
    }
}

static void sample_direction(dice *d, turn *direction)
{
    double t = dice_between(d, -0.41, 0.41); /* tan(45 degrees / 2) */
    *direction = (turn){(1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)};
}

/* Colours are drawn without putting back, so that solids differ. Checks are for solids large enough to show them. */
static void sample_solid_material(dice *d, scene_material *m, bool checks, bool *taken)
{
    int n = (int)TSR_COUNT(SOLID_COLOURS), i = dice_below(d, n), pattern = dice_below(d, 6);
    while (taken[i]) i = (i + 1) % n;
    taken[i] = true;
    m->colour = light_of(SOLID_COLOURS[i]);
    m->pattern = pattern == 0 && checks         ? PATTERN_CHECKER
                 : pattern == 1 || pattern == 2 ? PATTERN_STRIPES
                                                : PATTERN_PLAIN;
    m->other = dice_chance(d, 0.5) ? (vec3){0.85, 0.84, 0.80} : vec_scale(m->colour, 0.35);
    m->cells = 1 / dice_between(d, 0.17, 0.28);
    m->gloss = dice_chance(d, 0.6) ? dice_between(d, 0.3, 0.9) : 0;
    m->sharpness = 4 + dice_below(d, 3);
}

/* How far the solid reaches from its vertical axis. */
static double footprint(const scene_solid *solid)
{
    if (solid->kind != TSR_SCENE_BOX) return solid->half.x;
    return sqrt(solid->half.x * solid->half.x + solid->half.z * solid->half.z);
}

static double bound_of(const scene_solid *solid)
{
    double reach = footprint(solid);
    return solid->kind == TSR_SCENE_SPHERE ? reach : sqrt(reach * reach + solid->half.y * solid->half.y);
}

/* Stand it `ahead` metres before the camera, `aside` to the right of the line of sight. */
static void stand(const scene *s, scene_solid *solid, double ahead, double aside)
{
    vec3 right = s->camera.right;
    solid->centre = (vec3){ahead * -right.z + aside * right.x, solid->half.y, ahead * right.x + aside * right.z};
}

static bool in_room(const scene *s, const scene_solid *solid)
{
    double reach = footprint(solid) + 0.05;
    return solid->centre.x - reach > s->low.x && solid->centre.x + reach < s->high.x &&
           solid->centre.z + reach < s->high.z;
}

/* Whether it stands clear of another and does not hide it, nor is hidden by it: not the same place, and seen from the
   camera at least `apart` of the widths away from the other's middle. */
static bool clear_of(const scene *s, const scene_solid *a, const scene_solid *b, double apart)
{
    double reach = footprint(a) + footprint(b) + 0.06;
    vec3 between = vec_sub(a->centre, b->centre), right = s->camera.right;
    vec3 ahead = {-right.z, 0, right.x};
    if (between.x * between.x + between.z * between.z < reach * reach) return false;
    double za = vec_dot(a->centre, ahead), zb = vec_dot(b->centre, ahead);
    double angle = vec_dot(a->centre, right) / za - vec_dot(b->centre, right) / zb;
    double width = footprint(a) / za + footprint(b) / zb;
    return angle * angle > apart * apart * width * width;
}

/* About how much of the picture it covers; the unit does not matter. */
static double apparent_size(const scene *s, const scene_solid *solid)
{
    double ahead = solid->centre.z * s->camera.right.x - solid->centre.x * s->camera.right.z;
    double fill = solid->kind == TSR_SCENE_CONE ? 0.5 : solid->kind == TSR_SCENE_SPHERE ? 0.785 : 1;
    return fill * footprint(solid) * solid->half.y / (ahead * ahead);
}

static bool place(dice *d, scene *s, scene_solid *solid)
{
    for (int i = 0; i < PLACING_TRIES; i++) {
        double ahead = dice_between(d, 2.2, s->high.z - 0.5);
        stand(s, solid, ahead, ahead * dice_between(d, -0.48, 0.48));
        bool fits = in_room(s, solid) && apparent_size(s, solid) < 0.6 * apparent_size(s, &s->solids[0]);
        for (int k = 0; k < s->solid_count; k++) fits = fits && clear_of(s, solid, &s->solids[k], k ? 0.5 : 0.75);
        if (fits) return true;
    }
    return false;
}

static void sample_solid(dice *d, scene *s, bool *taken)
{
    scene_solid *solid = &s->solids[s->solid_count];
    bool first = s->solid_count == 0;
    sample_shape(d, solid, first ? dice_between(d, 1.0, 1.25) : dice_between(d, 0.55, 0.85));
    sample_direction(d, &solid->direction);
    sample_solid_material(d, &solid->material, first, taken);
    solid->bound = bound_of(solid);
    if (first) {
        double ahead = dice_between(d, 2.4, 3.1);
        stand(s, solid, ahead, ahead * dice_between(d, -0.2, 0.2));
    } else if (!place(d, s, solid)) {
        return;
    }
    s->solid_count++;
}

/* The same scene without patterns: all is drawn before, so that shapes, places and colours stay. */
static void remove_patterns(scene *s)
{
    s->floor.pattern = s->back.pattern = PATTERN_PLAIN;
    for (int i = 0; i < s->solid_count; i++) s->solids[i].material.pattern = PATTERN_PLAIN;
}

void scene_sample(scene *s, uint64_t seed, int64_t index, tsr_scene_style style)
{
    dice d = {.seed = seed, .block = (uint64_t)index * BLOCKS_PER_SCENE, .used = 4};
    bool taken[TSR_COUNT(SOLID_COLOURS)] = {false};
    *s = (scene){0};
    sample_camera(&d, &s->camera);
    sample_room(&d, s);
    sample_lamps(&d, s);
    int wanted = 1 + dice_below(&d, SCENE_MAX_SOLIDS);
    for (int i = 0; i < wanted; i++) sample_solid(&d, s, taken);
    if (style.solids > 0) s->solid_count = (int)tsr_min_i64(s->solid_count, style.solids);
    if (style.plain) remove_patterns(s);
}
