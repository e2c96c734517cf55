// The part of protobuf's wire format that the local protocol uses (protobuf.dev/programming-guides/encoding): varints and
// length-delimited fields. Reading never allocates and never looks past the end; groups are refused.
#ifndef BELAY_WIRE_H
#define BELAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
};

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;       // WIRE_VARINT
    const uint8_t *bytes; // WIRE_BYTES: into the reader's memory
    size_t length;
};

enum wire_next { WIRE_FIELD, WIRE_END, WIRE_BROKEN };

void wire_reader_init(struct wire_reader *reader, const uint8_t *bytes, size_t length);
// Takes the next field. After WIRE_BROKEN the reader is at its end.
enum wire_next wire_next(struct wire_reader *reader, struct wire_field *field);

// Grows as needed up to `limit` bytes. After a failure `failed` stays set and nothing more is added.
struct wire_writer {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    size_t limit;
    bool failed;
};

void wire_writer_init(struct wire_writer *writer, size_t limit);
void wire_writer_free(struct wire_writer *writer);
void wire_put_raw(struct wire_writer *writer, const void *bytes, size_t length);
// The following leave out what equals proto3's default, as every encoder does.
void wire_put_uint(struct wire_writer *writer, uint32_t number, uint64_t value);
void wire_put_int(struct wire_writer *writer, uint32_t number, int32_t value);
void wire_put_bool(struct wire_writer *writer, uint32_t number, bool value);
void wire_put_bytes(struct wire_writer *writer, uint32_t number, const void *bytes, size_t length);
void wire_put_string(struct wire_writer *writer, uint32_t number, const char *text);
// Elements of a repeated field are written even when empty.
void wire_put_element(struct wire_writer *writer, uint32_t number, const void *bytes, size_t length);

#endif
