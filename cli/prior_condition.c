/* prior_condition.c: conditions as tokens. */
#include "prior_condition.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDS_MOST = 65536 };

static bool has_start_token(const tsr_gpt_config *c) { return c->n_codes > 0 && c->n_codes < c->vocab_size; }

tsr_tensor *condition_of_labels(const tsr_gpt_config *c, tsr_tensor *labels, int64_t count)
{
    if (c->classes == 0) return tsr_full(TSR_SHAPE(count, 1), TSR_INT(c->n_codes), .dtype = TSR_I64);
    return labels ? tsr_unsqueeze(tsr_add(labels, tsr_scalar_int(c->n_codes)), 1) : NULL;
}

tsr_tensor *condition_of_classes(const tsr_gpt_config *c, int64_t count)
{
    if (c->classes > 0) {
        tsr_tensor *turn = tsr_remainder(tsr_arange(.end = TSR_INT(count)), tsr_scalar_int(c->classes));
        return condition_of_labels(c, turn, count);
    }
    if (has_start_token(c)) return condition_of_labels(c, NULL, count);
    tsr_fail(TSR_EINVAL, "this prior has no start token of its own; --cond ids say what sequences begin with");
    return NULL;
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

static int64_t class_by_name(const char *class_names, const char *word)
{
    json_t *names = class_names ? json_loads(class_names, 0, NULL) : NULL;
    int64_t found = -1;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && !strcmp(name, word)) found = (int64_t)i;
    }
    json_decref(names);
    return found;
}

/* The token of one word; -1 and an error when it is none. */
static int64_t token_of(const tsr_gpt_config *c, const char *class_names, const char *word)
{
    char *end;
    int64_t limit = c->classes > 0 ? c->classes : c->vocab_size;
    int64_t id = c->classes > 0 ? class_by_name(class_names, word) : -1;
    if (id < 0) {
        id = strtoll(word, &end, 10);
        if (end == word || *end || id < 0 || id >= limit) {
            tsr_fail(TSR_EINVAL, "--cond: '%s' is not %s; ids are 0 to %lld", word,
                     c->classes > 0 ? "a class of this prior" : "a token of this prior", (long long)limit - 1);
            return -1;
        }
    }
    return c->classes > 0 ? c->n_codes + id : id;
}

static int64_t read_tokens(const tsr_gpt_config *c, const char *class_names, const char *text, int64_t *out)
{
    char word[128];
    int64_t n = 0;
    while (*text) {
        if (n == IDS_MOST) {
            tsr_fail(TSR_EINVAL, "--cond: more than %d ids", IDS_MOST);
            return -1;
        }
        size_t length = strcspn(text, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        out[n] = token_of(c, class_names, word);
        if (out[n++] < 0) return -1;
        text += length + (text[length] == ',');
    }
    if (n == 0) tsr_fail(TSR_EINVAL, "--cond: no ids");
    return n;
}

tsr_tensor *condition_of_text(const tsr_gpt_config *c, const char *class_names, const char *text, int64_t count)
{
    static int64_t ids[IDS_MOST];
    int64_t n = read_tokens(c, class_names, text, ids);
    if (n < 1) return NULL;
    if (count == 0) count = n;
    if (count < n) {
        tsr_fail(TSR_EINVAL, "--cond gives %lld ids, of which %lld would be left out", (long long)n,
                 (long long)(n - count));
        return NULL;
    }
    tsr_tensor *given = tsr_from_data(ids, TSR_SHAPE(n), TSR_I64);
    tsr_tensor *turn = tsr_remainder(tsr_arange(.end = TSR_INT(count)), tsr_scalar_int(n));
    return tsr_unsqueeze(tsr_index_select(given, 0, turn), 1);
}
