#include "terminal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

typedef void visit(struct terminal *terminal, int fd, int number);

// Only the leader's side of a pseudo-terminal has a number to tell.
static bool each_leader(struct terminal *terminal, visit *seen) {
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return false;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);
        int number = 0;
        if (fd >= 0 && fd != dirfd(folder) && ioctl(fd, TIOCGPTN, &number) == 0) seen(terminal, fd, number);
    }
    closedir(folder);
    return true;
}

static void note(struct terminal *terminal, int fd, int number) {
    if (terminal->count == TERMINALS_AT_MOST) {
        terminal->lost = true;
        return;
    }
    terminal->others[terminal->count].fd = fd;
    terminal->others[terminal->count++].number = number;
}

void terminal_note_others(struct terminal *terminal) {
    *terminal = (struct terminal){.leader = -1};
    if (!each_leader(terminal, note)) terminal->lost = true;
}

static void take(struct terminal *terminal, int fd, int number) {
    for (size_t index = 0; index < terminal->count; index++) {
        if (terminal->others[index].fd == fd && terminal->others[index].number == number) return;
    }
    if (terminal->leader >= 0) terminal->lost = true;
    terminal->leader = fd;
}

// SECURITY(T-59): what is typed while the command does not echo is a password, and is never recorded. The command's own settings
// tell, not a guess at prompts; and no descriptor that the person passed in can stand for the command's terminal.
bool terminal_echoes(struct terminal *terminal) {
    struct termios settings;
    if (terminal->leader < 0 && !terminal->lost && !each_leader(terminal, take)) terminal->lost = true;
    return !terminal->lost && terminal->leader >= 0 && tcgetattr(terminal->leader, &settings) == 0 && (settings.c_lflag & ECHO) != 0;
}

bool terminal_will_be_made(const char *controlling) {
    const int fd = controlling[0] == '\0' ? -1 : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return false;
    close(fd);
    return true;
}
