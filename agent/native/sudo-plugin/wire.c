#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VARINT_BYTES = 10, MAX_FIELD_NUMBER = (1 << 29) - 1 };

void wire_reader_init(struct wire_reader *reader, const uint8_t *bytes, size_t length) {
    reader->at = bytes;
    reader->end = length == 0 ? bytes : bytes + length;
}

static bool read_varint(struct wire_reader *reader, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned index = 0; index < MAX_VARINT_BYTES; index++) {
        if (reader->at == reader->end) return false;
        const uint8_t byte = *reader->at++;
        // The tenth byte has room for one bit.
        if (index == MAX_VARINT_BYTES - 1 && byte > 1) return false;
        result |= (uint64_t)(byte & 0x7f) << (7 * index);
        if ((byte & 0x80) == 0) {
            *value = result;
            return true;
        }
    }
    return false;
}

static bool take(struct wire_reader *reader, uint64_t length, struct wire_field *field) {
    if (length > (uint64_t)(reader->end - reader->at)) return false;
    field->bytes = reader->at;
    field->length = (size_t)length;
    reader->at += field->length;
    return true;
}

static bool read_content(struct wire_reader *reader, unsigned type, struct wire_field *field) {
    uint64_t length = 0;
    switch (type) {
    case WIRE_VARINT:
        field->type = WIRE_VARINT;
        return read_varint(reader, &field->value);
    case WIRE_FIXED64:
        field->type = WIRE_FIXED64;
        return take(reader, 8, field);
    case WIRE_FIXED32:
        field->type = WIRE_FIXED32;
        return take(reader, 4, field);
    case WIRE_BYTES:
        field->type = WIRE_BYTES;
        return read_varint(reader, &length) && take(reader, length, field);
    default:
        return false;
    }
}

enum wire_next wire_next(struct wire_reader *reader, struct wire_field *field) {
    memset(field, 0, sizeof *field);
    if (reader->at == reader->end) return WIRE_END;
    uint64_t tag = 0;
    if (read_varint(reader, &tag) && (tag >> 3) >= 1 && (tag >> 3) <= MAX_FIELD_NUMBER) {
        field->number = (uint32_t)(tag >> 3);
        if (read_content(reader, (unsigned)(tag & 7), field)) return WIRE_FIELD;
    }
    reader->at = reader->end;
    return WIRE_BROKEN;
}

void wire_writer_init(struct wire_writer *writer, size_t limit) {
    memset(writer, 0, sizeof *writer);
    writer->limit = limit;
}

void wire_writer_free(struct wire_writer *writer) {
    // A reason or an environment may hold secrets.
    if (writer->bytes != NULL) explicit_bzero(writer->bytes, writer->capacity);
    free(writer->bytes);
    memset(writer, 0, sizeof *writer);
}

static bool reserve(struct wire_writer *writer, size_t length) {
    if (writer->failed || length > writer->limit - writer->length) {
        writer->failed = true;
        return false;
    }
    const size_t needed = writer->length + length;
    if (needed <= writer->capacity) return true;
    size_t capacity = writer->capacity == 0 ? 4096 : writer->capacity;
    while (capacity < needed) capacity *= 2;
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL) {
        writer->failed = true;
        return false;
    }
    if (writer->bytes != NULL) {
        memcpy(bytes, writer->bytes, writer->length);
        explicit_bzero(writer->bytes, writer->capacity);
        free(writer->bytes);
    }
    writer->bytes = bytes;
    writer->capacity = capacity;
    return true;
}

void wire_put_raw(struct wire_writer *writer, const void *bytes, size_t length) {
    if (length == 0 || !reserve(writer, length)) return;
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void put_varint(struct wire_writer *writer, uint64_t value) {
    uint8_t bytes[MAX_VARINT_BYTES];
    size_t length = 0;
    while (value >= 0x80) {
        bytes[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[length++] = (uint8_t)value;
    wire_put_raw(writer, bytes, length);
}

void wire_put_uint(struct wire_writer *writer, uint32_t number, uint64_t value) {
    if (value == 0) return;
    put_varint(writer, ((uint64_t)number << 3) | WIRE_VARINT);
    put_varint(writer, value);
}

void wire_put_int(struct wire_writer *writer, uint32_t number, int32_t value) {
    // Negative numbers are ten bytes: sign-extended to 64 bits.
    wire_put_uint(writer, number, (uint64_t)(int64_t)value);
}

void wire_put_bool(struct wire_writer *writer, uint32_t number, bool value) {
    wire_put_uint(writer, number, value ? 1 : 0);
}

void wire_put_element(struct wire_writer *writer, uint32_t number, const void *bytes, size_t length) {
    put_varint(writer, ((uint64_t)number << 3) | WIRE_BYTES);
    put_varint(writer, length);
    wire_put_raw(writer, bytes, length);
}

void wire_put_bytes(struct wire_writer *writer, uint32_t number, const void *bytes, size_t length) {
    if (length != 0) wire_put_element(writer, number, bytes, length);
}

void wire_put_string(struct wire_writer *writer, uint32_t number, const char *text) {
    if (text != NULL) wire_put_bytes(writer, number, text, strlen(text));
}
