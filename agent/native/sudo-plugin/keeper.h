// Who sees the command end when sudo becomes the command instead of waiting for it: a process beside it that keeps the connection
// to belayd and PAM's session, tells belayd how the command ended, and closes the session. See docs/adr/0010.
#ifndef BELAY_KEEPER_H
#define BELAY_KEEPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct session;

// sudo's process and the keeper share their memory, this too, until sudo becomes the command.
struct keeper {
    bool begun;
    bool failed;       // sudo could not become the command, and waits until the keeper is through
    bool unwanted;     // sudo is to wait for the command after all, and does not need it
    bool forked;       // sudo waits after all (another plugin of sudo's wants to see the command): its own end tells the command's
    pid_t keeper;
    int process;       // pidfd of sudo's process
    pid_t pid;         // of sudo's process
    _Atomic int shared; // 1 while sudo's process is in this memory; the kernel clears it
};

// How long after its GO a command may still start, ms; as long as a verdict is good for.
enum { START_LIMIT_MS = 5000 };

// Whether this kernel tells another process than the parent how a process ended (Linux 6.15).
bool keeper_is_possible(void);
// Starts the keeper of `session`. False: there is none, and nothing has changed.
bool keeper_begin(struct session *session);
// sudo ends without having become the command: the keeper tells so, closes PAM's session, and is gone when this returns.
void keeper_dismiss(struct keeper *keeper);
// Before anything has started: sudo will wait for the command itself. It is gone when this returns, and has told nobody anything.
void keeper_release(struct keeper *keeper);
void keeper_tell_too_late(void);

#endif
