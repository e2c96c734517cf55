// The terminal that sudo makes for a command which is recorded.
#ifndef BELAY_TERMINAL_H
#define BELAY_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum { TERMINALS_AT_MOST = 32 };

struct terminal {
    int leader; // -1: not found yet
    bool lost;  // it cannot be told which one it is
    // The leaders that were open before sudo made its own: the person's, should he have passed any.
    struct {
        int fd;
        int number;
    } others[TERMINALS_AT_MOST];
    size_t count;
};

// Before sudo makes it.
void terminal_note_others(struct terminal *terminal);
// Whether what is typed is shown, by the command's own settings. False when that cannot be told.
bool terminal_echoes(struct terminal *terminal);
// Whether sudo will make one: it does where it can open the person's. False: the command gets what sudo was started with.
bool terminal_will_be_made(const char *controlling);

#endif
