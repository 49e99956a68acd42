/* config_json.h: configurations as JSON, driven by a table of a struct's fields. */
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

/* Fields that the text names replace those of *config. Unknown keys and wrong types are errors that name `what`; nothing is
   changed then. */
tsr_status config_read(const char *what, const config_field *fields, int count, size_t size, const char *json,
                       void *config);

/* The whole struct as a JSON object, in the table's order. */
tsr_status config_write(const config_field *fields, int count, const void *config, tsr_bytes *out);

#endif
