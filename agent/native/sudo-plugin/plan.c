#include "plan.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "limits.h"

enum { MAX_ENTRIES = 40 };

const char *plan_fault(const struct launch *launch) {
    // SECURITY(T-01): -1 means "leave as it is" to setresuid and would keep root.
    if (launch->uid == UINT32_MAX || launch->gid == UINT32_MAX) return "it names no identity";
    for (size_t index = 0; index < launch->group_count; index++) {
        if (launch->groups[index] == UINT32_MAX) return "it names no identity";
    }
    if (launch->by == BY_UNSPECIFIED) return "it does not say how to run";
    if (launch->path[0] != '/') return "its path is not absolute";
    if (launch->argc == 0) return "it has no arguments";
    if (launch->working_directory[0] != '\0' && launch->working_directory[0] != '/') return "its directory is not absolute";
    if ((launch->file_mode_mask & ~0777u) != 0) return "its umask is none";
    if (launch->pam_session && launch->user[0] == '\0') return "it names no user for the session";
    return NULL;
}

struct info {
    char **entries;
    size_t count;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct info *info, const char *format, ...) {
    char *entry = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = info->count == MAX_ENTRIES ? -1 : vasprintf(&entry, format, arguments);
    va_end(arguments);
    if (length < 0) info->failed = true;
    else info->entries[info->count++] = entry;
}

static void add_groups(struct info *info, const struct launch *launch) {
    if (launch->group_count == 0) return; // sudo then clears them
    const size_t size = launch->group_count * sizeof "4294967295,";
    char *list = malloc(size);
    size_t length = 0;
    if (list == NULL) {
        info->failed = true;
        return;
    }
    for (size_t index = 0; index < launch->group_count; index++) {
        length += (size_t)snprintf(list + length, size - length, "%s%u", index == 0 ? "" : ",", launch->groups[index]);
    }
    add(info, "runas_groups=%s", list);
    free(list);
}

static void add_limits(struct info *info, const struct invocation *invocation) {
    char entry[96];
    for (size_t index = 0; index < LIMIT_COUNT; index++) {
        if (limits_changed(invocation, index, entry, sizeof entry)) add(info, "%s", entry);
    }
}

char **plan_command_info(const struct launch *launch, int execfd, const struct invocation *invocation, bool pam_is_done) {
    struct info info = {.entries = calloc(MAX_ENTRIES + 1, sizeof(char *))};
    if (info.entries == NULL) return NULL;
    add(&info, "command=%s", launch->path);
    add(&info, "runas_uid=%u", launch->uid);
    add(&info, "runas_euid=%u", launch->uid);
    add(&info, "runas_gid=%u", launch->gid);
    add(&info, "runas_egid=%u", launch->gid);
    add_groups(&info, launch);
    if (launch->user[0] != '\0') add(&info, "runas_user=%s", launch->user);
    if (launch->working_directory[0] != '\0') add(&info, "cwd=%s", launch->working_directory);
    add(&info, "umask=0%o", launch->file_mode_mask);
    // Without it a PAM module could change what was decided.
    add(&info, "umask_override=true");
    // Our socket, the caller's descriptors, PAM's: none reaches the command.
    add(&info, "closefrom=3");
    add(&info, "set_utmp=true");
    add(&info, "use_pty=%s", invocation->use_pty ? "true" : "false");
    add(&info, "intercept=false");
    add(&info, "log_subcmds=false");
    if (pam_is_done) add_limits(&info, invocation);
    if (execfd >= 0) add(&info, "execfd=%d", execfd);
    if (!info.failed) return info.entries;
    plan_free(info.entries);
    return NULL;
}

void plan_free(char **command_info) {
    for (char **entry = command_info; entry != NULL && *entry != NULL; entry++) free(*entry);
    free(command_info);
}

static bool begins_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// SECURITY(T-19): PAM is root's, its variables are wanted (KRB5CCNAME, LANG, proxies), but none may steer a loader, a shell or
// an interpreter, whatever file a module took it from.
static bool may_come_from_pam(const char *entry) {
    static const char *const refused[] = {
        "LD_", "GCONV_PATH=", "BASH_ENV=", "BASH_FUNC_", "ENV=", "IFS=", "SHELLOPTS=", "PS4=", "PYTHON", "PERL", "RUBY", "NODE_",
        "GIT_", "JAVA_TOOL_OPTIONS=", "PAGER=", "TZ=", "SUDO_", "GLIBC_TUNABLES=", "MALLOC_", "LOCPATH=", "NLSPATH=", "HOSTALIASES=",
    };
    for (size_t index = 0; index < sizeof refused / sizeof refused[0]; index++) {
        if (begins_with(entry, refused[index])) return false;
    }
    return entry[0] != '=' && strchr(entry, '=') != NULL;
}

static bool has_name_of(char *const *environment, const char *entry) {
    const size_t name_length = strcspn(entry, "=");
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, entry, name_length) == 0 && (*environment)[name_length] == '=') return true;
    }
    return false;
}

static size_t count(char *const *strings) {
    size_t total = 0;
    while (strings[total] != NULL) total++;
    return total;
}

char **plan_merge_environment(char *const *environment, char *const *from_pam) {
    size_t length = count(environment);
    char **merged = calloc(length + count(from_pam) + 1, sizeof(char *));
    if (merged == NULL) return NULL;
    memcpy(merged, environment, length * sizeof(char *));
    for (; *from_pam != NULL; from_pam++) {
        if (may_come_from_pam(*from_pam) && !has_name_of(merged, *from_pam)) merged[length++] = *from_pam;
    }
    return merged;
}

bool plan_is_sealed(int fd) {
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat status;
    const int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}
