// The file that a session is recorded in: docs/recording-format.md. belayd makes it and writes its header; here it grows.
#ifndef BELAY_RECORDING_H
#define BELAY_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "sha256.h"

// What a frame of the file holds.
enum recorded_kind {
    RECORDED_TTY_IN = 1,
    RECORDED_TTY_OUT = 2,
    RECORDED_STDIN = 3,
    RECORDED_STDOUT = 4,
    RECORDED_STDERR = 5,
    RECORDED_WINDOW = 6,  // lines and columns, two bytes each
    RECORDED_SUSPEND = 7, // the signal, one byte; SIGCONT when it goes on
    RECORDED_HIDDEN = 8,  // something was typed while the terminal did not echo
    RECORDED_CUT = 9,     // enum cut, one byte
    RECORDED_SEAL = 10,
    RECORDED_END = 11, // wait status and errno, four bytes each
};

struct recording {
    int fd;       // -1: nothing is recorded
    bool must;    // what cannot be recorded may not go on
    bool stopped; // nothing more is recorded
    bool hides;   // the last thing was input that is left out
    enum cut cut;
    uint64_t limit;
    uint64_t length;
    uint64_t reserved; // bytes of the file that the disk has set aside
    uint64_t begun_us; // CLOCK_BOOTTIME
    uint64_t last_us;
    uint64_t block_length;
    uint8_t sealed[SHA256_BYTES]; // the last seal
    struct sha256 block;          // what has come since
};

// Takes over `fd`, whose file holds what the launch says. False, and closed, when it does not, or when there is no room to begin with.
bool recording_begin(struct recording *recording, int fd, const struct launch_recording *launch);
// Appends one frame, its bytes cut where they are too many for one. False: it could not be recorded, and the command must end.
bool recording_add(struct recording *recording, enum recorded_kind kind, const void *bytes, size_t length);
// Something was typed that must not be recorded: that is, once.
bool recording_hide(struct recording *recording);
// Ends and closes the file; what it holds is then in `recorded`.
void recording_end(struct recording *recording, int status, int error, struct recorded *recorded);
void recording_close(struct recording *recording);

#endif
