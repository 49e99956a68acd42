/* options.c: parsing of command lines by table.

   Every value passes through one function, whether it comes as text on the command line or from a configuration file, so
   that both are checked alike. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* ---- looking options up ------------------------------------------------------------------------------------------------ */

/* The i-th option of all groups, and where its value is. */
static const option *option_at(const option_set *set, int i, size_t *base)
{
    for (int g = 0; g < set->group_count; g++) {
        if (i < set->groups[g].count) {
            if (base) *base = set->groups[g].base;
            return &set->groups[g].v[i];
        }
        i -= set->groups[g].count;
    }
    return NULL;
}

static int find_option(const option_set *set, const char *name, size_t length)
{
    const option *o;
    for (int i = 0; (o = option_at(set, i, NULL)); i++)
        if (strlen(o->name) == length && !strncmp(o->name, name, length)) return i;
    return -1;
}

/* The option stored under a key: its name with underscores. */
static int find_key(const option_set *set, const char *key, size_t length)
{
    char name[64];
    if (length >= sizeof name) return -1;
    for (size_t i = 0; i < length; i++) name[i] = key[i] == '_' ? '-' : key[i];
    name[length] = 0;
    int i = find_option(set, name, length);
    return i >= 0 && option_at(set, i, NULL)->section ? i : -1;
}

static int distance(const char *a, const char *b)
{
    int row[64];
    int n = (int)strlen(b);
    if (n >= 63 || strlen(a) >= 63) return 64;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = diagonal + (*a != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

/* How unlike two names are: one that begins with the other is close. */
static int unlikeness(const char *name, const char *other)
{
    size_t a = strlen(name), b = strlen(other), shorter = a < b ? a : b;
    if (shorter >= 3 && !strncmp(name, other, shorter)) return 1;
    return distance(name, other);
}

const char *nearest_name(const char *name, const char *const *names, int n)
{
    const char *best = NULL;
    int least = ((int)strlen(name) + 2) / 3; /* so that foo does not become cos */
    if (least > 4) least = 4;
    for (int i = 0; i < n; i++) {
        int d = unlikeness(name, names[i]);
        if (d <= least) {
            if (d < least || !best) best = names[i];
            least = d;
        }
    }
    return best;
}

static int unknown_option(const option_set *set, const char *argument, size_t length)
{
    const char *names[OPTIONS_MOST];
    char name[64];
    int n = 0;
    const option *o;
    for (; n < OPTIONS_MOST && (o = option_at(set, n, NULL)); n++) names[n] = o->name;
    snprintf(name, sizeof name, "%.*s", (int)length, argument);
    const char *near = nearest_name(name, names, n);
    if (near) return report_usage(set->command, "there is no option --%s; did you mean --%s?", name, near);
    return report_usage(set->command, "there is no option --%s", name);
}

/* ---- values -------------------------------------------------------------------------------------------------------------- */

static bool parse_float(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

/* Whole numbers may be written 1e4. */
static bool parse_int(const char *text, int64_t *out)
{
    char *end;
    double x;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end) return errno == 0;
    if (!parse_float(text, &x) || x != floor(x) || fabs(x) > 9e15) return false;
    *out = (int64_t)x;
    return true;
}

static int find_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (int i = 0; words; i++) {
        size_t n = strcspn(words, "|");
        if (n == length && !strncmp(words, word, n)) return i;
        words = words[n] ? words + n + 1 : NULL;
    }
    return -1;
}

/* {"a": {"b": value}} for the key "a.b"; takes the value over. */
static void set_field(json_t **object, const char *key, size_t length, json_t *value)
{
    char name[64];
    const char *dot = memchr(key, '.', length);
    size_t n = dot ? (size_t)(dot - key) : length;
    if (!*object) *object = json_object();
    snprintf(name, sizeof name, "%.*s", (int)n, key);
    if (!dot) {
        json_object_set_new(*object, name, value);
        return;
    }
    json_t *inner = json_object_get(*object, name);
    if (!json_is_object(inner)) json_object_set_new(*object, name, inner = json_object());
    set_field(&inner, dot + 1, length - n - 1, value);
}

void options_set_field(json_t **object, const char *key, json_t *value) { set_field(object, key, strlen(key), value); }

/* A value as people type it: JSON, or numbers with commas between, or a text. */
static json_t *read_value(const char *text)
{
    char list[256];
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (value) return value;
    snprintf(list, sizeof list, "[%s]", text);
    if (strchr(text, ',') && (value = json_loads(list, 0, NULL))) return value;
    return json_string(text);
}

static int bad_value(const option_set *set, const parsed_line *line, const option *o, const char *text)
{
    const char *source = line->source ? line->source : "", *colon = line->source ? ": " : "";
    const char *what = o->kind == OPTION_INT ? "a whole number" : "a number";
    if (o->kind == OPTION_CHOICE)
        return report_usage(set->command, "%s%s--%s is one of %s, not '%s'", source, colon, o->name, o->value, text);
    if (o->low == 0 && o->high == 0)
        return report_usage(set->command, "%s%s--%s takes %s, not '%s'", source, colon, o->name, what, text);
    return report_usage(set->command, "%s%s--%s takes %s from %.15g to %.15g, not '%s'", source, colon, o->name, what,
                        o->low, o->high, text);
}

static bool in_range(const option *o, double x)
{
    return (o->low == 0 && o->high == 0) || (x >= o->low && x <= o->high);
}

static int set_by_text(const option_set *set, parsed_line *line, void *values, int i, const char *text);

/* A field's option by its key; -1. */
static int find_field(const option_set *set, const char *key, size_t length)
{
    const option *o;
    for (int i = 0; (o = option_at(set, i, NULL)); i++)
        if (o->kind == OPTION_FIELD && strlen(o->key) == length && !strncmp(o->key, key, length)) return i;
    return -1;
}

/* --set KEY=VALUE */
static int set_pair(const option_set *set, parsed_line *line, void *values, json_t **object, const char *text)
{
    size_t n = strcspn(text, "=");
    if (!text[n] || n == 0) return report_usage(set->command, "--set takes KEY=VALUE, not '%s'", text);
    int i = find_key(set, text, n);
    if (i < 0) i = find_field(set, text, n);
    if (i >= 0) return set_by_text(set, line, values, i, text + n + 1);
    set_field(object, text, n, read_value(text + n + 1));
    return OPTIONS_GO_ON;
}

/* A field that is a list takes a single value, too, and "none". */
static json_t *field_value(const option *o, const char *text)
{
    if (!strstr(o->value, ",...")) return read_value(text);
    if (!strcmp(text, "none")) return json_array();
    json_t *value = read_value(text);
    if (json_is_array(value)) return value;
    json_t *list = json_array();
    json_array_append_new(list, value);
    return list;
}

static int set_by_text(const option_set *set, parsed_line *line, void *values, int i, const char *text)
{
    size_t base = 0;
    const option *o = option_at(set, i, &base);
    void *at = (char *)values + base + o->offset;
    int64_t n;
    double x;
    line->given[i] = line->known[i] = true;
    switch (o->kind) {
    case OPTION_FLAG:
    case OPTION_SWITCH:
        *(bool *)at = strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
        return OPTIONS_GO_ON;
    case OPTION_TEXT:
        *(const char **)at = text;
        return OPTIONS_GO_ON;
    case OPTION_INT:
        if (!parse_int(text, &n) || !in_range(o, (double)n)) return bad_value(set, line, o, text);
        *(int64_t *)at = n;
        return OPTIONS_GO_ON;
    case OPTION_FLOAT:
        if (!parse_float(text, &x) || !in_range(o, x)) return bad_value(set, line, o, text);
        *(double *)at = x;
        return OPTIONS_GO_ON;
    case OPTION_CHOICE:
        if (find_word(o->value, text) < 0) return bad_value(set, line, o, text);
        *(int *)at = find_word(o->value, text);
        return OPTIONS_GO_ON;
    case OPTION_FIELD:
        set_field(at, o->key, strlen(o->key), field_value(o, text));
        return OPTIONS_GO_ON;
    case OPTION_SET:
        return set_pair(set, line, values, at, text);
    }
    return OPTIONS_GO_ON;
}

/* An option's value as JSON; NULL for those that are not stored. */
static json_t *option_json(const option *o, const void *at)
{
    switch (o->kind) {
    case OPTION_FLAG:
    case OPTION_SWITCH:
        return json_boolean(*(const bool *)at);
    case OPTION_TEXT:
        return *(const char *const *)at ? json_string(*(const char *const *)at) : json_null();
    case OPTION_INT:
        return json_integer(*(const int64_t *)at);
    case OPTION_FLOAT:
        return json_real(*(const double *)at);
    case OPTION_CHOICE: {
        const char *word = o->value;
        for (int i = 0; i < *(const int *)at; i++) word += strcspn(word, "|") + 1;
        return json_stringn(word, strcspn(word, "|"));
    }
    default:
        return NULL;
    }
}

/* ---- command lines ------------------------------------------------------------------------------------------------------ */

/* " [16]", the default; "" where there is none to tell, or the help says it in words. */
static void format_default(const option *o, const void *at, char *buffer, size_t size)
{
    buffer[0] = 0;
    if (strstr(o->help, "(default")) return;
    json_t *value = o->kind == OPTION_INT || o->kind == OPTION_FLOAT || o->kind == OPTION_CHOICE ? option_json(o, at)
                                                                                                 : NULL;
    bool chosen = o->low == o->high ||
                  json_number_value(value) >= o->low; /* else it stands for what --help says in words */
    if (json_is_integer(value) && chosen) snprintf(buffer, size, " [%lld]", (long long)json_integer_value(value));
    if (json_is_real(value)) snprintf(buffer, size, " [%g]", json_real_value(value));
    if (json_is_string(value)) snprintf(buffer, size, " [%s]", json_string_value(value));
    json_decref(value);
}

static void print_option(const option *o, const void *at)
{
    char left[80], preset[48];
    format_default(o, at, preset, sizeof preset);
    bool valued = o->kind != OPTION_FLAG && o->kind != OPTION_SWITCH;
    snprintf(left, sizeof left, "--%s%s%s%s", o->kind == OPTION_SWITCH ? "[no-]" : "", o->name, valued ? " " : "",
             valued ? o->value : "");
    if (strlen(left) > 28) printf("  %s\n  %-28s  %s%s\n", left, "", o->help, preset);
    else printf("  %-28s  %s%s\n", left, o->help, preset);
}

static void print_help(const option_set *set, const void *values)
{
    printf("usage: tessera %s%s%s [OPTIONS]\n\n%s\n", set->command, *set->operands ? " " : "", set->operands,
           set->summary);
    for (int g = 0; g < set->group_count; g++) {
        printf("\n%s\n", set->groups[g].title);
        for (int i = 0; i < set->groups[g].count; i++) {
            const option *o = &set->groups[g].v[i];
            print_option(o, (const char *)values + set->groups[g].base + o->offset);
        }
    }
    printf("\nexample:\n%s", set->example);
}

/* An argument that begins with two dashes; *i is moved past its value. */
static int parse_option(const option_set *set, parsed_line *line, void *values, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    size_t length = strcspn(name, "=");
    const char *text = name[length] ? name + length + 1 : NULL;
    bool negative = false;
    int k = find_option(set, name, length);
    if (k < 0 && length > 3 && !strncmp(name, "no-", 3)) {
        k = find_option(set, name + 3, length - 3);
        negative = k >= 0 && option_at(set, k, NULL)->kind == OPTION_SWITCH;
        if (!negative) k = -1;
    }
    if (k < 0) return unknown_option(set, name, length);
    const option *o = option_at(set, k, NULL);
    if (o->kind == OPTION_FLAG || o->kind == OPTION_SWITCH) {
        if (text) return report_usage(set->command, "--%.*s takes no value", (int)length, name);
        return set_by_text(set, line, values, k, negative ? "false" : "true");
    }
    if (!text && ++*i >= argc) return report_usage(set->command, "--%s needs a value: %s", o->name, o->value);
    return set_by_text(set, line, values, k, text ? text : argv[*i]);
}

int options_parse(const option_set *set, int argc, char **argv, void *values, parsed_line *line)
{
    *line = (parsed_line){.operand_count = 0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_help(set, values);
            return 0;
        }
        if (!strncmp(argv[i], "--", 2) && argv[i][2]) {
            int status = parse_option(set, line, values, argc, argv, &i);
            if (status != OPTIONS_GO_ON) return status;
        } else if (argv[i][0] == '-' && argv[i][1] && argv[i][1] != '-') {
            return report_usage(set->command, "there is no option %s; options begin with two dashes", argv[i]);
        } else if (line->operand_count >= set->max_operands) {
            return report_usage(set->command, "unexpected argument '%s'", argv[i]);
        } else {
            line->operands[line->operand_count++] = argv[i];
        }
    }
    if (line->operand_count < set->min_operands) return report_usage(set->command, "%s is missing", set->operands);
    return OPTIONS_GO_ON;
}

bool options_given(const option_set *set, const parsed_line *line, const char *name)
{
    int i = find_option(set, name, strlen(name));
    return i >= 0 && line->given[i];
}

bool options_known(const option_set *set, const parsed_line *line, const char *name)
{
    int i = find_option(set, name, strlen(name));
    return i >= 0 && line->known[i];
}

/* ---- configuration files -------------------------------------------------------------------------------------------------- */

static bool read_entry(const option_set *set, parsed_line *line, void *values, int i, const json_t *value)
{
    parsed_line scratch = *line;
    if (json_is_null(value)) return true;
    line->known[i] = true;
    if (json_is_string(value)) return set_by_text(set, &scratch, values, i, json_string_value(value)) == OPTIONS_GO_ON;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    size_t base = 0;
    const option *o = option_at(set, i, &base);
    bool ok = text && o->kind != OPTION_TEXT;
    if (text && !ok)
        report_usage(set->command, "%s: the configuration's %s is a text, not %s", line->source, o->name, text);
    ok = ok && set_by_text(set, &scratch, values, i, text) == OPTIONS_GO_ON;
    free(text);
    return ok;
}

const char *options_of_field(const option_set *set, const char *key)
{
    int i = find_field(set, key, strlen(key));
    return i < 0 ? NULL : option_at(set, i, NULL)->name;
}

/* The section that a key belongs in; NULL when it is none's. */
static const char *section_of(const option_set *set, const char *key)
{
    int i = find_key(set, key, strlen(key));
    if (i >= 0) return option_at(set, i, NULL)->section;
    return options_of_field(set, key) ? "model" : NULL;
}

int options_unknown_key(const option_set *set, const char *source, const char *section, const char *key)
{
    const char *home = section_of(set, key);
    char where[80] = "has", advice[80] = "";
    if (section) snprintf(where, sizeof where, "section \"%s\" has", section);
    if (home) snprintf(advice, sizeof advice, "; it belongs in the section \"%s\"", home);
    return report_usage(set->command, "%s: the configuration%s %s an unknown key \"%s\"%s", source, section ? "'s" : "",
                        where, key, advice);
}

bool options_read_section(const option_set *set, parsed_line *line, void *values, const char *source,
                          const char *section, const json_t *object)
{
    const char *key;
    json_t *value;
    bool ok = true;
    if (object && !json_is_object(object)) {
        report_usage(set->command, "%s: the configuration's section \"%s\" is not a JSON object", source, section);
        return false;
    }
    line->source = source;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        int i = find_key(set, key, strlen(key));
        if (i < 0 || strcmp(option_at(set, i, NULL)->section, section) != 0) {
            options_unknown_key(set, source, section, key);
            ok = false;
        }
        if (ok && !line->given[i]) ok = read_entry(set, line, values, i, value);
        if (!ok) break;
    }
    line->source = NULL;
    return ok;
}

json_t *options_write_section(const option_set *set, const void *values, const char *section)
{
    json_t *object = json_object();
    const option *o;
    size_t base = 0;
    for (int i = 0; (o = option_at(set, i, &base)); i++) {
        if (!o->section || strcmp(o->section, section) != 0) continue;
        char key[64];
        snprintf(key, sizeof key, "%s", o->name);
        for (char *p = key; *p; p++)
            if (*p == '-') *p = '_';
        json_object_set_new(object, key, option_json(o, (const char *)values + base + o->offset));
    }
    return object;
}
