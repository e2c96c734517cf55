// Writing frames. The numbers are those of local.proto.
#include "frames.h"

#include <string.h>

static void begin(struct wire_writer *writer) {
    static const uint8_t placeholder[FRAME_HEADER_BYTES] = {0};
    wire_writer_init(writer, FRAME_MAX_OUT + FRAME_HEADER_BYTES);
    wire_put_raw(writer, placeholder, sizeof placeholder);
}

static bool finish(struct wire_writer *writer) {
    if (writer->failed) {
        wire_writer_free(writer);
        return false;
    }
    const size_t length = writer->length - FRAME_HEADER_BYTES;
    for (unsigned index = 0; index < FRAME_HEADER_BYTES; index++) {
        writer->bytes[index] = (uint8_t)(length >> (8 * (FRAME_HEADER_BYTES - 1 - index)));
    }
    return true;
}

// Wraps a message as field `number` of ClientFrame.
static bool wrap(struct wire_writer *writer, uint32_t number, struct wire_writer *message) {
    begin(writer);
    if (message->failed) writer->failed = true;
    wire_put_element(writer, number, message->bytes, message->length);
    wire_writer_free(message);
    return finish(writer);
}

static void put_array(struct wire_writer *writer, uint32_t number, char *const *strings) {
    for (; strings != NULL && *strings != NULL; strings++) wire_put_element(writer, number, *strings, strlen(*strings));
}

static void put_optional(struct wire_writer *writer, uint32_t number, const char *text) {
    wire_put_string(writer, number, text);
    wire_put_bool(writer, number + 1, text != NULL);
}

// The caller's own value of a variable, as getenv would find it in `environment`.
static const char *find_variable(char *const *environment, const char *entry, size_t name_length) {
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, entry, name_length + 1) == 0) return *environment;
    }
    return NULL;
}

// sudo turns --preserve-env=NAME into NAME=value before we see it. What equals the caller's variable is named as preserved,
// which means the same.
static void put_environment_added(struct wire_writer *writer, const struct sudo_check *check) {
    for (char *const *added = check->environment_added; added != NULL && *added != NULL; added++) {
        const char *equals = strchr(*added, '=');
        const size_t name_length = equals == NULL ? 0 : (size_t)(equals - *added);
        const char *own = equals == NULL ? NULL : find_variable(check->environment, *added, name_length);
        if (own != NULL && strcmp(own, *added) == 0) wire_put_element(writer, 9, *added, name_length);
        else wire_put_element(writer, 17, *added, strlen(*added));
    }
}

static void put_sudo_check(struct wire_writer *message, const struct sudo_check *check) {
    wire_writer_init(message, FRAME_MAX_OUT);
    wire_put_uint(message, 1, (uint64_t)check->mode);
    put_optional(message, 2, check->run_as_user);
    put_optional(message, 4, check->run_as_group);
    wire_put_bool(message, 6, check->login_shell);
    wire_put_bool(message, 7, check->implied_shell);
    wire_put_bool(message, 8, check->preserve_environment);
    wire_put_bool(message, 10, check->set_home);
    wire_put_bool(message, 11, check->background);
    wire_put_bool(message, 12, check->non_interactive);
    put_optional(message, 13, check->working_directory_wanted);
    put_array(message, 15, check->argv);
    put_array(message, 16, check->environment);
    put_environment_added(message, check);
    wire_put_string(message, 18, check->working_directory);
    wire_put_string(message, 19, check->terminal);
    wire_put_string(message, 20, check->typed_path);
    wire_put_bool(message, 21, check->executable_fd >= 0);
    if (check->executable_fd >= 0) wire_put_int(message, 22, check->executable_fd);
    put_optional(message, 23, check->list_user);
    wire_put_uint(message, 25, check->file_mode_mask);
    wire_put_bool(message, 26, check->list_long);
    wire_put_bool(message, 27, check->ignore_cached_reauth);
    wire_put_bool(message, 28, check->pam_available);
    wire_put_bool(message, 29, check->starts_at_once);
    wire_put_bool(message, 40, check->records);
}

bool frame_sudo_check(struct wire_writer *writer, const struct sudo_check *check) {
    struct wire_writer message;
    put_sudo_check(&message, check);
    return wrap(writer, 1, &message);
}

bool frame_observed(struct wire_writer *writer, const struct sudo_check *check, enum seen seen) {
    struct wire_writer what;
    struct wire_writer message;
    put_sudo_check(&what, check);
    wire_writer_init(&message, FRAME_MAX_OUT);
    if (what.failed) message.failed = true;
    else wire_put_element(&message, 1, what.bytes, what.length);
    wire_writer_free(&what);
    wire_put_uint(&message, 2, (uint64_t)seen);
    return wrap(writer, 20, &message);
}

bool frame_demands_met(struct wire_writer *writer, const struct demands_met *met) {
    struct wire_writer message;
    wire_writer_init(&message, FRAME_MAX_OUT);
    wire_put_uint(&message, 1, met->request);
    wire_put_string(&message, 2, met->reason);
    wire_put_uint(&message, 3, (uint64_t)met->authentication);
    wire_put_uint(&message, 4, met->attempts);
    wire_put_bool(&message, 5, met->confirmed);
    return wrap(writer, 2, &message);
}

bool frame_commit(struct wire_writer *writer, uint64_t request, const uint8_t *token, size_t token_length) {
    struct wire_writer message;
    wire_writer_init(&message, FRAME_MAX_OUT);
    wire_put_uint(&message, 1, request);
    wire_put_bytes(&message, 2, token, token_length);
    return wrap(writer, 3, &message);
}

static void put_recorded(struct wire_writer *message, const struct recorded *recorded) {
    struct wire_writer part;
    if (recorded == NULL || !recorded->present) return;
    wire_writer_init(&part, FRAME_MAX_OUT);
    wire_put_bytes(&part, 1, recorded->hash, sizeof recorded->hash);
    wire_put_uint(&part, 2, recorded->length);
    wire_put_uint(&part, 3, recorded->duration_us);
    wire_put_uint(&part, 4, (uint64_t)recorded->cut);
    if (part.failed) message->failed = true;
    else wire_put_element(message, 10, part.bytes, part.length);
    wire_writer_free(&part);
}

bool frame_outcome(struct wire_writer *writer, const struct outcome *outcome) {
    struct wire_writer message;
    wire_writer_init(&message, FRAME_MAX_OUT);
    wire_put_uint(&message, 1, outcome->request);
    wire_put_uint(&message, 2, (uint64_t)outcome->end);
    wire_put_int(&message, 3, outcome->value);
    wire_put_bool(&message, 4, outcome->core_dumped);
    put_recorded(&message, outcome->recorded);
    return wrap(writer, 4, &message);
}

bool frame_audit_error(struct wire_writer *writer, uint64_t request, const char *text) {
    struct wire_writer message;
    wire_writer_init(&message, FRAME_MAX_OUT);
    wire_put_uint(&message, 1, request);
    wire_put_string(&message, 2, text);
    return wrap(writer, 5, &message);
}

bool frame_forget_reauth(struct wire_writer *writer, bool everywhere) {
    struct wire_writer message;
    wire_writer_init(&message, FRAME_MAX_OUT);
    wire_put_bool(&message, 1, everywhere);
    return wrap(writer, 6, &message);
}
