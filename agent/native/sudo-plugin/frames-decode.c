// Reading frames. What decides (Challenge, Verdict, Launch, CommitAnswer) is read strictly: a field that we do not know may be
// an obligation that we would not honour, so the frame is refused. What only informs may grow.
#include "frames-read.h"

#include <stdlib.h>
#include <string.h>

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
        case 5: valid = verdict->has_launch = read_launch(&field, arena, &verdict->launch); break;
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

static bool decode_waiting(struct wire_reader *reader, struct arena *arena, struct waiting_for *waiting) {
    struct wire_field field;
    enum wire_next next;
    bool valid = true;
    while (valid && (next = wire_next(reader, &field)) == WIRE_FIELD) {
        switch (field.number) {
        case 1: valid = read_uint64(&field, &waiting->request); break;
        case 2: valid = read_string(arena, &field, &waiting->text); break;
        case 3: valid = read_uint64(&field, &waiting->left_ms); break;
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
    case FRAME_WAITING: return decode_waiting(&reader, arena, &frame->waiting);
    case FRAME_REFUSAL: return decode_refusal(&reader, arena, &frame->refusal);
    default: return false;
    }
}

static void set_empty_strings(struct server_frame *frame) {
    static char empty[] = "";
    char **const strings[] = {
        &frame->challenge.reason_prompt, &frame->challenge.message, &frame->challenge.confirm_prompt, &frame->verdict.message, &frame->verdict.rule,
        &frame->verdict.launch.path, &frame->verdict.launch.working_directory, &frame->verdict.launch.user,
        &frame->commit_answer.message, &frame->listing.text, &frame->waiting.text, &frame->refusal.code, &frame->refusal.message,
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
