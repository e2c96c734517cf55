// Reading frames. What decides (Challenge, Verdict, Launch, CommitAnswer) is read strictly: a field that we do not know may be
// an obligation that we would not honour, so the frame is refused. What only informs may grow.
#include "frames.h"

#include <stdlib.h>
#include <string.h>

// One block holds every string and array of a frame, so that freeing is one call and sizes are bounded by the frame's own:
// a string needs its length and a NUL, and each took at least two bytes on the wire; a pointer or number at least one more.
struct arena {
    char *at;
    size_t left;
};

static void *arena_take(struct arena *arena, size_t size, size_t alignment) {
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

static bool read_string(struct arena *arena, const struct wire_field *field, char **target) {
    char *text = copy_string(arena, field);
    if (text == NULL) return false;
    *target = text;
    return true;
}

static bool read_uint64(const struct wire_field *field, uint64_t *target) {
    if (field->type != WIRE_VARINT) return false;
    *target = field->value;
    return true;
}

static bool read_uint32(const struct wire_field *field, uint32_t *target) {
    if (field->type != WIRE_VARINT || field->value > UINT32_MAX) return false;
    *target = (uint32_t)field->value;
    return true;
}

static bool read_bool(const struct wire_field *field, bool *target) {
    if (field->type != WIRE_VARINT || field->value > 1) return false;
    *target = field->value == 1;
    return true;
}

static bool decode_hello(struct wire_reader *reader, struct hello *hello) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_uint32(&field, &hello->protocol); break;
        case 3: valid = read_uint32(&field, &hello->real_uid); break;
        case 4: valid = read_bool(&field, &hello->pam); break;
        default: break;
        }
    }
    return valid && next == WIRE_END;
}

static bool count_field(struct wire_reader reader, uint32_t number, size_t *count) {
    struct wire_field field;
    enum wire_next next;
    while ((next = wire_next(&reader, &field)) == WIRE_FIELD) *count += field.number == number;
    return next == WIRE_END;
}

static bool read_suggestion(struct arena *arena, const struct wire_field *field, struct challenge *challenge) {
    return read_string(arena, field, &challenge->suggestions[challenge->suggestion_count]) && ++challenge->suggestion_count != 0;
}

static bool decode_challenge(struct wire_reader *reader, struct arena *arena, struct challenge *challenge) {
    struct wire_field field;
    enum wire_next next = WIRE_BROKEN;
    size_t suggestions = 0;
    bool valid = count_field(*reader, 8, &suggestions);
    if (valid) challenge->suggestions = arena_take(arena, (suggestions + 1) * sizeof(char *), _Alignof(char *));
    if (challenge->suggestions == NULL) return false;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_uint64(&field, &challenge->request); break;
        case 2: valid = read_bool(&field, &challenge->reason); break;
        case 3: valid = read_string(arena, &field, &challenge->reason_prompt); break;
        case 4: valid = read_uint32(&field, &challenge->reason_min_length); break;
        case 5: valid = read_bool(&field, &challenge->reauth); break;
        case 6: valid = read_string(arena, &field, &challenge->message); break;
        case 7: valid = read_bool(&field, &challenge->account); break;
        case 8: valid = read_suggestion(arena, &field, challenge); break;
        case 9: valid = read_string(arena, &field, &challenge->confirm_prompt); break;
        default: valid = false; break;
        }
    }
    if (valid) challenge->suggestions[challenge->suggestion_count] = NULL;
    return valid && next == WIRE_END;
}

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
    default: return false;
    }
}

static bool decode_launch(const struct wire_field *message, struct arena *arena, struct launch *launch) {
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

static bool read_token(const struct wire_field *field, uint8_t token[TOKEN_BYTES], bool *has_token) {
    if (field->type != WIRE_BYTES || field->length != TOKEN_BYTES) return false;
    memcpy(token, field->bytes, TOKEN_BYTES);
    *has_token = true;
    return true;
}

static bool read_answer(const struct wire_field *field, bool *is_yes) {
    // 1 is ALLOW in a Verdict and GO in a CommitAnswer. SECURITY(T-10): whatever is not a yes is a no.
    if (field->type != WIRE_VARINT) return false;
    *is_yes = field->value == 1;
    return true;
}

static bool decode_verdict(struct wire_reader *reader, struct arena *arena, struct verdict *verdict) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    bool has_token = false;
    uint32_t valid_ms = 0;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_answer(&field, &verdict->allow); break;
        case 2: valid = read_uint64(&field, &verdict->request); break;
        case 3: valid = read_string(arena, &field, &verdict->message); break;
        case 4: valid = read_string(arena, &field, &verdict->rule); break;
        case 5: valid = verdict->has_launch = decode_launch(&field, arena, &verdict->launch); break;
        case 6: valid = read_token(&field, verdict->token, &has_token); break;
        case 7: valid = read_uint32(&field, &valid_ms); break;
        case 8: valid = read_bool(&field, &verdict->go); break;
        default: valid = false; break;
        }
    }
    return valid && next == WIRE_END && (!verdict->has_launch || has_token) && (!verdict->go || (verdict->allow && verdict->has_launch));
}

static bool decode_commit_answer(struct wire_reader *reader, struct arena *arena, struct commit_answer *answer) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_answer(&field, &answer->go); break;
        case 2: valid = read_string(arena, &field, &answer->message); break;
        default: valid = false; break;
        }
    }
    return valid && next == WIRE_END;
}

static bool decode_listing(struct wire_reader *reader, struct arena *arena, struct listing *listing) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_bool(&field, &listing->known); break;
        case 2: valid = read_string(arena, &field, &listing->text); break;
        default: break;
        }
    }
    return valid && next == WIRE_END;
}

static bool decode_refusal(struct wire_reader *reader, struct arena *arena, struct refusal *refusal) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_string(arena, &field, &refusal->code); break;
        case 2: valid = read_string(arena, &field, &refusal->message); break;
        case 3: valid = read_uint64(&field, &refusal->request); break;
        default: break;
        }
    }
    return valid && next == WIRE_END;
}

static bool decode_message(const struct wire_field *message, struct arena *arena, struct server_frame *frame) {
    struct wire_reader reader;
    if (message->type != WIRE_BYTES) return false;
    wire_reader_init(&reader, message->bytes, message->length);
    switch (message->number) {
    case FRAME_HELLO: return decode_hello(&reader, &frame->hello);
    case FRAME_CHALLENGE: return decode_challenge(&reader, arena, &frame->challenge);
    case FRAME_VERDICT: return decode_verdict(&reader, arena, &frame->verdict);
    case FRAME_COMMIT_ANSWER: return decode_commit_answer(&reader, arena, &frame->commit_answer);
    case FRAME_LISTING: return decode_listing(&reader, arena, &frame->listing);
    case FRAME_DONE: return true;
    case FRAME_REFUSAL: return decode_refusal(&reader, arena, &frame->refusal);
    default: return false;
    }
}

static void set_empty_strings(struct server_frame *frame) {
    static char empty[] = "";
    char **const strings[] = {
        &frame->challenge.reason_prompt, &frame->challenge.message, &frame->challenge.confirm_prompt, &frame->verdict.message, &frame->verdict.rule,
        &frame->verdict.launch.path, &frame->verdict.launch.working_directory, &frame->verdict.launch.user,
        &frame->commit_answer.message, &frame->listing.text, &frame->refusal.code, &frame->refusal.message,
    };
    for (size_t index = 0; index < sizeof strings / sizeof strings[0]; index++) *strings[index] = empty;
}

size_t frame_body_length(const uint8_t header[FRAME_HEADER_BYTES]) {
    size_t length = 0;
    for (unsigned index = 0; index < FRAME_HEADER_BYTES; index++) length = (length << 8) | header[index];
    return length <= FRAME_MAX_IN ? length : 0;
}

bool frame_decode(const uint8_t *body, size_t length, struct server_frame *frame) {
    memset(frame, 0, sizeof *frame);
    if (length == 0 || length > FRAME_MAX_IN) return false;
    struct arena arena = {.left = length * (1 + sizeof(char *)) + 8 * sizeof(char *)};
    arena.at = frame->storage = calloc(1, arena.left);
    if (frame->storage == NULL) return false;
    set_empty_strings(frame);
    struct wire_reader reader;
    struct wire_field message;
    struct wire_field after;
    wire_reader_init(&reader, body, length);
    if (wire_next(&reader, &message) == WIRE_FIELD && wire_next(&reader, &after) == WIRE_END &&
        decode_message(&message, &arena, frame)) {
        frame->kind = (enum frame_kind)message.number;
        return true;
    }
    frame_free(frame);
    return false;
}

void frame_free(struct server_frame *frame) {
    free(frame->storage);
    memset(frame, 0, sizeof *frame);
}
