/* generator.c: generators of random numbers: a seed and a position in its stream of Philox blocks. Drawing n numbers
   reserves ceil(n / 4) blocks and moves the position; who computes which block, on which thread, does not matter. */
#include "tessera/random.h"

#include "base/alloc.h"
#include "base/philox.h"

struct tsr_generator {
    tsr_rng_state state;
};

static _Thread_local tsr_generator default_generator;
static _Thread_local uint64_t trace;

tsr_generator *tsr_generator_new(uint64_t seed)
{
    tsr_generator *g = tsr_alloc(sizeof *g);
    if (g) g->state = (tsr_rng_state){seed, 0};
    return g;
}

void tsr_generator_free(tsr_generator *g)
{
    if (g != &default_generator) tsr_free(g);
}

tsr_generator *tsr_default_generator(void) { return &default_generator; }

void tsr_manual_seed(uint64_t seed) { default_generator.state = (tsr_rng_state){seed, 0}; }

tsr_rng_state tsr_generator_get_state(const tsr_generator *g) { return g ? g->state : default_generator.state; }

void tsr_generator_set_state(tsr_generator *g, tsr_rng_state state) { (g ? g : &default_generator)->state = state; }

tsr_rng_state tsr_generator_take(tsr_generator *g, uint64_t blocks)
{
    if (!g) g = &default_generator;
    tsr_rng_state start = g->state;
    g->state.offset += blocks;
    trace = ((trace ^ start.seed) * 0x9E3779B97F4A7C15u ^ start.offset) * 0xBF58476D1CE4E5B9u ^ blocks;
    return start;
}

uint64_t tsr_exchange_trace(uint64_t next)
{
    uint64_t was = trace;
    trace = next;
    return was;
}

static tsr_philox_block next_block(tsr_generator *g)
{
    tsr_rng_state at = tsr_generator_take(g, 1);
    return tsr_philox(at.seed, at.offset);
}

uint64_t tsr_random_u64(tsr_generator *g)
{
    tsr_philox_block b = next_block(g);
    return (uint64_t)b.v[0] << 32 | b.v[1];
}

double tsr_random_uniform(tsr_generator *g)
{
    tsr_philox_block b = next_block(g);
    return tsr_unit_f64(b.v[0], b.v[1]);
}
