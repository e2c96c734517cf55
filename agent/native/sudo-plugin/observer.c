// Monitor mode: sudoers, or whatever else, decides; this audit plugin only tells belayd what was asked and what the answer was. It
// stops nothing and delays little: what belayd does not take in time is not recorded, and syslog says so.
#include <stdlib.h>
#include <string.h>
#include <sudo_plugin.h>
#include <syslog.h>

#include "command.h"
#include "connection.h"
#include "frames.h"
#include "invocation.h"

#define EXPORTED __attribute__((visibility("default")))

enum { SUDO_GOES_ON = 1, PATIENCE_MS = 300 };

static struct {
    struct invocation invocation;
    struct connection connection;
    char *const *words; // what follows sudo's own options, as typed
    bool is_told;
} observer = {.connection = {.fd = -1, .timeout_ms = PATIENCE_MS}};

static int observer_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print, char *const settings[], char *const user_info[],
                         int submit_optind, char *const submit_argv[], char *const submit_envp[], char *const plugin_options[],
                         const char **errstr) {
    (void)version, (void)conversation, (void)print, (void)errstr;
    invocation_parse(&observer.invocation, settings, user_info, submit_envp, plugin_options);
    // What is only listed is no request.
    if (submit_argv == NULL || invocation_lists(submit_argv, submit_optind)) return SUDO_GOES_ON;
    observer.words = submit_argv + submit_optind;
    connection_open(&observer.connection);
    return SUDO_GOES_ON;
}

static const char *find_value(char *const entries[], const char *name) {
    const size_t length = strlen(name);
    for (; entries != NULL && *entries != NULL; entries++) {
        if (strncmp(*entries, name, length) == 0 && (*entries)[length] == '=') return *entries + length + 1;
    }
    return NULL;
}

// A uid or gid as sudo's -u and -g take it, or NULL. The caller frees it.
static char *numbered(const char *id) {
    const size_t length = id == NULL ? 0 : strlen(id);
    char *text = length == 0 ? NULL : malloc(length + 2);
    if (text == NULL) return NULL;
    text[0] = '#';
    memcpy(text + 1, id, length + 1);
    return text;
}

static bool tell(const struct sudo_check *check, enum seen seen) {
    struct wire_writer frame;
    struct hello hello;
    struct server_frame answer;
    if (observer.connection.fd < 0 || !frame_observed(&frame, check, seen)) return false;
    // belayd fetches the descriptor from this process: it must have done so before sudo goes on.
    const bool is_taken = connection_send(&observer.connection, &frame) && connection_greeted(&observer.connection, &hello) &&
                          connection_receive(&observer.connection, &answer);
    if (!is_taken) return false;
    const bool is_done = answer.kind == FRAME_DONE;
    frame_free(&answer);
    return is_done;
}

static void observe(char *const command_info[], char *const argv[], enum seen seen) {
    if (observer.is_told || observer.words == NULL || argv == NULL || argv[0] == NULL) return;
    observer.is_told = true;
    const struct invocation *invocation = &observer.invocation;
    const char *path = find_value(command_info, "command");
    const char *cwd = find_value(command_info, "cwd");
    char *user = numbered(find_value(command_info, "runas_uid"));
    char *group = invocation->run_as_group == NULL ? NULL : numbered(find_value(command_info, "runas_gid"));
    struct command command = command_find(invocation, path == NULL ? argv[0] : path);
    const struct sudo_check check = {
        .mode = MODE_RUN,
        .run_as_user = user == NULL ? invocation->run_as_user : user,
        .run_as_group = group == NULL ? invocation->run_as_group : group,
        .argv = argv,
        .environment = invocation->environment,
        .working_directory = cwd == NULL ? invocation->working_directory : cwd,
        .terminal = invocation->terminal,
        .typed_path = command.typed_path,
        .executable_fd = command.fd,
        .file_mode_mask = invocation->file_mode_mask,
        .non_interactive = invocation->non_interactive,
    };
    if (!tell(&check, seen)) syslog(LOG_AUTHPRIV | LOG_WARNING, "belay: monitor mode: belayd did not take the record of a request of uid %d", (int)invocation->real_uid);
    command_close(&command);
    connection_close(&observer.connection);
    free(user);
    free(group);
}

static int observer_accept(const char *plugin_name, unsigned int plugin_type, char *const command_info[], char *const run_argv[],
                           char *const run_envp[], const char **errstr) {
    (void)plugin_name, (void)run_envp, (void)errstr;
    if (plugin_type == SUDO_POLICY_PLUGIN) observe(command_info, run_argv, SEEN_ALLOWED);
    return SUDO_GOES_ON;
}

static int observer_reject(const char *plugin_name, unsigned int plugin_type, const char *audit_msg, char *const command_info[],
                           const char **errstr) {
    (void)plugin_name, (void)audit_msg, (void)errstr;
    if (plugin_type == SUDO_POLICY_PLUGIN) observe(command_info, observer.words, SEEN_REFUSED);
    return SUDO_GOES_ON;
}

// sudoers calls it an error when it needs a password and may not ask for one.
static int observer_error(const char *plugin_name, unsigned int plugin_type, const char *audit_msg, char *const command_info[],
                          const char **errstr) {
    return observer_reject(plugin_name, plugin_type, audit_msg, command_info, errstr);
}

static void observer_close(int status_type, int status) {
    (void)status_type, (void)status;
    connection_close(&observer.connection);
}

EXPORTED struct audit_plugin belay_observer = {
    .type = SUDO_AUDIT_PLUGIN,
    .version = SUDO_API_VERSION,
    .open = observer_open,
    .close = observer_close,
    .accept = observer_accept,
    .reject = observer_reject,
    .error = observer_error,
};
