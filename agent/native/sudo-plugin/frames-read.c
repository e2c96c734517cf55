// The parts that every frame is made of.
#include "frames-read.h"

#include <string.h>

void *arena_take(struct arena *arena, size_t size, size_t alignment) {
    const size_t skip = (alignment - (uintptr_t)arena->at % alignment) % alignment;
    if (skip > arena->left || size > arena->left - skip) return NULL;
    void *result = arena->at + skip;
    arena->at += skip + size;
    arena->left -= skip + size;
    return result;
}

static char *copy_string(struct arena *arena, const struct wire_field *field) {
    if (field->type != WIRE_BYTES || (field->length != 0 && memchr(field->bytes, 0, field->length) != NULL)) return NULL;
    char *text = arena_take(arena, field->length + 1, 1);
    if (text == NULL) return NULL;
    if (field->length != 0) memcpy(text, field->bytes, field->length);
    text[field->length] = '\0';
    return text;
}

bool read_string(struct arena *arena, const struct wire_field *field, char **target) {
    char *text = copy_string(arena, field);
    if (text == NULL) return false;
    *target = text;
    return true;
}

bool read_uint64(const struct wire_field *field, uint64_t *target) {
    if (field->type != WIRE_VARINT) return false;
    *target = field->value;
    return true;
}

bool read_uint32(const struct wire_field *field, uint32_t *target) {
    if (field->type != WIRE_VARINT || field->value > UINT32_MAX) return false;
    *target = (uint32_t)field->value;
    return true;
}

bool read_bool(const struct wire_field *field, bool *target) {
    if (field->type != WIRE_VARINT || field->value > 1) return false;
    *target = field->value == 1;
    return true;
}
