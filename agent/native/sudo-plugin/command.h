// Finding and opening what is to run, once: the descriptor that is opened here is the one that is checked and runs.
#ifndef BELAY_COMMAND_H
#define BELAY_COMMAND_H

#include "invocation.h"

#define SECURE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct command {
    char *typed_path; // absolute; NULL when nothing was found
    int fd;           // -1 when nothing was found
};

// Looks for `name` as a shell would, but along the secure path and never the caller's PATH.
struct command command_find(const struct invocation *invocation, const char *name);
void command_close(struct command *command);
// The login shell of the user that -u names (root without it); NULL when there is no such user. The caller frees it.
char *command_login_shell(const struct invocation *invocation);
// Whether the file begins with "#!": such a descriptor has to stay open for its interpreter.
bool command_is_script(int fd);

#endif
