// Signals that end sudo, and those among them that its caller does not want to hear (nohup).
#ifndef BELAY_SIGNALS_H
#define BELAY_SIGNALS_H

#include <signal.h>
#include <stddef.h>

// Of these, those that are not ignored: a blocked signal is kept even so, and would be taken for one that counts.
void signals_heard(sigset_t *set, const int signals[], size_t count);

#endif
