/* ops_json.h: what has public names, as JSON: enough to write a binding from. */
#ifndef CLI_OPS_JSON_H
#define CLI_OPS_JSON_H

#include <jansson.h>

/* {"ops": [...], "classes": [...]} of those that answer to `name` (NULL: all); NULL: no memory. The caller's.

   An operator: name, names, group, signature, doc, dtypes, derivative, inplace (writes its first parameter), inplace_name,
   view, params, outputs (null: a list of tensors), c {name, prototype}, example, samples. A parameter: name, type (as the
   signature writes it; docs/operators.md), c_type (of its field in the struct of arguments), required, default (as JSON;
   absent when required), keyword_only. A class: names, group, doc, params and options {type, fields} in C's types, c {name,
   prototype, call, header}, example. */
json_t *ops_json(const char *name);

#endif
