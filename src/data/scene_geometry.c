/* scene_geometry.c: where rays meet the room and the solids.

   Each solid is met on its own axes, centred on itself. A ray first has to meet the bounding sphere, which refuses most
   pairs of ray and solid for a dozen multiplications; only then comes the solid's own equation. Tests give the distance
   alone; the normal is worked out once, for the nearest surface. Directions need not be unit vectors. */
#include "data/scene.h"

#include <math.h>

static const double NEAREST = 1e-6; /* a ray does not meet the surface that it starts on */
static const double FARTHEST = 1e30;

typedef struct ray {
    vec3 origin, direction;
} ray;

static vec3 ray_at(ray r, double t) { return vec_add(r.origin, vec_scale(r.direction, t)); }

/* The smaller root of a t^2 + 2 b t + c = 0 beyond NEAREST, else the larger, else FARTHEST. Rays start outside. */
static double first_root(double a, double b, double c)
{
    double discriminant = b * b - a * c;
    if (discriminant <= 0 || a == 0) return FARTHEST;
    double t = (-b - sqrt(discriminant)) / a;
    return t > NEAREST ? t : FARTHEST;
}

static double meet_sphere(const scene_solid *solid, ray r)
{
    double radius = solid->half.x;
    return first_root(vec_dot(r.direction, r.direction), vec_dot(r.origin, r.direction),
                      vec_dot(r.origin, r.origin) - radius * radius);
}

/* Narrow [*near, *far] to where the ray lies between -half and half on one axis. */
static void clip_slab(double origin, double direction, double half, double *near, double *far)
{
    if (direction == 0) {
        if (origin < -half || origin > half) *near = FARTHEST;
        return;
    }
    double inverse = 1 / direction, a = (-half - origin) * inverse, b = (half - origin) * inverse;
    if (a > b) {
        double swap = a;
        a = b;
        b = swap;
    }
    if (a > *near) *near = a;
    if (b < *far) *far = b;
}

static double meet_box(const scene_solid *solid, ray r)
{
    double near = -FARTHEST, far = FARTHEST;
    clip_slab(r.origin.x, r.direction.x, solid->half.x, &near, &far);
    clip_slab(r.origin.y, r.direction.y, solid->half.y, &near, &far);
    clip_slab(r.origin.z, r.direction.z, solid->half.z, &near, &far);
    return near < far && near > NEAREST ? near : FARTHEST;
}

/* The disc of `radius` at height y. */
static double meet_disc(ray r, double y, double radius)
{
    if (r.direction.y == 0) return FARTHEST;
    double t = (y - r.origin.y) / r.direction.y;
    vec3 p = ray_at(r, t);
    return t > NEAREST && p.x * p.x + p.z * p.z <= radius * radius ? t : FARTHEST;
}

static double nearer(double a, double b) { return a < b ? a : b; }

static double meet_cylinder(const scene_solid *solid, ray r)
{
    double radius = solid->half.x, half = solid->half.y;
    double a = r.direction.x * r.direction.x + r.direction.z * r.direction.z;
    double b = r.origin.x * r.direction.x + r.origin.z * r.direction.z;
    double c = r.origin.x * r.origin.x + r.origin.z * r.origin.z - radius * radius;
    double t = first_root(a, b, c), y = r.origin.y + t * r.direction.y;
    if (y < -half || y > half) t = FARTHEST;
    /* The lid a ray can see is the one on its side. */
    return nearer(t, meet_disc(r, r.origin.y > 0 ? half : -half, radius));
}

/* x^2 + z^2 = k^2 (half - y)^2 below the tip. The mirrored cone above the tip can be met first, so both roots count. */
static double meet_cone(const scene_solid *solid, ray r)
{
    double half = solid->half.y, k = solid->half.x / (2 * half), k2 = k * k, w = half - r.origin.y;
    double a = r.direction.x * r.direction.x + r.direction.z * r.direction.z - k2 * r.direction.y * r.direction.y;
    double b = r.origin.x * r.direction.x + r.origin.z * r.direction.z + k2 * w * r.direction.y;
    double c = r.origin.x * r.origin.x + r.origin.z * r.origin.z - k2 * w * w;
    double best = meet_disc(r, -half, solid->half.x);
    double discriminant = b * b - a * c;
    if (discriminant <= 0 || a == 0) return best;
    double root = sqrt(discriminant), t[2] = {(-b - root) / a, (-b + root) / a};
    for (int i = 0; i < 2; i++) {
        double y = r.origin.y + t[i] * r.direction.y;
        if (t[i] > NEAREST && y >= -half && y <= half) best = nearer(best, t[i]);
    }
    return best;
}

/* Whether the line meets a sphere ahead; `to` is from the ray's origin to the sphere's centre. */
static bool near_sphere(vec3 to, double radius, vec3 direction, double direction_squared)
{
    double along = vec_dot(to, direction), outside = vec_dot(to, to) - radius * radius;
    return outside <= 0 || (along > 0 && along * along >= outside * direction_squared);
}

static ray local_ray(const scene_solid *solid, vec3 origin, vec3 direction)
{
    return (ray){turn_to_local(solid->direction, vec_sub(origin, solid->centre)),
                 turn_to_local(solid->direction, direction)};
}

static double meet_solid(const scene_solid *solid, ray local)
{
    switch (solid->kind) {
    case TSR_SCENE_SPHERE:
        return meet_sphere(solid, local);
    case TSR_SCENE_BOX:
        return meet_box(solid, local);
    case TSR_SCENE_CYLINDER:
        return meet_cylinder(solid, local);
    case TSR_SCENE_CONE:
        return meet_cone(solid, local);
    default:
        return FARTHEST;
    }
}

/* Outward direction at a point of the box's surface: the axis on which it lies farthest out. */
static vec3 box_normal(const scene_solid *solid, vec3 p)
{
    double x = p.x / solid->half.x, y = p.y / solid->half.y, z = p.z / solid->half.z;
    double ax = fabs(x), ay = fabs(y), az = fabs(z);
    if (ax >= ay && ax >= az) return (vec3){x > 0 ? 1 : -1, 0, 0};
    if (ay >= az) return (vec3){0, y > 0 ? 1 : -1, 0};
    return (vec3){0, 0, z > 0 ? 1 : -1};
}

static vec3 cylinder_normal(const scene_solid *solid, vec3 p)
{
    double edge = 1e-9 * solid->half.y;
    if (p.y >= solid->half.y - edge) return (vec3){0, 1, 0};
    if (p.y <= -solid->half.y + edge) return (vec3){0, -1, 0};
    return vec_scale((vec3){p.x, 0, p.z}, 1 / solid->half.x);
}

static vec3 cone_normal(const scene_solid *solid, vec3 p)
{
    if (p.y <= -solid->half.y * (1 - 1e-9)) return (vec3){0, -1, 0};
    double k = solid->half.x / (2 * solid->half.y), radius = sqrt(p.x * p.x + p.z * p.z);
    if (radius < 1e-12) return (vec3){0, 1, 0};
    double unit = 1 / sqrt(1 + k * k);
    return (vec3){unit * p.x / radius, unit * k, unit * p.z / radius};
}

static vec3 solid_normal(const scene_solid *solid, vec3 p)
{
    switch (solid->kind) {
    case TSR_SCENE_BOX:
        return box_normal(solid, p);
    case TSR_SCENE_CYLINDER:
        return cylinder_normal(solid, p);
    case TSR_SCENE_CONE:
        return cone_normal(solid, p);
    default:
        return vec_scale(p, 1 / solid->half.x);
    }
}

/* Distance at which the ray leaves [low, high] on one axis. */
static double leave_slab(double origin, double direction, double low, double high)
{
    if (direction == 0) return FARTHEST;
    return ((direction > 0 ? high : low) - origin) / direction;
}

static void trace_room(const scene *s, ray r, scene_hit *hit)
{
    double x = leave_slab(r.origin.x, r.direction.x, s->low.x, s->high.x);
    double y = leave_slab(r.origin.y, r.direction.y, s->low.y, s->high.y);
    double z = leave_slab(r.origin.z, r.direction.z, s->low.z, s->high.z);
    hit->solid = -1;
    hit->t = nearer(nearer(x, y), z);
    if (hit->t == y) hit->normal = (vec3){0, r.direction.y > 0 ? -1 : 1, 0};
    else if (hit->t == x) hit->normal = (vec3){r.direction.x > 0 ? -1 : 1, 0, 0};
    else hit->normal = (vec3){0, 0, r.direction.z > 0 ? -1 : 1};
}

static void finish_solid(const scene_solid *solid, ray r, scene_hit *hit)
{
    hit->local = ray_at(local_ray(solid, r.origin, r.direction), hit->t);
    hit->normal = turn_to_world(solid->direction, solid_normal(solid, hit->local));
}

void scene_trace(const scene *s, vec3 origin, vec3 direction, scene_hit *hit)
{
    ray r = {origin, direction};
    double length_squared = vec_dot(direction, direction);
    trace_room(s, r, hit);
    for (int i = 0; i < s->solid_count; i++) {
        const scene_solid *solid = &s->solids[i];
        if (!near_sphere(vec_sub(solid->centre, origin), solid->bound, direction, length_squared)) continue;
        double t = meet_solid(solid, local_ray(solid, origin, direction));
        if (t >= hit->t) continue;
        hit->t = t;
        hit->solid = i;
    }
    hit->point = ray_at(r, hit->t);
    hit->local = hit->point;
    if (hit->solid >= 0) finish_solid(&s->solids[hit->solid], r, hit);
}

bool scene_occluded(const scene *s, vec3 from, vec3 to)
{
    vec3 direction = vec_sub(to, from);
    double length_squared = vec_dot(direction, direction);
    for (int i = 0; i < s->solid_count; i++) {
        const scene_solid *solid = &s->solids[i];
        if (!near_sphere(vec_sub(solid->centre, from), solid->bound, direction, length_squared)) continue;
        if (meet_solid(solid, local_ray(solid, from, direction)) < 1) return true;
    }
    return false;
}

bool scene_maybe_occluded(const scene *s, vec3 from, vec3 to, double radius)
{
    vec3 direction = vec_sub(to, from);
    double length_squared = vec_dot(direction, direction);
    for (int i = 0; i < s->solid_count; i++) {
        const scene_solid *solid = &s->solids[i];
        if (near_sphere(vec_sub(solid->centre, from), solid->bound + radius, direction, length_squared)) return true;
    }
    return false;
}
