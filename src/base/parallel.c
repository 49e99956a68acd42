/* parallel.c: loops over OpenMP's threads.

   OpenMP keeps its thread count apart for every thread that opens regions, and oneDNN reads that count. So the count is
   one number for the whole process here, and each thread hands it to OpenMP when it first asks. */
#include "base/parallel.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/util.h"

/* libgomp keeps a region's team on the stack and ends the process where the system refuses a thread, so a count that cannot
   be meant must not reach it. */
enum { MAX_THREADS = 1024 };

static _Atomic int thread_count;     /* 0: not yet known */
static _Atomic int openmp_own_count; /* OMP_NUM_THREADS, else the cores; 0: not yet known */
static TSR_THREAD_LOCAL int count_given_to_openmp;
static TSR_THREAD_LOCAL bool serial;

/* OpenMP says it only until a count is set, so it is asked before. */
static int ask_openmp(void)
{
    int n = atomic_load(&openmp_own_count);
    if (n == 0) atomic_store(&openmp_own_count, n = omp_get_max_threads());
    return n;
}

static void tell_openmp(int n)
{
    ask_openmp();
    omp_set_num_threads(n);
}

static int openmp_count(void)
{
    int n = ask_openmp();
    if (n <= MAX_THREADS) return n;
    int processors = (int)tsr_min_i64(omp_get_num_procs(), MAX_THREADS);
    tsr_warn("OpenMP's number of threads (OMP_NUM_THREADS), %d, is not a number from 1 to %d; ignored: %d threads", n,
             MAX_THREADS, processors);
    return processors;
}

static int default_count(void)
{
    const char *text = getenv("TSR_NUM_THREADS");
    if (!text || !*text) return openmp_count();
    char *end;
    long n = strtol(text, &end, 10);
    if (!*end && n >= 1 && n <= MAX_THREADS) return (int)n;
    tsr_warn("TSR_NUM_THREADS=%.40s is not a number from 1 to %d; ignored", text, MAX_THREADS);
    return openmp_count();
}

void tsr_set_num_threads(int n)
{
    atomic_store(&thread_count, n < 1 ? default_count() : (int)tsr_min_i64(n, MAX_THREADS));
    tsr_num_threads();
}

void tsr_run_serially(void)
{
    serial = true;
    tell_openmp(1);
}

int tsr_num_threads(void)
{
    if (serial) return 1;
    int n = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (n == 0) {
        int found = default_count();
        n = atomic_compare_exchange_strong(&thread_count, &n, found) ? found : n;
    }
    if (count_given_to_openmp != n && !omp_in_parallel()) {
        tell_openmp(n);
        count_given_to_openmp = n;
    }
    return n;
}

/* Where part i of `parts` begins: the parts' sizes differ by one at most. No product overflows. */
static int64_t part_begin(int64_t n, int64_t parts, int64_t i) { return n / parts * i + tsr_min_i64(i, n % parts); }

void tsr_parallel_for(int64_t n, int64_t grain, tsr_range_body body, void *user)
{
    if (n <= 0) return;
    int64_t parts = tsr_min_i64(n / tsr_max_i64(grain, 1), tsr_num_threads());
    if (parts <= 1 || omp_in_parallel()) {
        body(0, n, user);
        return;
    }
#pragma omp parallel num_threads((int)parts)
    {
        /* OpenMP may give fewer threads than asked for. */
        int64_t given = omp_get_num_threads(), i = omp_get_thread_num();
        body(part_begin(n, given, i), part_begin(n, given, i + 1), user);
    }
}
