#include "local-plan.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { MAX_GROUPS = 4096, MAX_RECORD = 8000, OWN_VARIABLES = 16 };

static bool parse_id(const char *text, uint32_t *id) {
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) return false;
    errno = 0;
    const unsigned long value = strtoul(text, NULL, 10);
    *id = (uint32_t)value;
    return errno == 0 && value < UINT32_MAX;
}

static bool choose_user(struct launch *launch, const char *wanted, const struct passwd **account) {
    uint32_t uid = 0;
    if (wanted == NULL) *account = getpwuid(0);
    else if (wanted[0] != '#') *account = getpwnam(wanted);
    else if (parse_id(wanted + 1, &uid)) *account = getpwuid(uid);
    else return false;
    if (*account == NULL && wanted != NULL && wanted[0] != '#') return false;
    launch->uid = *account == NULL ? uid : (*account)->pw_uid;
    launch->gid = *account == NULL ? uid : (*account)->pw_gid;
    launch->user = *account == NULL ? "" : (*account)->pw_name;
    return launch->uid != UINT32_MAX;
}

static bool choose_group(struct launch *launch, const char *wanted) {
    if (wanted == NULL) return true;
    if (wanted[0] == '#') return parse_id(wanted + 1, &launch->gid);
    const struct group *group = getgrnam(wanted);
    if (group != NULL) launch->gid = group->gr_gid;
    return group != NULL;
}

static bool choose_groups(struct launch *launch) {
    int number = MAX_GROUPS;
    launch->groups = calloc(MAX_GROUPS, sizeof(gid_t));
    if (launch->groups == NULL) return false;
    if (launch->user[0] == '\0') {
        launch->groups[0] = launch->gid;
        number = 1;
    } else if (getgrouplist(launch->user, launch->gid, launch->groups, &number) < 0) {
        return false;
    }
    launch->group_count = (size_t)number;
    return true;
}

static bool is_kept(const char *entry) {
    static const char *const names[] = {"TERM=", "COLORTERM=", "LANG=", "LANGUAGE=", "LC_", "DISPLAY=", "XAUTHORITY=", "NO_COLOR="};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (strncmp(entry, names[index], strlen(names[index])) == 0) return true;
    }
    return false;
}

struct environment {
    char **entries;
    size_t count;
    bool failed;
};

static void set_entry(struct environment *environment, char *entry) {
    const size_t name_length = strcspn(entry, "=") + 1;
    for (size_t index = 0; index < environment->count; index++) {
        if (strncmp(environment->entries[index], entry, name_length) != 0) continue;
        environment->entries[index] = entry;
        return;
    }
    environment->entries[environment->count++] = entry;
}

__attribute__((format(printf, 2, 3))) static void set_variable(struct environment *environment, const char *format, ...) {
    char *entry = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&entry, format, arguments);
    va_end(arguments);
    if (length < 0) environment->failed = true;
    else set_entry(environment, entry);
}

static size_t count_strings(char *const *strings) {
    size_t total = 0;
    while (strings != NULL && strings[total] != NULL) total++;
    return total;
}

static bool make_environment(struct launch *launch, const struct invocation *invocation, const struct passwd *account,
                             char *const *added) {
    const size_t size = count_strings(invocation->environment) + count_strings(added) + OWN_VARIABLES;
    struct environment environment = {.entries = calloc(size, sizeof(char *))};
    if (environment.entries == NULL) return false;
    for (char *const *entry = invocation->environment; entry != NULL && *entry != NULL; entry++) {
        if (strchr(*entry, '=') != NULL && (invocation->preserve_environment || is_kept(*entry))) set_entry(&environment, *entry);
    }
    set_variable(&environment, "PATH=%s", SECURE_PATH);
    if (account != NULL) {
        set_variable(&environment, "HOME=%s", account->pw_dir);
        set_variable(&environment, "SHELL=%s", account->pw_shell[0] == '\0' ? "/bin/sh" : account->pw_shell);
        set_variable(&environment, "USER=%s", account->pw_name);
        set_variable(&environment, "LOGNAME=%s", account->pw_name);
        set_variable(&environment, "MAIL=/var/mail/%s", account->pw_name);
    }
    set_variable(&environment, "SUDO_USER=%s", invocation->user);
    set_variable(&environment, "SUDO_UID=%u", (unsigned)invocation->real_uid);
    set_variable(&environment, "SUDO_GID=%u", (unsigned)getgid());
    set_variable(&environment, "SUDO_COMMAND=%s", launch->path);
    for (; added != NULL && *added != NULL; added++) set_entry(&environment, *added);
    launch->environment = environment.entries;
    launch->environment_count = environment.count;
    return !environment.failed;
}

// A login shell is told so by the dash before its name.
static bool make_arguments(struct launch *launch, const struct invocation *invocation, char *const argv[]) {
    const size_t count = count_strings(argv);
    launch->argv = calloc(count + 1, sizeof(char *));
    if (launch->argv == NULL || count == 0) return false;
    memcpy(launch->argv, argv, count * sizeof(char *));
    launch->argc = count;
    if (!invocation->login_shell) return true;
    const char *name = strrchr(launch->path, '/') + 1;
    return asprintf(&launch->argv[0], "-%s", name) >= 0;
}

bool local_plan_make(struct launch *launch, const struct person *person, const struct invocation *invocation, char *const argv[],
                     char *const environment_added[], const struct command *command) {
    const struct passwd *account = NULL;
    if (command->fd < 0) {
        person_tell(person, "%s: command not found", argv[0]);
        return false;
    }
    *launch = (struct launch){.path = command->typed_path, .file_mode_mask = invocation->file_mode_mask | 022, .pam_session = true};
    launch->by = command_is_script(command->fd) ? BY_PATH : BY_DESCRIPTOR;
    if (!choose_user(launch, invocation->run_as_user, &account) || !choose_group(launch, invocation->run_as_group) ||
        !choose_groups(launch)) {
        person_tell(person, "there is no such user or group");
        return false;
    }
    launch->pam_session = launch->user[0] != '\0';
    launch->user = strdup(launch->user);
    launch->working_directory = "";
    if (invocation->working_directory_wanted != NULL) launch->working_directory = strdup(invocation->working_directory_wanted);
    else if (invocation->login_shell && account != NULL) launch->working_directory = strdup(account->pw_dir);
    return launch->user != NULL && launch->working_directory != NULL &&
           make_environment(launch, invocation, account, environment_added) && make_arguments(launch, invocation, argv);
}

void local_plan_record(const struct launch *launch, const struct invocation *invocation) {
    char line[MAX_RECORD];
    size_t length = (size_t)snprintf(line, sizeof line, "root: TTY=%.200s ; PWD=%.1000s ; USER=%.200s ; COMMAND=%.1000s",
                                     invocation->terminal, invocation->working_directory, launch->user, launch->path);
    for (size_t index = 1; index < launch->argc && length < sizeof line; index++) {
        length += (size_t)snprintf(line + length, sizeof line - length, " %s", launch->argv[index]);
    }
    person_make_inert(line);
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\t') *at = '?';
    }
    openlog("belay", LOG_PID | LOG_CONS, LOG_AUTHPRIV);
    syslog(LOG_WARNING, "%s (recorded by syslog because belayd did not answer)", line);
    closelog();
}
