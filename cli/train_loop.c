/* train_loop.c: steps, and what happens between them: metrics, pictures, checkpoints, the end.

   A run ends by its number of steps, by its time, by Ctrl-C, or by an error. All but the last leave a checkpoint; an
   error leaves the one before. */
#include "train_loop.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint.h"
#include "interrupt.h"
#include "progress.h"
#include "report.h"
#include "tessera/memory.h"
#include "tessera/profile.h"

typedef struct loop {
    const train_settings *s;
    trainee *t;
    const json_t *effective;
    run_folder folder;
    progress bar;
    double started;
    int64_t saved, pictured; /* the last steps with a checkpoint, with a picture; -1: none */
} loop;

bool train_folder_is_free(const train_settings *s)
{
    if (s->o.resume || !run_has_checkpoint(s->o.out)) return true;
    tsr_fail(TSR_EINVAL, "%s already holds a run; --resume goes on with it, --out names another folder", s->o.out);
    return false;
}

tsr_loader *train_loader(const train_settings *s, tsr_dataset *set)
{
    bool shuffled = s->o.order == 0;
    return tsr_loader_new(set, &(tsr_loader_options){.batch = s->o.batch,
                                                     .order = shuffled ? TSR_ORDER_SHUFFLED : TSR_ORDER_SEQUENTIAL,
                                                     .drop_last = shuffled && tsr_dataset_length(set) >= s->o.batch,
                                                     .epochs = shuffled ? 0 : INT64_MAX,
                                                     .augment = s->augment,
                                                     .seed = (uint64_t)s->o.seed,
                                                     .dtype = s->o.dtype == 1 ? TSR_F64 : TSR_F32});
}

/* ---- between steps ---------------------------------------------------------------------------------------------------------- */

static tsr_status save_checkpoint(loop *l)
{
    char path[RUN_PATH_MOST];
    l->saved = l->t->steps(l->t->self);
    tsr_profile_range_begin("checkpoint");
    run_path(l->s->o.out, "checkpoints/last.safetensors", path);
    tsr_status status = checkpoint_save(path, l->t, l->effective);
    tsr_profile_range_end();
    return status;
}

static tsr_status save_picture(loop *l)
{
    int64_t step = l->pictured = l->t->steps(l->t->self);
    tsr_profile_range_begin("picture");
    tsr_mark m = tsr_scope_open();
    tsr_tensor *picture = l->t->picture(l->t->self);
    tsr_status status = picture ? run_folder_picture(&l->folder, l->t->picture_tag, step, picture) : tsr_error_status();
    tsr_scope_close(m);
    tsr_profile_range_end();
    return status;
}

/* The first few terms, for the bar. */
static const char *describe(const step_report *r, char *text, size_t size)
{
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < r->count && i < 4 && n < size; i++)
        if (strcmp(r->terms[i].name, "lr") != 0)
            n += (size_t)snprintf(text + n, size - n, "%s %.4g  ", r->terms[i].name, r->terms[i].value);
    return text;
}

static bool is_due(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

static tsr_status after_step(loop *l, const step_report *r, double seconds)
{
    char note[256];
    const train_options *o = &l->s->o;
    int64_t step = l->t->steps(l->t->self);
    tsr_status status = TSR_OK;
    if (is_due(step, o->log_every) || step == o->steps)
        status = run_folder_log(&l->folder, step, seconds, r->terms, r->count);
    if (status == TSR_OK && is_due(step, o->sample_every)) status = save_picture(l);
    if (status == TSR_OK && is_due(step, o->checkpoint_every)) status = save_checkpoint(l);
    progress_update(&l->bar, step, describe(r, note, sizeof note));
    return status;
}

static tsr_status one_step(loop *l)
{
    step_report r = {.count = 0};
    double start = now_seconds();
    tsr_profile_range_begin("step");
    tsr_mark m = tsr_scope_open();
    tsr_status status = l->t->step(l->t->self, &r);
    tsr_scope_close(m);
    tsr_profile_range_end();
    return status == TSR_OK ? after_step(l, &r, now_seconds() - start) : status;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------------ */

static bool goes_on(const loop *l)
{
    const train_options *o = &l->s->o;
    if (interrupt_seen() || l->t->steps(l->t->self) >= o->steps) return false;
    return o->minutes == 0 || now_seconds() - l->started < o->minutes * 60;
}

static tsr_status run_steps(loop *l)
{
    tsr_status status = TSR_OK;
    while (status == TSR_OK && goes_on(l)) status = one_step(l);
    int64_t step = l->t->steps(l->t->self);
    if (status == TSR_OK && l->saved != step) status = save_checkpoint(l);
    if (status == TSR_OK && l->pictured != step && !interrupt_seen()) status = save_picture(l);
    progress_end(&l->bar);
    return status;
}

/* TSR_PROFILE=1 reports what was recorded until the exit, which here is nothing. */
static void start_profile(const loop *l)
{
    if (tsr_profile_is_on())
        report_note(l->s->set->command,
                    "--profile takes the place of TSR_PROFILE=1, and TSR_PROFILE_TRACE has no effect");
    tsr_profile_start();
}

/* 0, or, where the trace cannot be written, what the process ends with. The run has been kept by then. */
static int print_profile(const loop *l)
{
    char path[RUN_PATH_MOST];
    int failed = 0;
    tsr_profile_stop();
    char *report = tsr_profile_report();
    if (report) fputs(report, stderr);
    tsr_free(report);
    run_path(l->s->o.out, "trace.json", path);
    if (report && tsr_profile_save_trace(path) == TSR_OK) report_note(l->s->set->command, "the trace is in %s", path);
    else {
        report_prefix("--profile");
        failed = report_error(l->s->set->command);
    }
    tsr_profile_clear();
    return failed;
}

static void print_end(const loop *l)
{
    int64_t step = l->t->steps(l->t->self);
    const char *why = step >= l->s->o.steps ? "" : interrupt_seen() ? ", interrupted" : ", out of time";
    printf("%s: %lld of %lld steps in %.0f s%s; checkpoint %s/checkpoints/last.safetensors\n", l->t->kind,
           (long long)step, (long long)l->s->o.steps, now_seconds() - l->started, why, l->s->o.out);
}

/* A run that ended between two lines of its metrics has one of its last step. A longer run has not, so that it is dropped:
   the step; -1: there is none. */
static int64_t ended_between(const loop *l)
{
    int64_t steps = json_integer_value(json_object_get(json_object_get(l->s->stored, "train"), "steps"));
    int64_t every = json_integer_value(json_object_get(json_object_get(l->s->stored, "run"), "log_every"));
    return steps > 0 && steps < l->s->o.steps && !is_due(steps, every) ? steps : -1;
}

static tsr_status begin(loop *l)
{
    char path[RUN_PATH_MOST];
    const train_options *o = &l->s->o;
    tsr_status status = TSR_OK;
    bool restored = settings_go_on(l->s);
    if (restored) status = checkpoint_restore(run_path(o->out, "checkpoints/last.safetensors", path), l->t);
    if (status != TSR_OK) return status;
    int64_t step = l->t->steps(l->t->self);
    l->saved = restored ? step : -1;
    l->pictured = -1;
    l->bar = progress_start("steps", step, o->steps, !o->no_progress);
    return run_folder_open(&l->folder, o->out, step, ended_between(l), l->effective) ? TSR_OK : tsr_error_status();
}

int train_loop(const train_settings *s, trainee *t, const json_t *effective)
{
    loop l = {.s = s, .t = t, .effective = effective, .started = now_seconds()};
    interrupt_watch();
    tsr_status status = begin(&l);
    bool profiled = status == TSR_OK && s->o.profile;
    if (profiled) start_profile(&l);
    if (status == TSR_OK) status = run_steps(&l);
    run_folder_close(&l.folder);
    int failed = status == TSR_OK ? 0 : report_error(s->set->command);
    int unreported = profiled ? print_profile(&l) : 0;
    if (!failed) print_end(&l);
    return failed ? failed : unreported;
}
