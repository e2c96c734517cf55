#include "waiting.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

enum { LOOK_MS = 1000, MAX_TEXT = 160, NARROWEST = 20 };

// Ctrl-Z is among them: SECURITY(T-33): who stops a waiting sudo would have its yes later, when nobody expects it.
static const int HELD[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGTSTP};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void begin(struct waiting *waiting) {
    sigset_t set;
    if (waiting->begun) return;
    signals_heard(&set, HELD, sizeof HELD / sizeof HELD[0]);
    waiting->begun = true;
    sigprocmask(SIG_BLOCK, &set, &waiting->before);
    waiting->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void waiting_time(char *text, size_t size, int64_t left_ms) {
    const long long seconds = left_ms <= 0 ? 0 : (left_ms + 999) / 1000;
    if (seconds >= 3600) snprintf(text, size, "%lld h %02lld min", seconds / 3600, seconds % 3600 / 60);
    else if (seconds >= 60) snprintf(text, size, "%lld min %02lld s", seconds / 60, seconds % 60);
    else snprintf(text, size, "%lld s", seconds);
}

// On a terminal, and in its foreground: a job in the background must not write over somebody's line.
static size_t columns(void) {
    struct winsize size;
    if (isatty(STDERR_FILENO) == 0 || tcgetpgrp(STDERR_FILENO) != getpgrp()) return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

static void clear_line(struct waiting *waiting, const struct person *person) {
    if (waiting->shown > 0) person->print(SUDO_CONV_ERROR_MSG, "\r%*s\r", (int)waiting->shown, "");
    waiting->shown = 0;
}

static void show_line(struct waiting *waiting, const struct person *person) {
    char left[64];
    char line[MAX_TEXT];
    const size_t width = columns();
    if (width < NARROWEST) return;
    waiting_time(left, sizeof left, waiting->until_ms - now_ms());
    snprintf(line, sizeof line, "Belay #%llu: waiting for approval, %s left; Ctrl-C cancels", (unsigned long long)waiting->request, left);
    if (strlen(line) >= width) line[width - 1] = '\0';
    const size_t length = strlen(line);
    const size_t over = waiting->shown > length ? waiting->shown - length : 0;
    person->print(SUDO_CONV_ERROR_MSG, "\r%s%*s", line, (int)over, "");
    waiting->shown = length;
}

// Each of belayd's lines is one of ours.
static void tell_lines(const struct person *person, const char *text) {
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        if (length > 0) person_tell(person, "%.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void waiting_show(struct waiting *waiting, const struct person *person, const struct waiting_for *said) {
    // Beyond a century it is no time that anybody waits for, and would not fit.
    const int64_t left_ms = said->left_ms > INT64_C(3155760000000) ? INT64_C(3155760000000) : (int64_t)said->left_ms;
    begin(waiting);
    waiting->request = said->request;
    waiting->heard_at_ms = now_ms();
    waiting->until_ms = waiting->heard_at_ms + left_ms;
    if (said->text[0] != '\0') {
        clear_line(waiting, person);
        tell_lines(person, said->text);
    }
    show_line(waiting, person);
}

// 0: none that ends it.
static int take_signal(struct waiting *waiting, const struct person *person) {
    struct signalfd_siginfo info;
    while (read(waiting->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGTSTP) return (int)info.ssi_signo;
        clear_line(waiting, person);
        person_tell(person, "this cannot be stopped while it waits for an approval; Ctrl-C cancels it");
        show_line(waiting, person);
    }
    return 0;
}

enum waited waiting_next(struct waiting *waiting, const struct person *person, int connection, int *by) {
    for (;;) {
        struct pollfd entries[] = {{.fd = connection, .events = POLLIN}, {.fd = waiting->signals, .events = POLLIN}};
        const int ready = poll(entries, 2, LOOK_MS);
        if (ready < 0 && errno != EINTR) return WAITED_GONE;
        if (ready > 0 && entries[1].revents != 0 && (*by = take_signal(waiting, person)) != 0) return WAITED_SIGNAL;
        if (ready > 0 && entries[0].revents != 0) return WAITED_FRAME;
        if (now_ms() - waiting->heard_at_ms > WAITING_SILENCE_MS) return WAITED_GONE;
        show_line(waiting, person);
    }
}

void waiting_end(struct waiting *waiting, const struct person *person) {
    if (!waiting->begun) return;
    clear_line(waiting, person);
    waiting->begun = false;
    if (waiting->signals >= 0) close(waiting->signals);
    // A signal that came too late for the wait is left to whoever held it back before, or to sudo.
    sigprocmask(SIG_SETMASK, &waiting->before, NULL);
}
