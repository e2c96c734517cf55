// Root's own use of sudo while belayd does not answer (principle 10: the owner is never locked out): a plan made here, and a
// record in syslog instead of the journal.
#ifndef BELAY_LOCAL_PLAN_H
#define BELAY_LOCAL_PLAN_H

#include "command.h"
#include "frames.h"
#include "person.h"

// Fills `launch` with memory that lives as long as the process. False, and the person is told, when it cannot be.
bool local_plan_make(struct launch *launch, const struct person *person, const struct invocation *invocation, char *const argv[],
                     char *const environment_added[], const struct command *command);
void local_plan_record(const struct launch *launch, const struct invocation *invocation);

#endif
