#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

// As much as a thread has by default on a small system; pages come as they are touched.
enum { STACK_BYTES = 1024 * 1024 };

// linux/pidfd.h of Linux 6.15; a newer kernel fills in what it knows of a smaller structure.
struct ended {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t status; // as waitpid(2) gives it
};
#define GET_INFO _IOWR(0xFF, 11, struct ended)
enum { INFO_EXIT = 1 << 3 };

static bool ask_how_it_ended(int process, struct ended *ended) {
    *ended = (struct ended){.mask = INFO_EXIT};
    return ioctl(process, GET_INFO, ended) == 0;
}

bool keeper_is_possible(void) {
    struct utsname kernel;
    unsigned major = 0;
    unsigned minor = 0;
    if (uname(&kernel) != 0 || sscanf(kernel.release, "%u.%u", &major, &minor) != 2) return false;
    return major > 6 || (major == 6 && minor >= 15);
}

void keeper_tell_too_late(void) {
    static const char text[] = "sudo: stopped for too long between the yes and the start: run it again\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) { /* nobody reads it: the refusal stands */ }
}

// Errors set errno, which is sudo's too: there are none before sudo is gone or doomed.
static bool await_leaving(struct keeper *keeper, const struct timespec *until) {
    while (atomic_load(&keeper->shared) != 0) {
        const long waited = syscall(SYS_futex, &keeper->shared, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, until, NULL, FUTEX_BITSET_MATCH_ANY);
        if (waited != 0 && errno == ETIMEDOUT) return false;
    }
    return true;
}

// SECURITY(T-33): sudo notes a Ctrl-Z and stops itself right before it becomes the command; a user could so keep a yes for
// tomorrow. Too late is never. False: it was too late, and sudo is no more.
static bool await_start(struct session *session) {
    int64_t left_ms = START_LIMIT_MS;
    while (left_ms > 0) {
        struct timespec until;
        // The time of a suspended machine counts.
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += left_ms / 1000;
        until.tv_nsec += left_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        if (await_leaving(&session->keeper, &until)) return true;
        const bool is_running_out = session->stage == STAGE_COMMITTED && !session->keeper.forked && session->committed_at_ms != 0;
        left_ms = is_running_out ? session->committed_at_ms + START_LIMIT_MS - session_now_ms() : START_LIMIT_MS;
    }
    syscall(SYS_pidfd_send_signal, session->keeper.process, SIGKILL, NULL, 0);
    await_leaving(&session->keeper, NULL);
    return false;
}

// Out of the terminal's reach, holding nothing of the person's.
static void detach(void) {
    prctl(PR_SET_NAME, "belay-session");
    setsid();
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (null >= 0) dup2(null, fd);
        else close(fd);
    }
    if (null > STDERR_FILENO) close(null);
    if (chdir("/") != 0) { /* as good where it is */ }
}

// The status of a process that has ended and whose parent has not looked yet: field 52 of proc_pid_stat(5).
static bool read_unreaped(pid_t pid, int *status) {
    char path[sizeof "/proc//stat" + 20];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) return false;
    text[length] = '\0';
    const char *state = strrchr(text, ')');
    const char *last = strrchr(text, ' ');
    if (state == NULL || last == NULL || strncmp(state, ") Z", 3) != 0) return false;
    *status = atoi(last + 1);
    return true;
}

static bool await_event(int process, short events) {
    struct pollfd entry = {.fd = process, .events = events};
    while (poll(&entry, 1, -1) < 0) {
        if (errno != EINTR) return false;
    }
    return true;
}

// False: nobody can tell.
static bool await_end(const struct keeper *keeper, int *status) {
    struct ended ended;
    if (!await_event(keeper->process, POLLIN)) return false;
    const bool is_unreaped = read_unreaped(keeper->pid, status);
    if (!ask_how_it_ended(keeper->process, &ended)) return false;
    if ((ended.mask & INFO_EXIT) == 0) {
        // Not reaped by now, so the number was nobody else's when it was read.
        if (is_unreaped) return true;
        if (!await_event(keeper->process, 0) || !ask_how_it_ended(keeper->process, &ended)) return false;
    }
    *status = ended.status;
    return (ended.mask & INFO_EXIT) != 0;
}

static int keep(void *context) {
    struct session *session = context;
    int status = 0;
    const bool in_time = await_start(session);
    if (session->keeper.unwanted) _exit(0);
    // From here on this memory is the keeper's alone.
    session->committed_at_ms = 0;
    if (!in_time) keeper_tell_too_late();
    detach();
    const bool known = !session->keeper.failed && await_end(&session->keeper, &status);
    if (!in_time) session_report(session, END_SUDO_ERROR, ETIME, false);
    else if (session->keeper.failed) session_report(session, END_EXEC_FAILED, 0, false);
    else if (known) session_report_status(session, status);
    session_end(session);
    _exit(0);
}

static void await_keeper(struct keeper *keeper) {
    atomic_store(&keeper->shared, 0);
    syscall(SYS_futex, &keeper->shared, FUTEX_WAKE, 1, NULL, NULL, 0);
    // It uses this memory now: nothing else may.
    while (syscall(SYS_wait4, keeper->keeper, NULL, __WALL, NULL) < 0 && errno == EINTR) {}
}

void keeper_dismiss(struct keeper *keeper) {
    if (!keeper->begun || keeper->pid != getpid()) return;
    keeper->failed = !keeper->forked;
    if (keeper->forked) return; // it waits for this process's own end
    await_keeper(keeper);
}

void keeper_release(struct keeper *keeper) {
    if (!keeper->begun) return;
    keeper->unwanted = true;
    await_keeper(keeper);
    keeper->begun = false;
}

bool keeper_begin(struct session *session) {
    struct keeper *keeper = &session->keeper;
    sigset_t all;
    sigset_t before;
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return false;
    keeper->pid = getpid();
    keeper->process = (int)syscall(SYS_pidfd_open, keeper->pid, 0);
    if (keeper->process >= 0) {
        atomic_store(&keeper->shared, 1);
        // The kernel clears the word, and wakes who waits for it, when sudo leaves this memory: by becoming the command, or ending.
        syscall(SYS_set_tid_address, &keeper->shared);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        // Without an end signal: a child that the command, which does not know of it, cannot wait for.
        keeper->keeper = clone(keep, stack + STACK_BYTES, CLONE_VM, session);
        keeper->begun = keeper->keeper > 0;
        sigprocmask(SIG_SETMASK, &before, NULL);
        close(keeper->process);
    }
    if (!keeper->begun) munmap(stack, STACK_BYTES);
    return keeper->begun;
}
