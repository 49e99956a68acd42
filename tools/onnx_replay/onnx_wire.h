/* onnx_wire.h: reading protobuf's wire format, without a schema.

   A message is a sequence of fields: a key (number and kind, a varint), then a varint, four or eight bytes, or a length and
   so many bytes (a text, a nested message, or packed numbers). Nothing is copied: all views point into the file's bytes. */
#ifndef ONNX_WIRE_H
#define ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: a message, a text. */
typedef struct wire_bytes {
    const uint8_t *p;
    size_t n;
} wire_bytes;

typedef enum wire_kind { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_BYTES = 2, WIRE_FOUR = 5 } wire_kind;

/* A field. `value` holds a number's bits, `data` the bytes of a WIRE_BYTES. */
typedef struct wire_field {
    uint32_t number;
    wire_kind kind;
    uint64_t value;
    wire_bytes data;
} wire_field;

/* Take the next field off the front of `rest`. False at the end, and when the bytes are not a field: then rest is not empty. */
bool wire_next(wire_bytes *rest, wire_field *out);

/* Whether the message, without regard to nested ones, consists of fields to its end. */
bool wire_sound(wire_bytes message);

/* The last field of this number, as protobuf resolves repeats of a single field. False: there is none. */
bool wire_find(wire_bytes message, uint32_t number, wire_field *out);

/* Its bytes or number; empty or 0 when there is none. */
wire_bytes wire_bytes_of(wire_bytes message, uint32_t number);
int64_t wire_int_of(wire_bytes message, uint32_t number);

/* The numbers of a repeated field, packed or not: varints, and floats (kind WIRE_FOUR) or doubles (WIRE_EIGHT). They return
   how many there are, -1 when it is not such a field or there are more than `room`. */
int64_t wire_ints(wire_bytes message, uint32_t number, int64_t *out, int64_t room);
int64_t wire_floats(wire_bytes message, uint32_t number, wire_kind kind, double *out, int64_t room);

/* The number that four or eight bytes hold. */
double wire_float(const wire_field *field);

bool wire_is(wire_bytes text, const char *name);
bool wire_same(wire_bytes a, wire_bytes b);

#endif
