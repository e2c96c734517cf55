// What sudo's front end told the plugin when it opened it: settings, the caller, the caller's environment.
#ifndef BELAY_INVOCATION_H
#define BELAY_INVOCATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LIMIT_COUNT = 11 };

// Strings point into sudo's own memory, which lives as long as the process.
struct invocation {
    uid_t real_uid; // of this process before it became root for good
    const char *user;
    const char *host;
    const char *working_directory; // "" when it cannot be told
    const char *terminal;          // "" without one
    uint32_t file_mode_mask;
    char *const *environment;
    const char *limits[LIMIT_COUNT]; // the caller's, "SOFT,HARD" in the order of limits.c; NULL: not told
    const char *run_as_user;  // NULL: not given
    const char *run_as_group; // NULL: not given
    const char *prompt;       // NULL: not given
    const char *working_directory_wanted;
    bool login_shell;
    bool run_shell;
    bool bare; // sudo alone: neither command nor option
    bool preserve_environment;
    bool set_home;
    bool non_interactive;
    bool ignore_ticket;
    bool edit;
    bool use_pty; // plugin option in sudo.conf
    bool wait;    // plugin option in sudo.conf: sudo stays and waits for the command, as it has to on older kernels
    // An option of sudo's that the plugin does not support, as the user knows it; NULL when there is none.
    const char *unsupported;
};

void invocation_parse(struct invocation *invocation, char *const settings[], char *const user_info[], char *const user_env[],
                      char *const plugin_options[]);
// Whether -b may be among `count` words with sudo's own options, which only audit plugins are given.
bool invocation_may_background(char *const words[], int count);
// Whether -l is among them.
bool invocation_lists(char *const words[], int count);
// A variable of the caller's, or NULL.
const char *invocation_variable(const struct invocation *invocation, const char *name);

#endif
