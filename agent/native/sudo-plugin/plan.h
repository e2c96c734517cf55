// From a Launch to what sudo's front end needs to run it: command_info, argv, environment. Nothing is added.
#ifndef BELAY_PLAN_H
#define BELAY_PLAN_H

#include <stdbool.h>

#include "frames.h"
#include "invocation.h"

// Whether a Launch can be applied at all; a no names what is wrong.
const char *plan_fault(const struct launch *launch);
// sudo's command_info for `launch`; `execfd` -1 runs by path; `pam_is_done`: with the limits that PAM's session left. A malloc'd,
// NULL-ended list, or NULL when memory is out.
char **plan_command_info(const struct launch *launch, int execfd, const struct invocation *invocation, bool pam_is_done);
void plan_free(char **command_info);
// Adds PAM's variables to `environment` where no variable of that name is: a new malloc'd list sharing all strings, or NULL.
char **plan_merge_environment(char *const *environment, char *const *from_pam);
// Whether descriptor `fd` is a memfd whose bytes can no longer change.
bool plan_is_sealed(int fd);

#endif
