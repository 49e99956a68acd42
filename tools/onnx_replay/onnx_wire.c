/* onnx_wire.c: see onnx_wire.h. Every step first compares what it is about to read with what is left. */
#include "onnx_wire.h"

#include <string.h>

/* Varints are at most ten bytes of seven bits, the lowest first. */
static bool take_varint(wire_bytes *rest, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < rest->n && i < 10; i++) {
        *out |= (uint64_t)(rest->p[i] & 127) << (7 * i);
        if (rest->p[i] > 127) continue;
        rest->p += i + 1;
        rest->n -= i + 1;
        return true;
    }
    return false;
}

static bool take_bytes(wire_bytes *rest, uint64_t n, wire_bytes *out)
{
    if (n > rest->n) return false;
    *out = (wire_bytes){rest->p, (size_t)n};
    rest->p += n;
    rest->n -= (size_t)n;
    return true;
}

/* A number of `width` bytes, the lowest first. */
static bool take_fixed(wire_bytes *rest, size_t width, uint64_t *out)
{
    wire_bytes bytes;
    if (!take_bytes(rest, width, &bytes)) return false;
    *out = 0;
    for (size_t i = 0; i < width; i++) *out |= (uint64_t)bytes.p[i] << (8 * i);
    return true;
}

static bool take_value(wire_bytes *rest, wire_field *f)
{
    switch (f->kind) {
    case WIRE_VARINT:
        return take_varint(rest, &f->value);
    case WIRE_EIGHT:
        return take_fixed(rest, 8, &f->value);
    case WIRE_FOUR:
        return take_fixed(rest, 4, &f->value);
    case WIRE_BYTES:
        return take_varint(rest, &f->value) && take_bytes(rest, f->value, &f->data);
    }
    return false;
}

bool wire_next(wire_bytes *rest, wire_field *out)
{
    wire_bytes left = *rest;
    uint64_t key;
    if (!take_varint(&left, &key) || key >> 35) return false;
    *out = (wire_field){.number = (uint32_t)(key >> 3), .kind = (wire_kind)(key & 7)};
    if (!out->number || !take_value(&left, out)) return false;
    *rest = left;
    return true;
}

bool wire_sound(wire_bytes message)
{
    wire_field f;
    while (wire_next(&message, &f)) continue;
    return !message.n;
}

bool wire_find(wire_bytes message, uint32_t number, wire_field *out)
{
    bool found = false;
    wire_field f;
    while (wire_next(&message, &f)) {
        if (f.number != number) continue;
        *out = f;
        found = true;
    }
    return found;
}

wire_bytes wire_bytes_of(wire_bytes message, uint32_t number)
{
    wire_field f;
    return wire_find(message, number, &f) ? f.data : (wire_bytes){NULL, 0};
}

int64_t wire_int_of(wire_bytes message, uint32_t number)
{
    wire_field f;
    return wire_find(message, number, &f) && f.kind == WIRE_VARINT ? (int64_t)f.value : 0;
}

double wire_float(const wire_field *field)
{
    uint32_t low = (uint32_t)field->value;
    float narrow;
    double wide;
    memcpy(&narrow, &low, sizeof narrow);
    memcpy(&wide, &field->value, sizeof wide);
    return field->kind == WIRE_FOUR ? (double)narrow : wide;
}

/* The varints of one field, which may be packed, behind `count` others; the new count or -1. */
static int64_t append_ints(const wire_field *f, int64_t *out, int64_t count, int64_t room)
{
    wire_bytes rest = f->data;
    uint64_t value = f->value;
    if (f->kind != WIRE_VARINT && f->kind != WIRE_BYTES) return -1;
    while (f->kind == WIRE_VARINT || rest.n) {
        if (count == room || (f->kind == WIRE_BYTES && !take_varint(&rest, &value))) return -1;
        out[count++] = (int64_t)value;
        if (f->kind == WIRE_VARINT) break;
    }
    return count;
}

int64_t wire_ints(wire_bytes message, uint32_t number, int64_t *out, int64_t room)
{
    int64_t count = 0;
    wire_field f;
    while (count >= 0 && wire_next(&message, &f))
        if (f.number == number) count = append_ints(&f, out, count, room);
    return count;
}

/* The same for numbers of a fixed width. */
static int64_t append_floats(const wire_field *f, wire_kind kind, double *out, int64_t count, int64_t room)
{
    wire_bytes rest = f->data;
    wire_field one = {.kind = kind, .value = f->value};
    if (f->kind != kind && f->kind != WIRE_BYTES) return -1;
    while (f->kind == kind || rest.n) {
        if (count == room || (f->kind == WIRE_BYTES && !take_value(&rest, &one))) return -1;
        out[count++] = wire_float(&one);
        if (f->kind == kind) break;
    }
    return count;
}

int64_t wire_floats(wire_bytes message, uint32_t number, wire_kind kind, double *out, int64_t room)
{
    int64_t count = 0;
    wire_field f;
    while (count >= 0 && wire_next(&message, &f))
        if (f.number == number) count = append_floats(&f, kind, out, count, room);
    return count;
}

bool wire_is(wire_bytes text, const char *name)
{
    return text.n == strlen(name) && (!text.n || !memcmp(text.p, name, text.n));
}

bool wire_same(wire_bytes a, wire_bytes b) { return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)); }
