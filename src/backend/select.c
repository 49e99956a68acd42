/* select.c: which kernels run. A table is built once for each tier, when it is first asked for, and never freed or moved:
   the reference fills every entry, then oneDNN and the tier's vector kernels are laid over it. The tier comes from
   TSR_ISA or, without it, is the best that the processor has. */
#include "backend/backend.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/ref/ref.h"
#include "backend/cpu/ref/ref_layers.h"
#ifdef TSR_HAVE_ONEDNN
#include "backend/cpu/onednn/onednn.h"
#endif
#include "backend/cpu/simd/simd.h"
#include "backend/cpu/simd/simd_layers.h"
#include "base/util.h"
#include "tessera/runtime.h"

#ifndef TSR_HAVE_ONEDNN
#define onednn_fill no_fill
#endif

static void no_fill(backend *b) { (void)b; }

#ifdef TSR_HAVE_AVX2
/* Every processor with AVX2 has F16C too. */
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

#ifdef TSR_HAVE_AVX512
static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static bool always(void) { return true; }

typedef struct tier {
    const char *name;
    bool (*supported)(void);
    void (*library)(backend *b), (*simd)(backend *b), (*layers)(backend *b);
    bool built;
    backend table;
} tier;

/* From worst to best. */
static tier tiers[] = {
    {.name = "reference", .supported = always, .library = no_fill, .simd = no_fill, .layers = no_fill},
    {.name = "baseline",
     .supported = always,
     .library = onednn_fill,
     .simd = simd_fill_baseline,
     .layers = simd_layers_fill_baseline},
#ifdef TSR_HAVE_AVX2
    {.name = "avx2",
     .supported = has_avx2,
     .library = onednn_fill,
     .simd = simd_fill_avx2,
     .layers = simd_layers_fill_avx2},
#endif
#ifdef TSR_HAVE_AVX512
    {.name = "avx512",
     .supported = has_avx512,
     .library = onednn_fill,
     .simd = simd_fill_avx512,
     .layers = simd_layers_fill_avx512},
#endif
};

static const char *const known_names[] = {"reference", "baseline", "avx2", "avx512"};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(const backend *) current;

static bool known(const char *isa)
{
    for (int i = 0; i < (int)TSR_COUNT(known_names); i++)
        if (strcmp(isa, known_names[i]) == 0) return true;
    return false;
}

/* The tier of that name, or the best for NULL; NULL when it does not run here. */
static tier *find_tier(const char *isa)
{
    for (int i = (int)TSR_COUNT(tiers) - 1; i >= 0; i--)
        if ((!isa || strcmp(isa, tiers[i].name) == 0) && tiers[i].supported()) return &tiers[i];
    return NULL;
}

static const backend *build(tier *t)
{
    if (!t->built) {
        t->table.name = t->name;
        ref_fill(&t->table);
        ref_layers_fill(&t->table);
        t->library(&t->table);
        t->simd(&t->table);
        t->layers(&t->table);
        t->built = true;
    }
    return &t->table;
}

tsr_status backend_select(const char *isa)
{
    if (isa && !known(isa))
        return tsr_fail(TSR_EINVAL, "set_isa: \"%.40s\" is none of reference, baseline, avx2, avx512", isa);
    tier *t = find_tier(isa);
    if (!t) return tsr_fail(TSR_ESTATE, "set_isa: this machine or this build does not have %s", isa);
    pthread_mutex_lock(&lock);
    atomic_store(&current, build(t));
    pthread_mutex_unlock(&lock);
    return TSR_OK;
}

/* TSR_ISA, or NULL. */
static const char *wanted_isa(void)
{
    const char *isa = getenv("TSR_ISA");
    return isa && *isa ? isa : NULL;
}

/* There is no way to refuse here: programs that want to know call tsr_set_isa(NULL) first. */
static void first_use(void)
{
    const char *isa = wanted_isa();
    if (atomic_load(&current)) return;
    if (isa && !(known(isa) && find_tier(isa))) {
        tsr_warn("TSR_ISA=%.40s: %s; using the best", isa,
                 known(isa) ? "this machine or this build does not have it"
                            : "it is none of reference, baseline, avx2, avx512");
        isa = NULL;
    }
    backend_select(isa);
}

const backend *backend_of(tsr_device device)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const backend *b = atomic_load_explicit(&current, memory_order_acquire);
    if (device != TSR_CPU) return NULL;
    if (b) return b;
    pthread_once(&once, first_use);
    return atomic_load(&current);
}

static TSR_THREAD_LOCAL const char *caller;

const char *backend_set_caller(const char *name)
{
    const char *before = caller;
    caller = name;
    return before;
}

const char *backend_caller(void) { return caller; }

const char *backend_isa(void) { return backend_of(TSR_CPU)->name; }

tsr_status tsr_set_isa(const char *isa) { return backend_select(isa ? isa : wanted_isa()); }

const char *tsr_isa(void) { return backend_isa(); }

const char *tsr_version_string(void) { return TSR_VERSION; }
