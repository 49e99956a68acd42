/* options.h: command lines, described by tables.

   A command lists its options in groups. Each option names a member of the group's struct; parsing fills it, --help is
   made from the same table, and so are the sections of a run's configuration file: an option with a section is stored
   there under its name with underscores, and read from there when the command line does not give it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool; takes no value */
    OPTION_SWITCH, /* bool; --name or --no-name */
    OPTION_TEXT,   /* const char * */
    OPTION_INT,    /* int64_t */
    OPTION_FLOAT,  /* double */
    OPTION_CHOICE, /* int: the index in `value`, which lists the words with bars between: "l1|l2" */
    OPTION_FIELD,  /* json_t *, an object: `key` of it is set to the value, read as JSON, a list 1,2,2 or a text */
    OPTION_SET,    /* json_t *, the same for KEY=VALUE; a key that is another option's sets that one */
} option_kind;

typedef struct option {
    const char *name; /* without dashes */
    option_kind kind;
    size_t offset;     /* of the member in the group's struct */
    const char *value; /* what --help calls the value */
    const char *help;
    double low, high;    /* range of numbers; both 0: any */
    const char *section; /* of the configuration file: "train", "data"; NULL: not stored */
    const char *key;     /* OPTION_FIELD: the field, "disc.ndf" for one in an object */
} option;

typedef struct option_group {
    const char *title;
    const option *v;
    int count;
    size_t base; /* where the group's struct is in the command's */
} option_group;

typedef struct option_set {
    const char *command;  /* "train vqgan" */
    const char *operands; /* "INPUT", or "" */
    int min_operands, max_operands;
    const char *summary; /* sentences for --help */
    const char *example; /* a line or several */
    const option_group *groups;
    int group_count;
} option_set;

enum { OPTIONS_MOST = 96, OPERANDS_MOST = 4 };

typedef struct parsed_line {
    bool given[OPTIONS_MOST]; /* by the command line, in the order of the tables */
    bool known[OPTIONS_MOST]; /* by the command line or a configuration */
    const char *operands[OPERANDS_MOST];
    int operand_count;
    const char *source; /* the file that values come from at present; NULL: the command line */
} parsed_line;

enum { OPTIONS_GO_ON = -1 };

/* Parse argv[1] on into *values, which holds the defaults. Returns OPTIONS_GO_ON, or the exit status: 0 after --help, 2 after
   a sentence about wrong use. Texts are those of argv. */
int options_parse(const option_set *set, int argc, char **argv, void *values, parsed_line *line);

/* Whether the command line gave the option; known: or a configuration did. */
bool options_given(const option_set *set, const parsed_line *line, const char *name);
bool options_known(const option_set *set, const parsed_line *line, const char *name);

/* Take from a configuration's section what the command line did not give. Texts stay the JSON's. False after a sentence
   about an unknown key or a bad value, which names `source`, the file that the configuration is of. */
bool options_read_section(const option_set *set, parsed_line *line, void *values, const char *source,
                          const char *section, const json_t *object);

/* A sentence about a key that a section (NULL: none) of the configuration does not have; it says which one has it. */
int options_unknown_key(const option_set *set, const char *source, const char *section, const char *key);

/* The option that sets the model's field, "beta" or "disc.ndf"; NULL when there is none. */
const char *options_of_field(const option_set *set, const char *key);

/* A section's options as they are now; a new reference. */
json_t *options_write_section(const option_set *set, const void *values, const char *section);

/* object[key] = value, an object made when it is not there; "a.b" is b in the object a. The value is taken over. */
void options_set_field(json_t **object, const char *key, json_t *value);

/* The most similar of n names; NULL when none is close. */
const char *nearest_name(const char *name, const char *const *names, int n);

#endif
