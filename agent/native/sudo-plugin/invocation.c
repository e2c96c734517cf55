#include "invocation.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"

enum setting_kind { SETTING_TEXT, SETTING_FLAG, SETTING_HARMLESS, SETTING_REFUSED };

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
    const char *option; // SETTING_REFUSED: as the user knows it
};

#define TEXT(name, field) { name, SETTING_TEXT, offsetof(struct invocation, field), NULL }
#define FLAG(name, field) { name, SETTING_FLAG, offsetof(struct invocation, field), NULL }
#define HARMLESS(name) { name, SETTING_HARMLESS, 0, NULL }
#define REFUSED(name, option) { name, SETTING_REFUSED, 0, option }

// Everything sudo 1.9.13 can pass (src/parse_args.c, sudo_settings). What is not here is refused by its name too.
static const struct setting SETTINGS[] = {
    TEXT("runas_user", run_as_user),
    TEXT("runas_group", run_as_group),
    TEXT("prompt", prompt),
    TEXT("cmnd_cwd", working_directory_wanted),
    FLAG("login_shell", login_shell),
    FLAG("run_shell", run_shell),
    FLAG("implied_shell", bare),
    FLAG("preserve_environment", preserve_environment),
    FLAG("set_home", set_home),
    FLAG("noninteractive", non_interactive),
    FLAG("ignore_ticket", ignore_ticket),
    FLAG("sudoedit", edit),
    // About the front end itself, or always there.
    HARMLESS("progname"),
    HARMLESS("network_addrs"),
    HARMLESS("max_groups"),
    HARMLESS("plugin_dir"),
    HARMLESS("plugin_path"),
    HARMLESS("debug_flags"),
    HARMLESS("askpass"),
    HARMLESS("intercept_setid"),
    HARMLESS("intercept_ptrace"),
    // SECURITY(T-03): sudo passes these on without a word; each would change what the request means.
    REFUSED("remote_host", "-h (--host)"),
    REFUSED("cmnd_chroot", "-R (--chroot)"),
    REFUSED("closefrom", "-C (--close-from)"),
    REFUSED("timeout", "-T (--command-timeout)"),
    REFUSED("selinux_role", "-r (--role)"),
    REFUSED("selinux_type", "-t (--type)"),
    REFUSED("apparmor_profile", "apparmor_profile"),
    REFUSED("login_class", "-c (--login-class)"),
    REFUSED("bsdauth_type", "-a (--auth-type)"),
    REFUSED("preserve_groups", "-P (--preserve-groups)"),
};

static const char *value_of(const char *entry, const char *name) {
    const size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static void refuse(struct invocation *invocation, const char *option) {
    if (invocation->unsupported == NULL) invocation->unsupported = option;
}

static void apply_setting(struct invocation *invocation, const struct setting *setting, const char *value) {
    char *const base = (char *)invocation;
    switch (setting->kind) {
    case SETTING_TEXT:
        memcpy(base + setting->offset, &value, sizeof value);
        break;
    case SETTING_FLAG: {
        const bool is_set = strcmp(value, "true") == 0;
        if (!is_set && strcmp(value, "false") != 0) refuse(invocation, setting->name);
        memcpy(base + setting->offset, &is_set, sizeof is_set);
        break;
    }
    case SETTING_HARMLESS:
        break;
    case SETTING_REFUSED:
        refuse(invocation, setting->option);
        break;
    }
}

static void parse_setting(struct invocation *invocation, const char *entry) {
    const char *value = value_of(entry, "update_ticket");
    if (value != NULL) {
        // sudo adds update_ticket=true by itself.
        if (strcmp(value, "true") != 0) refuse(invocation, "-N (--no-update)");
        return;
    }
    for (size_t index = 0; index < sizeof SETTINGS / sizeof SETTINGS[0]; index++) {
        value = value_of(entry, SETTINGS[index].name);
        if (value == NULL) continue;
        apply_setting(invocation, &SETTINGS[index], value);
        return;
    }
    refuse(invocation, entry);
}

static void parse_user_info(struct invocation *invocation, const char *entry) {
    const char *value;
    if ((value = value_of(entry, "user")) != NULL) invocation->user = value;
    else if ((value = value_of(entry, "host")) != NULL) invocation->host = value;
    else if ((value = value_of(entry, "cwd")) != NULL) invocation->working_directory = value;
    else if ((value = value_of(entry, "tty")) != NULL) invocation->terminal = value;
    else if ((value = value_of(entry, "umask")) != NULL) invocation->file_mode_mask = (uint32_t)strtoul(value, NULL, 8) & 0777;
    else limits_note_callers(invocation, entry);
}

void invocation_parse(struct invocation *invocation, char *const settings[], char *const user_info[], char *const user_env[],
                      char *const plugin_options[]) {
    *invocation = (struct invocation){.real_uid = getuid(), .user = "", .host = "localhost", .working_directory = "",
                                      .terminal = "", .file_mode_mask = 022, .environment = user_env};
    for (; settings != NULL && *settings != NULL; settings++) parse_setting(invocation, *settings);
    for (; user_info != NULL && *user_info != NULL; user_info++) parse_user_info(invocation, *user_info);
    for (; plugin_options != NULL && *plugin_options != NULL; plugin_options++) {
        if (strcmp(*plugin_options, "use_pty") == 0) invocation->use_pty = true;
        else if (strcmp(*plugin_options, "wait") == 0) invocation->wait = true;
        else refuse(invocation, *plugin_options);
    }
}

// sudo tells no plugin of -b. A word too many taken for one only makes sudo stay.
bool invocation_may_background(char *const words[], int count) {
    for (int index = 1; index < count && words[index] != NULL; index++) {
        const char *word = words[index];
        if (word[0] != '-') continue;
        if (word[1] == '-' ? word[2] == 'b' : strchr(word, 'b') != NULL) return true;
    }
    return false;
}

// sudo's letters that take a value, which is the rest of the word or the word after.
static const char TAKES_VALUE[] = "CDghpRrtTuU";

static bool is_list_option(const char *word) {
    if (word[1] == '-') return strncmp(word, "--list", strlen(word)) == 0 && strlen(word) > strlen("--l");
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        if (*letter == 'l') return true;
        if (strchr(TAKES_VALUE, *letter) != NULL) return false;
    }
    return false;
}

bool invocation_lists(char *const words[], int count) {
    for (int index = 1; index < count && words[index] != NULL; index++) {
        const char *word = words[index];
        if (word[0] == '-' && is_list_option(word)) return true;
    }
    return false;
}

const char *invocation_variable(const struct invocation *invocation, const char *name) {
    for (char *const *entry = invocation->environment; entry != NULL && *entry != NULL; entry++) {
        const char *value = value_of(*entry, name);
        if (value != NULL) return value;
    }
    return NULL;
}
