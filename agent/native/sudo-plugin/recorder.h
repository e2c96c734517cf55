// The I/O plugin: what passes between the person and the command goes into the recording, where the verdict wants one. Where it
// does not, the plugin is off before the command starts, and sudo goes on as without it.
#ifndef BELAY_RECORDER_H
#define BELAY_RECORDER_H

#include <stdbool.h>

// Whether sudo.conf names it.
bool recorder_is_listed(void);

#endif
