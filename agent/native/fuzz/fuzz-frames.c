// libFuzzer target: one body of a frame from belayd. Everything that was decoded is read, so that the sanitizers see it.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Keeps the compiler from leaving the reading out.
static volatile size_t sink;

static size_t sum(const char *text) {
    return text == NULL ? 0 : strlen(text);
}

static size_t sum_all(char *const *strings, size_t count) {
    size_t total = 0;
    for (size_t index = 0; index < count; index++) total += strlen(strings[index]);
    if (strings != NULL && strings[count] != NULL) abort(); // execve would read on
    return total;
}

static void check_launch(const struct launch *launch) {
    size_t total = sum(launch->path) + sum(launch->working_directory) + sum(launch->user);
    total += sum_all(launch->argv, launch->argc) + sum_all(launch->environment, launch->environment_count);
    for (size_t index = 0; index < launch->group_count; index++) total += launch->groups[index];
    sink = total;
    if (launch->sealed_fd < 0) abort();
    if (!launch->recording.wanted && (launch->recording.must || launch->recording.limit != 0)) abort();
}

static void check_frame(const struct server_frame *frame) {
    size_t total = sum(frame->challenge.reason_prompt) + sum(frame->challenge.message) + sum(frame->challenge.confirm_prompt);
    total += sum_all(frame->challenge.suggestions, frame->challenge.suggestion_count);
    total += sum(frame->verdict.message) + sum(frame->verdict.rule) + sum(frame->commit_answer.message);
    total += sum(frame->listing.text) + sum(frame->waiting.text) + sum(frame->refusal.code) + sum(frame->refusal.message);
    sink = total;
    if (frame->verdict.has_launch) check_launch(&frame->verdict.launch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct server_frame frame;
    if (size >= FRAME_HEADER_BYTES && frame_body_length(data) > FRAME_MAX_IN) abort();
    if (frame_decode(data, size, &frame)) {
        if (frame.kind == FRAME_NONE) abort();
        check_frame(&frame);
    } else if (frame.kind != FRAME_NONE || frame.verdict.allow || frame.commit_answer.go) {
        abort(); // a broken frame must never look like a yes
    }
    frame_free(&frame);
    return 0;
}
