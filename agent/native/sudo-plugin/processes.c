#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

// Each round finds what the one before has missed: a process that was being started. Ended ones start nothing.
enum { ROUNDS = 20 };

struct process {
    pid_t pid;
    pid_t parent;
    unsigned generation; // 0: not below us, as far as is known
};

struct processes {
    struct process *all;
    size_t count;
    size_t capacity;
};

// proc_pid_stat(5): "PID (NAME) STATE PARENT …"; a name may hold anything. False: it has ended.
static bool read_parent(const char *number, pid_t *parent) {
    char path[sizeof "/proc//stat" + 20];
    char text[512];
    snprintf(path, sizeof path, "/proc/%.16s/stat", number);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) return false;
    text[length] = '\0';
    const char *after = strrchr(text, ')');
    if (after == NULL || strlen(after) < 5 || after[2] == 'Z' || after[2] == 'X') return false;
    *parent = (pid_t)atoi(after + 4);
    return true;
}

static void add(struct processes *found, pid_t pid, pid_t parent) {
    if (found->count == found->capacity) {
        const size_t capacity = found->capacity == 0 ? 256 : found->capacity * 2;
        struct process *grown = reallocarray(found->all, capacity, sizeof *grown);
        if (grown == NULL) return;
        found->all = grown;
        found->capacity = capacity;
    }
    found->all[found->count++] = (struct process){pid, parent, 0};
}

static void list(struct processes *found) {
    DIR *folder = opendir("/proc");
    if (folder == NULL) return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        pid_t parent = 0;
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_parent(entry->d_name, &parent)) add(found, (pid_t)atoi(entry->d_name), parent);
    }
    closedir(folder);
}

static unsigned generation_of(const struct processes *found, pid_t parent) {
    if (parent == getpid()) return 1;
    for (size_t index = 0; index < found->count; index++) {
        if (found->all[index].pid == parent && found->all[index].generation != 0) return found->all[index].generation + 1;
    }
    return 0;
}

static void number_generations(const struct processes *found) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t index = 0; index < found->count; index++) {
            struct process *process = &found->all[index];
            if (process->generation != 0 || (process->generation = generation_of(found, process->parent)) == 0) continue;
            changed = true;
        }
    }
}

static bool kill_once(unsigned depth) {
    struct processes found = {0};
    bool any = false;
    list(&found);
    number_generations(&found);
    for (size_t index = 0; index < found.count; index++) {
        if (found.all[index].generation >= depth && kill(found.all[index].pid, SIGKILL) == 0) any = true;
    }
    free(found.all);
    return any;
}

void processes_kill_below(unsigned depth) {
    for (unsigned round = 0; round < ROUNDS && kill_once(depth); round++) usleep(1000);
}
