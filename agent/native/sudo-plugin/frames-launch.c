// Reading a Launch: exactly what is to run. Strictly, like everything that decides (frames-decode.c).
#include <string.h>

#include "frames-read.h"

struct launch_counts {
    size_t argc;
    size_t environment;
    size_t groups;
};

static bool count_varints(const uint8_t *bytes, size_t length, size_t *count) {
    // The last byte of each varint has its top bit clear.
    for (size_t index = 0; index < length; index++) *count += (bytes[index] & 0x80) == 0;
    return length == 0 || (bytes[length - 1] & 0x80) == 0;
}

static bool count_launch(struct wire_reader reader, struct launch_counts *counts) {
    struct wire_field field;
    enum wire_next next;
    while ((next = wire_next(&reader, &field)) == WIRE_FIELD) {
        if (field.number == 4) counts->argc++;
        else if (field.number == 5) counts->environment++;
        else if (field.number == 8 && field.type == WIRE_VARINT) counts->groups++;
        else if (field.number == 8 && (field.type != WIRE_BYTES || !count_varints(field.bytes, field.length, &counts->groups))) return false;
    }
    return next == WIRE_END;
}

static bool read_group(uint64_t value, const struct launch_counts *counts, struct launch *launch) {
    if (value > UINT32_MAX || launch->group_count == counts->groups) return false;
    launch->groups[launch->group_count++] = (uint32_t)value;
    return true;
}

static bool read_groups(const struct wire_field *field, const struct launch_counts *counts, struct launch *launch) {
    if (field->type == WIRE_VARINT) return read_group(field->value, counts, launch);
    if (field->type != WIRE_BYTES) return false;
    uint64_t value = 0;
    unsigned shift = 0;
    for (size_t index = 0; index < field->length; index++) {
        if (shift > 28) return false; // more than the five bytes of a 32-bit number
        value |= (uint64_t)(field->bytes[index] & 0x7f) << shift;
        shift += 7;
        if ((field->bytes[index] & 0x80) != 0) continue;
        if (!read_group(value, counts, launch)) return false;
        value = 0;
        shift = 0;
    }
    return shift == 0;
}

static bool read_by(const struct wire_field *field, enum launch_by *by) {
    uint32_t value = 0;
    if (!read_uint32(field, &value) || value > BY_SEALED) return false;
    *by = (enum launch_by)value;
    return true;
}

static bool read_descriptor(const struct wire_field *field, int32_t *target) {
    if (field->type != WIRE_VARINT || field->value > INT32_MAX) return false;
    *target = (int32_t)field->value;
    return true;
}

static bool read_hash(const struct wire_field *field, uint8_t hash[HASH_BYTES], bool *has_hash) {
    if (field->type != WIRE_BYTES || field->length != HASH_BYTES) return false;
    memcpy(hash, field->bytes, HASH_BYTES);
    return *has_hash = true;
}

static bool read_recording(const struct wire_field *message, struct launch_recording *recording) {
    struct wire_reader reader;
    struct wire_field field;
    enum wire_next next;
    bool has_hash = false;
    bool valid = message->type == WIRE_BYTES && !recording->wanted;
    wire_reader_init(&reader, message->bytes, message->length);
    while (valid && (next = wire_next(&reader, &field)) != WIRE_END) {
        switch (next == WIRE_FIELD ? field.number : 0) {
        case 1: valid = read_descriptor(&field, &recording->fd); break;
        case 2: valid = read_hash(&field, recording->sealed, &has_hash); break;
        case 3: valid = read_uint64(&field, &recording->length); break;
        case 4: valid = read_uint64(&field, &recording->limit); break;
        case 5: valid = read_bool(&field, &recording->must); break;
        default: valid = false; break;
        }
    }
    recording->wanted = true;
    return valid && has_hash;
}

static bool read_launch_field(const struct wire_field *field, struct arena *arena, const struct launch_counts *counts,
                              struct launch *launch) {
    switch (field->number) {
    case 1: return read_by(field, &launch->by);
    case 2: return read_string(arena, field, &launch->path);
    case 3: return read_descriptor(field, &launch->sealed_fd);
    case 4: return read_string(arena, field, &launch->argv[launch->argc]) && ++launch->argc <= counts->argc;
    case 5:
        return read_string(arena, field, &launch->environment[launch->environment_count]) &&
               ++launch->environment_count <= counts->environment;
    case 6: return read_uint32(field, &launch->uid);
    case 7: return read_uint32(field, &launch->gid);
    case 8: return read_groups(field, counts, launch);
    case 9: return read_string(arena, field, &launch->working_directory);
    case 10: return read_uint32(field, &launch->file_mode_mask);
    case 11: return read_string(arena, field, &launch->user);
    case 12: return read_bool(field, &launch->pam_session);
    case 13: return read_bool(field, &launch->pam_account);
    case 20: return read_recording(field, &launch->recording);
    default: return false;
    }
}

bool read_launch(const struct wire_field *message, struct arena *arena, struct launch *launch) {
    if (message->type != WIRE_BYTES || launch->argv != NULL) return false;
    struct wire_reader reader;
    wire_reader_init(&reader, message->bytes, message->length);
    struct launch_counts counts = {0};
    if (!count_launch(reader, &counts)) return false;
    launch->argv = arena_take(arena, (counts.argc + 1) * sizeof(char *), _Alignof(char *));
    launch->environment = arena_take(arena, (counts.environment + 1) * sizeof(char *), _Alignof(char *));
    launch->groups = arena_take(arena, counts.groups * sizeof(uint32_t), _Alignof(uint32_t));
    if (launch->argv == NULL || launch->environment == NULL || launch->groups == NULL) return false;
    struct wire_field field;
    while (wire_next(&reader, &field) == WIRE_FIELD) {
        if (!read_launch_field(&field, arena, &counts, launch)) return false;
    }
    launch->argv[launch->argc] = NULL;
    launch->environment[launch->environment_count] = NULL;
    return true;
}
