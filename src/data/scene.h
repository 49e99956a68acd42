/* scene.h: the renderer behind the data set `scenes`, inside.

   A scene is a room, a handful of solids that stand on its floor, one or two lamps and a camera. scene_sample.c draws
   one from random numbers, scene_geometry.c meets it with rays, scene_shade.c gives points their colour, and
   scene_render.c goes over the pixels.

   World axes: x to the right, y up, z ahead; metres; the floor is y = 0 and the left eye stands over the origin.
   Everything is double and uses + - * / and sqrt alone, which IEEE 754 rounds exactly: with contraction off, as the
   library is compiled, every machine makes the same picture to the bit. That is why there is no sin, pow or rounding
   function here: angles are rational points of the circle, and powers are squared squares. */
#ifndef DATA_SCENE_H
#define DATA_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "tessera/data.h"

enum { SCENE_MAX_SOLIDS = 4, SCENE_MAX_LAMPS = 2, SCENE_SUBSAMPLES = 4 /* of a pixel: 2 x 2 */ };

/* ---- vectors ------------------------------------------------------------------------------------------------------ */

typedef struct vec3 {
    double x, y, z;
} vec3;

static inline vec3 vec_add(vec3 a, vec3 b) { return (vec3){a.x + b.x, a.y + b.y, a.z + b.z}; }

static inline vec3 vec_sub(vec3 a, vec3 b) { return (vec3){a.x - b.x, a.y - b.y, a.z - b.z}; }

static inline vec3 vec_scale(vec3 a, double s) { return (vec3){a.x * s, a.y * s, a.z * s}; }

static inline vec3 vec_mul(vec3 a, vec3 b) { return (vec3){a.x * b.x, a.y * b.y, a.z * b.z}; }

static inline double vec_dot(vec3 a, vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

/* a at t = 0, b at t = 1. */
static inline vec3 vec_mix(vec3 a, vec3 b, double t) { return vec_add(vec_scale(a, 1 - t), vec_scale(b, t)); }

/* A rotation about the vertical: local x axis (c, -s) in the plane (x, z). */
typedef struct turn {
    double c, s;
} turn;

static inline vec3 turn_to_world(turn r, vec3 v) { return (vec3){r.c * v.x + r.s * v.z, v.y, r.c * v.z - r.s * v.x}; }

static inline vec3 turn_to_local(turn r, vec3 v) { return (vec3){r.c * v.x - r.s * v.z, v.y, r.c * v.z + r.s * v.x}; }

/* ---- the scene ----------------------------------------------------------------------------------------------------- */

typedef enum scene_pattern { PATTERN_PLAIN = 0, PATTERN_CHECKER, PATTERN_STRIPES } scene_pattern;

/* Colours are linear light, 0 to 1. */
typedef struct scene_material {
    scene_pattern pattern;
    vec3 colour, other; /* `other` fills every second cell */
    double cells;       /* per metre */
    double gloss;       /* strength of the highlight */
    int sharpness;      /* the highlight is a cosine to the power 2^sharpness */
} scene_material;

typedef struct scene_solid {
    tsr_scene_label kind;
    vec3 centre;  /* of the solid and of its bounding sphere */
    vec3 half;    /* half its extent along its own axes; cylinder and cone: x is the radius */
    double bound; /* radius of the bounding sphere */
    turn direction;
    scene_material material;
} scene_solid;

typedef struct scene_lamp {
    vec3 centre, colour; /* colour times brightness at one metre */
    double radius;       /* of the lamp, a horizontal square; 0 gives hard shadows */
} scene_lamp;

typedef struct scene_camera {
    vec3 eye;                /* the left one */
    vec3 right, up, forward; /* unit vectors */
} scene_camera;

typedef struct scene {
    vec3 low, high; /* corners of the room */
    scene_material floor, wall, back, ceiling;
    vec3 skirting;                        /* colour of the strip along the foot of the walls */
    scene_solid solids[SCENE_MAX_SOLIDS]; /* the first is the one in the foreground */
    int solid_count;
    scene_lamp lamps[SCENE_MAX_LAMPS];
    int lamp_count;
    vec3 ambient;
    scene_camera camera;
} scene;

/* Which surface a ray meets. */
typedef struct scene_hit {
    double t;  /* along the ray */
    int solid; /* index, -1: the room */
    vec3 point, normal;
    vec3 local; /* the point on the solid's own axes; for the room the world's */
} scene_hit;

/* Scene `index` of `seed`. */
void scene_sample(scene *s, uint64_t seed, int64_t index, tsr_scene_style style);

/* The first surface that the ray from `origin` (inside the room) meets. A room is closed, so there is one. */
void scene_trace(const scene *s, vec3 origin, vec3 direction, scene_hit *hit);
/* Whether a solid stands between two points. */
bool scene_occluded(const scene *s, vec3 from, vec3 to);
/* False only when no solid stands between `from` and any point of the ball of `radius` round `to`. */
bool scene_maybe_occluded(const scene *s, vec3 from, vec3 to, double radius);

/* Light from the hit's point towards `eye`. sub, 0 to 3, picks the places of the lamps that are asked about. */
vec3 scene_shade(const scene *s, const scene_hit *hit, vec3 eye, int sub);

/* What the hit's surface is. */
tsr_scene_label scene_label_of(const scene *s, const scene_hit *hit);

#endif
