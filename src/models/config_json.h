/* config_json.h: what the configurations of all models do: JSON, presets, refusals; driven by tables. */
#ifndef MODELS_CONFIG_JSON_H
#define MODELS_CONFIG_JSON_H

#include <stddef.h>

#include "tessera/io.h"

typedef enum config_kind {
    CONFIG_INT,    /* int64_t */
    CONFIG_FLOAT,  /* double */
    CONFIG_BOOL,   /* bool */
    CONFIG_INTS,   /* tsr_shape: a list of integers */
    CONFIG_OBJECT, /* bool: an object with the fields that follow in `parent`'s name is there; null: it is not */
} config_kind;

typedef struct config_field {
    const char *name;
    config_kind kind;
    size_t offset;
    const char *parent; /* the CONFIG_OBJECT it belongs to, or NULL */
} config_field;

/* The entry of a struct's field. */
#define CONFIG_FIELD(type, name, kind)                                                                                 \
    {                                                                                                                  \
#name, kind, offsetof(type, name), NULL                                                                        \
    }

/* A kind of configuration. */
typedef struct config_type {
    const char *what; /* "VQGAN", in messages */
    size_t size;      /* of the struct */
    const config_field *fields;
    int count;
    const char *const *names; /* of presets, NULL-terminated */
    const void *presets;      /* structs, in the names' order */
} config_type;

/* Fields that the text names replace those of *config. Unknown keys and wrong types are errors; nothing is changed then. */
tsr_status config_read(const config_type *t, const char *json, void *config);
/* The whole struct as a JSON object, in the table's order. */
tsr_status config_write(const config_type *t, const void *config, tsr_bytes *out);
/* Copy a preset; the error for another name lists them. */
tsr_status config_preset(const config_type *t, const char *name, void *config);
/* TSR_EINVAL: "VQGAN configuration: ch is 33, it must <must>". */
tsr_status config_refuse(const config_type *t, const char *field, int64_t value, const char *must);
/* TSR_OK, or the error, for a probability below 1. */
tsr_status config_check_probability(const config_type *t, const char *field, double p);

#endif
