/* dataset_select.c: which of a source's items belong to a data set.

   A source without parts of its own is split by a fixed random order of its items: the first tenth (or what `held_out`
   says) is held out. The order depends on the number of items alone, so training and evaluation, in different processes,
   agree without a file. A limit takes as many items of each class as of any other, since folders and CIFAR's batches
   come sorted and the first thousand pictures may all be aeroplanes. */
#include <string.h>

#include "data/dataset.h"

static const uint64_t SPLIT_KEY = UINT64_C(0x7465737365726131); /* any constant */

static bool all_selected(const tsr_dataset *set, const tsr_dataset_options *o)
{
    bool split = o->part != TSR_PART_ALL && !set->has_parts;
    return !split && (o->limit == 0 || o->limit >= set->stored);
}

static tsr_status held_out_count(const tsr_dataset *set, const tsr_dataset_options *o, int64_t *count)
{
    double fraction = o->held_out == 0 ? 0.1 : o->held_out;
    if (set->stored < 2) return tsr_fail(TSR_EINVAL, "data: a source of one picture cannot be split into two parts");
    *count = (int64_t)((double)set->stored * fraction + 0.5);
    if (*count < 1) *count = 1;
    if (*count > set->stored - 1) *count = set->stored - 1;
    return TSR_OK;
}

/* Fill set->selected with the part's items, in the source's order. */
static tsr_status select_part(tsr_dataset *set, const tsr_dataset_options *o)
{
    int64_t held = 0, n = 0;
    bool split = o->part != TSR_PART_ALL && !set->has_parts;
    if (split) TSR_TRY(held_out_count(set, o, &held));
    for (int64_t i = 0; i < set->stored; i++) {
        bool is_held = split && data_permute(SPLIT_KEY, set->stored, i) < held;
        if (!split || is_held == (o->part == TSR_PART_HELD_OUT)) set->selected[n++] = i;
    }
    set->info.length = n;
    return TSR_OK;
}

static int64_t class_of(const tsr_dataset *set, int64_t item)
{
    int64_t label = set->labels ? set->labels[item] : -1;
    return label < 0 || label >= set->info.classes ? set->info.classes : label;
}

/* Give every class one more, in turn, until the limit is used up. */
static void share_limit(const int64_t *have, int64_t *quota, int64_t classes, int64_t limit)
{
    for (bool more = true; more && limit > 0;) {
        more = false;
        for (int64_t c = 0; c < classes && limit > 0; c++) {
            if (quota[c] == have[c]) continue;
            quota[c]++;
            limit--;
            more = true;
        }
    }
}

static tsr_status select_limit(tsr_dataset *set, int64_t limit)
{
    int64_t classes = set->info.classes + 1, n = 0; /* the last: no class */
    int64_t *have = tsr_alloc_zeroed((size_t)classes * 2, sizeof *have);
    if (!have) return TSR_ENOMEM;
    int64_t *quota = have + classes;
    for (int64_t i = 0; i < set->info.length; i++) have[class_of(set, set->selected[i])]++;
    share_limit(have, quota, classes, limit);
    for (int64_t i = 0; i < set->info.length; i++) {
        if (quota[class_of(set, set->selected[i])]-- > 0) set->selected[n++] = set->selected[i];
    }
    set->info.length = n;
    tsr_free(have);
    return TSR_OK;
}

tsr_status data_select(tsr_dataset *set, const tsr_dataset_options *o)
{
    set->info.length = set->stored;
    if (all_selected(set, o)) return TSR_OK;
    set->selected = tsr_alloc((size_t)set->stored * sizeof *set->selected);
    if (!set->selected) return TSR_ENOMEM;
    TSR_TRY(select_part(set, o));
    return o->limit > 0 && o->limit < set->info.length ? select_limit(set, o->limit) : TSR_OK;
}
