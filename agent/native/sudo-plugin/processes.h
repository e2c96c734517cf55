// The processes that come from this one.
#ifndef BELAY_PROCESSES_H
#define BELAY_PROCESSES_H

// Kills every process that is `depth` generations or more below this one (1: its children), and what they start meanwhile. One
// whose parent has ended belongs to another and is not found.
void processes_kill_below(unsigned depth);

#endif
