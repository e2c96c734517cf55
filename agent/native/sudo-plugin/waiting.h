// Waiting in place for somebody's approval: a line that tells how long, the answers on the way, and the signals that end it.
#ifndef BELAY_WAITING_H
#define BELAY_WAITING_H

#include <signal.h>

#include "frames.h"
#include "person.h"

// belayd says something at least every five seconds.
enum { WAITING_SILENCE_MS = 15000 };

struct waiting {
    bool begun;
    int signals;         // signalfd(2) of those that are held back; -1: there is none
    sigset_t before;     // what was held back before
    uint64_t request;
    int64_t heard_at_ms; // CLOCK_BOOTTIME, as the next one
    int64_t until_ms;
    size_t shown;        // columns of the line that is rewritten in place
};

enum waited {
    WAITED_FRAME,  // belayd has more to say
    WAITED_SIGNAL, // the person wants no more
    WAITED_GONE,   // belayd is silent, or has closed
};

// Takes in what belayd says, and shows it: whole lines once, and on a terminal the line that is rewritten.
void waiting_show(struct waiting *waiting, const struct person *person, const struct waiting_for *said);
// Until belayd says more. With WAITED_SIGNAL the signal is in `by`.
enum waited waiting_next(struct waiting *waiting, const struct person *person, int connection, int *by);
// Takes the line away, and lets signals through as before. Safe to call when nothing was waited for.
void waiting_end(struct waiting *waiting, const struct person *person);
// "29 min 58 s", in `text`.
void waiting_time(char *text, size_t size, int64_t left_ms);

#endif
