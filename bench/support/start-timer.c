// start-timer SOCKET USER REQUEST [ARGUMENT…] -- DAEMON [ARGUMENT…]
//
// Starts the daemon, and once there is its socket, the request as USER, until one ends with 0. Prints the microseconds from just before
// the daemon's exec to then, and ends the daemon. It sleeps while it waits: the daemon shall have the machine.
#define _GNU_SOURCE
#include "timing.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static const double LIMIT_US = 30e6;

static pid_t start_daemon(char **command, volatile double *begun) {
    const pid_t child = fork();
    if (child != 0) return child;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) _exit(122);
    *begun = now_us();
    execv(command[0], command);
    _exit(124);
}

static int ask(const struct passwd *user, char **request) {
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        become(user);
        execv(request[0], request);
        _exit(124);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

int main(int argc, char **argv) {
    int split = 4;
    while (split < argc && strcmp(argv[split], "--") != 0) split++;
    if (split + 1 >= argc) return 2;
    argv[split] = NULL;
    const char *socket = argv[1];
    const struct passwd *user = getpwnam(argv[2]);
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    volatile double *begun = mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (user == NULL || begun == MAP_FAILED) return 2;
    unlink(socket);
    const double called_at = now_us();
    const pid_t daemon = start_daemon(argv + split + 1, begun);
    if (daemon < 0) return 2;
    bool answered = false;
    while (!answered && now_us() - called_at < LIMIT_US) {
        if (access(socket, F_OK) != 0) nanosleep(&pause, NULL);
        else answered = ask(user, argv + 3) == 0;
    }
    if (answered) printf("%.0f\n", now_us() - *begun);
    else fputs("the daemon did not answer\n", stderr);
    kill(daemon, SIGTERM);
    waitpid(daemon, NULL, 0);
    return answered ? 0 : 1;
}
