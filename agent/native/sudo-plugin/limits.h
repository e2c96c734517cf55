// The limits of the process (rlimits) around PAM's session. sudo lifts its own while it works and puts the caller's back right before
// the command, which is after PAM when sudo is to become the command: so what PAM changed is handed to sudo as the plugin's wish.
#ifndef BELAY_LIMITS_H
#define BELAY_LIMITS_H

#include <stddef.h>

#include "invocation.h"

// Takes what sudo says of the caller ("rlimit_NAME=SOFT,HARD"). False: that is no limit.
bool limits_note_callers(struct invocation *invocation, const char *entry);
// Puts the caller's limits in force, as PAM is to find them.
void limits_become_callers(const struct invocation *invocation);
// The limit number `index` (from 0) where it is not the caller's: "rlimit_NAME=SOFT,HARD" for sudo in `entry`. False: it is.
bool limits_changed(const struct invocation *invocation, size_t index, char *entry, size_t size);

#endif
