// spawn-timer COUNT USER MOUNT_NAMESPACE_A MOUNT_NAMESPACE_B COMMAND [ARGUMENT…]
//
// Runs the command COUNT times in each of two mount namespaces, in turn, as USER, and prints for each pair what both took, in
// microseconds: from just before exec to its end. Ends at the first run that fails. What a run leaves behind (processes, a daemon's
// bookkeeping) is over before the next begins: neither pays for the other.
#define _GNU_SOURCE
#include "timing.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void await_quiet(void) {
    const struct timespec bookkeeping = {.tv_nsec = 2 * 1000 * 1000};
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) {}
    nanosleep(&bookkeeping, NULL);
}

static int run_once(const struct passwd *user, int mount_namespace, char **command, volatile double *begun, double *took) {
    int status = -1;
    const pid_t child = fork();
    if (child < 0) return 120;
    if (child == 0) {
        if (setns(mount_namespace, CLONE_NEWNS) != 0) _exit(121);
        become(user);
        *begun = now_us();
        execv(command[0], command);
        _exit(124);
    }
    if (waitpid(child, &status, 0) != child) return 125;
    *took = now_us() - *begun;
    await_quiet();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    const long count = strtol(argv[1], NULL, 10);
    const struct passwd *user = getpwnam(argv[2]);
    const int namespaces[2] = {open(argv[3], O_RDONLY | O_CLOEXEC), open(argv[4], O_RDONLY | O_CLOEXEC)};
    volatile double *begun = mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (user == NULL || namespaces[0] < 0 || namespaces[1] < 0 || begun == MAP_FAILED) return 2;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return 2;
    for (long i = 0; i < count; i++) {
        double took[2] = {0, 0};
        for (int each = 0; each < 2; each++) {
            const int status = run_once(user, namespaces[each], argv + 5, begun, &took[each]);
            if (status == 0) continue;
            fprintf(stderr, "run %ld in namespace %d ended with %d\n", i, each, status);
            return 1;
        }
        printf("%.1f %.1f\n", took[0], took[1]);
    }
    return 0;
}
