#include "signals.h"

void signals_heard(sigset_t *set, const int signals[], size_t count) {
    struct sigaction action;
    sigemptyset(set);
    for (size_t index = 0; index < count; index++) {
        if (sigaction(signals[index], NULL, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(set, signals[index]);
    }
}
