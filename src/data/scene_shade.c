/* scene_shade.c: the colour of a point.

   The light that reaches the eye is what the lamps give directly (Lambert's diffuse reflection, a Blinn highlight, a
   shadow ray each) and an even ambient light, dimmed where solids and corners hide part of the room: without that
   ambient occlusion solids seem to float. A solid's share of it is that of its bounding sphere seen from the point, which
   has a formula, so no rays are spent on it. A lamp is asked about in sixteen places, four from each of a pixel's
   four samples; their mean is a soft shadow. */
#include "data/scene.h"

#include <math.h>

static const double SKIRTING_HEIGHT = 0.12;

static double clamp01(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static vec3 unit(vec3 v) { return vec_scale(v, 1 / sqrt(vec_dot(v, v))); }

/* The number of the cell that x lies in: floor, for numbers that fit. */
static int64_t cell_of(double x)
{
    int64_t i = (int64_t)x;
    return (double)i > x ? i - 1 : i;
}

/* A brightness between 0.85 and 1 for a floor board, from its number. */
static double board_tone(int64_t board)
{
    uint32_t h = (uint32_t)board * 2654435761u;
    return 0.85 + 0.15 * (double)(h >> 24) / 255;
}

/* u, v: coordinates on the surface; a solid texture adds the third, w. */
static vec3 pattern_colour(const scene_material *m, double u, double v, double w)
{
    if (m->pattern == PATTERN_PLAIN) return m->colour;
    int64_t i = cell_of(u * m->cells);
    if (m->pattern == PATTERN_STRIPES) return (i & 1) ? vec_scale(m->other, board_tone(i)) : m->colour;
    int64_t sum = i + cell_of(v * m->cells) + cell_of(w * m->cells);
    return (sum & 1) ? m->other : m->colour;
}

static const scene_material *room_material(const scene *s, const scene_hit *hit)
{
    if (hit->normal.y > 0) return &s->floor;
    if (hit->normal.y < 0) return &s->ceiling;
    return hit->normal.z < 0 ? &s->back : &s->wall;
}

static vec3 room_colour(const scene *s, const scene_hit *hit)
{
    const scene_material *m = room_material(s, hit);
    vec3 p = hit->point;
    if (hit->normal.y != 0) return pattern_colour(m, p.x, p.z, 0);
    if (p.y < SKIRTING_HEIGHT) return s->skirting;
    return pattern_colour(m, hit->normal.x != 0 ? p.z : p.x, p.y, 0);
}

/* Stripes go round a solid, checks fill its space. The small shift keeps cell borders off faces. */
static vec3 solid_colour(const scene_solid *solid, vec3 local)
{
    double shift = 1.0 / 1024;
    return pattern_colour(&solid->material, local.y + solid->half.y + shift, local.x + shift, local.z + shift);
}

static const scene_material *material_of(const scene *s, const scene_hit *hit)
{
    return hit->solid < 0 ? room_material(s, hit) : &s->solids[hit->solid].material;
}

/* How much of what the point sees is not hidden by one solid: a sphere of radius r at distance d, in the direction that
   makes the cosine c with the normal, covers about c r^2 / d^2 of the half space. */
static double solid_openness(const scene_solid *solid, vec3 point, vec3 normal)
{
    vec3 to = vec_sub(solid->centre, point);
    double squared = vec_dot(to, to), radius = 0.8 * solid->bound, floor = radius * radius;
    if (squared > 16 * floor) return 1;
    if (squared < floor) squared = floor;
    double cosine = vec_dot(to, normal) / sqrt(squared);
    return 1 - 0.8 * clamp01(0.25 + 0.75 * cosine) * floor / squared;
}

/* The same for the planes of the room that face the point: 1 - 0.3 / (1 + 8 d^2) for each, d its distance. The factors are
   kept as one fraction, since a division costs as much as all the rest. */
typedef struct fraction {
    double above, below;
} fraction;

static fraction times_plane(fraction f, double distance)
{
    double far = 8 * distance * distance;
    return (fraction){f.above * (0.7 + far), f.below * (1 + far)};
}

static double room_openness(const scene *s, vec3 p, vec3 n)
{
    fraction open = {1, 1};
    if (n.y < 0.9) open = times_plane(open, p.y);
    if (n.y > -0.9) open = times_plane(open, s->high.y - p.y);
    if (n.x < 0.9) open = times_plane(open, p.x - s->low.x);
    if (n.x > -0.9) open = times_plane(open, s->high.x - p.x);
    if (n.z > -0.9) open = times_plane(open, s->high.z - p.z);
    return open.above / open.below;
}

static double openness(const scene *s, const scene_hit *hit)
{
    double open = room_openness(s, hit->point, hit->normal);
    for (int i = 0; i < s->solid_count; i++) {
        if (i != hit->solid) open *= solid_openness(&s->solids[i], hit->point, hit->normal);
    }
    return open;
}

/* The middle of one of the lamp's sixteen parts: its quarter, 0 to 3, and the quarter's quarter. */
static vec3 lamp_point(const scene_lamp *lamp, int quarter, int sub)
{
    double x = ((quarter & 1) ? 0.5 : -0.5) + ((sub & 1) ? 0.25 : -0.25);
    double z = ((quarter & 2) ? 0.5 : -0.5) + ((sub & 2) ? 0.25 : -0.25);
    return vec_add(lamp->centre, (vec3){x * lamp->radius, 0, z * lamp->radius});
}

/* How much of the lamp is seen, 0 to 1. Where no solid comes near, all of it is, and no ray is sent. */
static double lamp_share(const scene *s, const scene_lamp *lamp, const scene_hit *hit, int sub)
{
    vec3 start = vec_add(hit->point, vec_scale(hit->normal, 1e-4));
    if (!scene_maybe_occluded(s, start, lamp->centre, lamp->radius)) return 1;
    if (lamp->radius == 0) return scene_occluded(s, start, lamp->centre) ? 0 : 1;
    int seen = 0;
    for (int quarter = 0; quarter < 4; quarter++) seen += !scene_occluded(s, start, lamp_point(lamp, quarter, sub));
    return 0.25 * seen;
}

/* A cosine to the power 2^sharpness. */
static double highlight(double cosine, int sharpness)
{
    if (cosine <= 0) return 0;
    for (int i = 0; i < sharpness; i++) cosine *= cosine;
    return cosine;
}

static vec3 lamp_light(const scene *s, const scene_lamp *lamp, const scene_hit *hit, vec3 colour, vec3 eye, int sub)
{
    vec3 to = vec_sub(lamp->centre, hit->point);
    if (vec_dot(to, hit->normal) <= 0) return (vec3){0};
    double share = lamp_share(s, lamp, hit, sub), squared = vec_dot(to, to);
    if (share == 0) return (vec3){0};
    const scene_material *m = material_of(s, hit);
    vec3 towards = vec_scale(to, 1 / sqrt(squared));
    vec3 sum = vec_scale(colour, vec_dot(towards, hit->normal));
    if (m->gloss > 0) {
        vec3 middle = unit(vec_add(towards, unit(vec_sub(eye, hit->point))));
        double shine = m->gloss * highlight(vec_dot(middle, hit->normal), m->sharpness);
        sum = vec_add(sum, (vec3){shine, shine, shine});
    }
    return vec_scale(vec_mul(sum, lamp->colour), share / (0.5 + 0.12 * squared));
}

vec3 scene_shade(const scene *s, const scene_hit *hit, vec3 eye, int sub)
{
    vec3 colour = hit->solid < 0 ? room_colour(s, hit) : solid_colour(&s->solids[hit->solid], hit->local);
    double sky = 0.8 + 0.2 * hit->normal.y;
    vec3 sum = vec_scale(vec_mul(colour, s->ambient), sky * openness(s, hit));
    for (int i = 0; i < s->lamp_count; i++) {
        sum = vec_add(sum, lamp_light(s, &s->lamps[i], hit, colour, eye, sub));
    }
    return sum;
}

tsr_scene_label scene_label_of(const scene *s, const scene_hit *hit)
{
    if (hit->solid >= 0) return s->solids[hit->solid].kind;
    return hit->normal.y > 0 ? TSR_SCENE_FLOOR : hit->normal.y < 0 ? TSR_SCENE_CEILING : TSR_SCENE_WALL;
}
