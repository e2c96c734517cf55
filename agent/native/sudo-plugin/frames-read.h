// What the decoders of frames share. Every reader takes one field; false when it is not of its kind.
#ifndef BELAY_FRAMES_READ_H
#define BELAY_FRAMES_READ_H

#include "frames.h"

// One block holds every string and array of a frame, so that freeing is one call and sizes are bounded by the frame's own:
// a string needs its length and a NUL, and each took at least two bytes on the wire; a pointer or number at least one more.
struct arena {
    char *at;
    size_t left;
};

// NULL: there is no room, so the frame is not what it seems.
void *arena_take(struct arena *arena, size_t size, size_t alignment);
// A NUL-terminated copy; a NUL inside is a fault.
bool read_string(struct arena *arena, const struct wire_field *field, char **target);
bool read_uint64(const struct wire_field *field, uint64_t *target);
bool read_uint32(const struct wire_field *field, uint32_t *target);
bool read_bool(const struct wire_field *field, bool *target);
bool read_launch(const struct wire_field *message, struct arena *arena, struct launch *launch);

#endif
