#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Looks before it opens: opening a pipe would block and opening a device may already do something.
static int open_executable(const char *path) {
    int opened = -1;
    char link[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
    struct stat status;
    const int found = open(path, O_PATH | O_CLOEXEC);
    if (found < 0) return -1;
    if (fstat(found, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", found);
        opened = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    close(found);
    return opened;
}

static char *join(const char *folder, size_t folder_length, const char *name) {
    while (folder_length > 0 && folder[folder_length - 1] == '/') folder_length--;
    const size_t size = folder_length + 1 + strlen(name) + 1;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%.*s/%s", (int)folder_length, folder, name);
    return path;
}

static struct command try_path(char *path) {
    struct command command = {.typed_path = path, .fd = path == NULL ? -1 : open_executable(path)};
    if (command.fd >= 0) return command;
    free(path);
    return (struct command){.fd = -1};
}

static struct command search(const char *name) {
    const char *folder = SECURE_PATH;
    for (;;) {
        const size_t length = strcspn(folder, ":");
        struct command command = try_path(join(folder, length, name));
        if (command.fd >= 0 || folder[length] == '\0') return command;
        folder += length + 1;
    }
}

// SECURITY(T-06): `..` and links are not resolved here; belayd resolves the descriptor, not the words.
struct command command_find(const struct invocation *invocation, const char *name) {
    if (name[0] == '\0') return (struct command){.fd = -1};
    if (strchr(name, '/') == NULL) return search(name);
    if (name[0] == '/') return try_path(strdup(name));
    if (invocation->working_directory[0] != '/') return (struct command){.fd = -1};
    return try_path(join(invocation->working_directory, strlen(invocation->working_directory), name));
}

void command_close(struct command *command) {
    if (command->fd >= 0) close(command->fd);
    free(command->typed_path);
    *command = (struct command){.fd = -1};
}

// SECURITY(T-01): only plain decimal digits below the reserved -1 name a uid.
static struct passwd *find_account(const char *name) {
    if (name == NULL) return getpwuid(0);
    if (name[0] != '#') return getpwnam(name);
    if (name[1] == '\0' || strspn(name + 1, "0123456789") != strlen(name + 1)) return NULL;
    errno = 0;
    const unsigned long id = strtoul(name + 1, NULL, 10);
    return errno != 0 || id >= (uid_t)-1 ? NULL : getpwuid((uid_t)id);
}

char *command_login_shell(const struct invocation *invocation) {
    const struct passwd *account = find_account(invocation->run_as_user);
    if (account == NULL) return NULL;
    return strdup(account->pw_shell == NULL || account->pw_shell[0] == '\0' ? "/bin/sh" : account->pw_shell);
}

bool command_is_script(int fd) {
    char start[2];
    return pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start && start[0] == '#' && start[1] == '!';
}
