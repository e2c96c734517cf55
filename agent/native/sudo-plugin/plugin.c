// The entry points that sudo's front end calls: one policy plugin and one audit plugin over the same session. They carry a
// request and apply an answer; whatever is not an explicit yes is a no.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sudo_plugin.h>

#include "local-plan.h"
#include "plan.h"
#include "recorder.h"
#include "session.h"

#define EXPORTED __attribute__((visibility("default")))

enum { SUDO_YES = 1, SUDO_NO = 0, SUDO_FAILED = -1, SUDO_USAGE = -2 };

static struct session session;

static void forget_closing(void);

static int policy_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print, char *const settings[],
                       char *const user_info[], char *const user_env[], char *const plugin_options[], const char **errstr) {
    if (SUDO_API_VERSION_GET_MAJOR(version) != SUDO_API_VERSION_MAJOR || SUDO_API_VERSION_GET_MINOR(version) < 18) {
        *errstr = "this sudo is too old for Belay's plugin";
        print(SUDO_CONV_ERROR_MSG, "sudo: %s\n", *errstr);
        return SUDO_FAILED;
    }
    session.person = (struct person){conversation, print};
    session_begin(&session);
    // belayd reads who we are while we read what is asked for. Whether it is there is seen when it is asked.
    connection_open(&session.connection);
    invocation_parse(&session.invocation, settings, user_info, user_env, plugin_options);
    return SUDO_YES;
}

// What holds for every mode. False, and the person is told, when the request stops here.
static bool may_ask(void) {
    const struct invocation *invocation = &session.invocation;
    if (invocation->edit) {
        person_tell(&session.person, "sudo -e (sudoedit) is not supported yet: no rule can allow it. Ask IT for a rule for the change "
                                     "itself, or for a command that makes it (for example `sudo tee FILE`); `sudo -l` shows what you may run");
        return false;
    }
    if (invocation->unsupported != NULL) {
        person_tell(&session.person, "not supported by Belay: %s. Run it without", invocation->unsupported);
        return false;
    }
    return session.stage == STAGE_OPENED;
}

static struct sudo_check describe(enum check_mode mode, char *const argv[], char *const environment_added[]) {
    const struct invocation *invocation = &session.invocation;
    return (struct sudo_check){
        .mode = mode,
        .run_as_user = invocation->run_as_user,
        .run_as_group = invocation->run_as_group,
        .login_shell = invocation->login_shell,
        .implied_shell = (invocation->run_shell || invocation->login_shell) && argv != NULL && argv[0] != NULL && argv[1] == NULL,
        .preserve_environment = invocation->preserve_environment,
        .set_home = invocation->set_home,
        .non_interactive = invocation->non_interactive,
        .working_directory_wanted = invocation->working_directory_wanted,
        .argv = argv,
        .environment = invocation->environment,
        .environment_added = environment_added,
        .working_directory = invocation->working_directory,
        .terminal = invocation->terminal,
        .typed_path = session.command.typed_path,
        .executable_fd = session.command.fd,
        .file_mode_mask = invocation->file_mode_mask,
        .ignore_cached_reauth = invocation->ignore_ticket,
        .pam_available = true,
        .starts_at_once = session.becomes_command && mode == MODE_RUN,
        .records = recorder_is_listed(),
    };
}

// sudo puts the caller's shell first for -i as for -s; for -i the target's login shell is meant.
static char **choose_argv(int argc, char *const argv[]) {
    char **chosen = calloc((size_t)argc + 1, sizeof(char *));
    if (chosen == NULL) return NULL;
    memcpy(chosen, argv, (size_t)argc * sizeof(char *));
    char *shell = session.invocation.login_shell ? command_login_shell(&session.invocation) : NULL;
    if (shell != NULL) chosen[0] = shell;
    if (shell != NULL || !session.invocation.login_shell) session.command = command_find(&session.invocation, chosen[0]);
    return chosen;
}

static bool plan_locally(char *const argv[], char *const environment_added[]) {
    person_tell(&session.person, "belayd does not answer; you are root, so this is recorded by syslog and goes on");
    if (!local_plan_make(&session.launch, &session.person, &session.invocation, argv, environment_added, &session.command)) {
        return false;
    }
    session.is_local = true;
    session.execfd = session.launch.by == BY_DESCRIPTOR ? session.command.fd : -1;
    session.stage = STAGE_ALLOWED;
    return true;
}

static bool decide(char *const argv[], char *const environment_added[]) {
    const struct invocation *invocation = &session.invocation;
    session.becomes_command = !invocation->use_pty && !invocation->wait && !session.may_background && keeper_is_possible();
    const struct sudo_check check = describe(MODE_RUN, argv, environment_added);
    switch (session_ask(&session, &check)) {
    case REPLY_YES:
        return session_take_launch(&session);
    case REPLY_UNREACHABLE:
        connection_close(&session.connection);
        if (session.invocation.real_uid == 0) return plan_locally(argv, environment_added);
        session_tell_unreachable(&session);
        return false;
    default:
        return false;
    }
}

// sudo becomes the command, which saves a process and a wait, when no plugin asks to be told of its end; so does stock sudo
// where it has nothing to close. init_session is not called then: this is the last call. NULL, or why the command may not start.
static const char *start_directly(char **environment[]) {
    if (!session.becomes_command || session.is_local) return NULL;
    const char *fault = session_commit(&session, environment);
    if (session.keeper.begun) forget_closing();
    return fault;
}

static int policy_check(int argc, char *const argv[], char *env_add[], char **command_info[], char **argv_out[],
                        char **user_env_out[], const char **errstr) {
    int result = SUDO_NO;
    char **chosen = NULL;
    *errstr = "not allowed";
    if (session.invocation.bare && session.invocation.unsupported == NULL) {
        result = SUDO_USAGE;
    } else if (argc > 0 && may_ask() && (chosen = choose_argv(argc, argv)) != NULL && decide(chosen, env_add)) {
        char **environment = session.launch.environment;
        *errstr = start_directly(&environment);
        if (*errstr == NULL) *command_info = plan_command_info(&session.launch, session.execfd, &session.invocation, session.becomes_command && session.launch.pam_session);
        *argv_out = session.launch.argv;
        *user_env_out = environment;
        result = *errstr != NULL || *command_info == NULL ? SUDO_FAILED : SUDO_YES;
    }
    session_release(&session);
    return result;
}

static int policy_init_session(struct passwd *account, char **user_env_out[], const char **errstr) {
    (void)account; // belayd's launch names the user
    *errstr = session_commit(&session, user_env_out);
    return *errstr == NULL ? SUDO_YES : SUDO_NO;
}

static void policy_close(int exit_status, int error) {
    if (session.stage == STAGE_COMMITTED && error != 0) {
        person_tell(&session.person, "unable to execute %s: %s", session.launch.path, strerror(error));
        session_report(&session, END_EXEC_FAILED, error, false);
    } else {
        session_report_status(&session, exit_status);
    }
    session_end(&session);
}

static int policy_list(int argc, char *const argv[], int verbose, const char *user, const char **errstr) {
    int result = SUDO_NO;
    *errstr = "not allowed";
    if (!may_ask()) return result;
    if (argc > 0) session.command = command_find(&session.invocation, argv[0]);
    struct sudo_check check = describe(argc > 0 ? MODE_LIST_COMMAND : MODE_LIST, argc > 0 ? argv : NULL, NULL);
    check.list_user = user;
    check.list_long = verbose != 0;
    const enum reply reply = session_ask(&session, &check);
    if (reply == REPLY_UNREACHABLE) session_tell_unreachable(&session);
    if (reply == REPLY_YES && session.answer.kind == FRAME_LISTING) {
        person_show(&session.person, session.answer.listing.text);
        result = argc == 0 || session.answer.listing.known ? SUDO_YES : SUDO_NO;
    }
    return result;
}

static int policy_validate(const char **errstr) {
    *errstr = "not allowed";
    if (!may_ask()) return SUDO_NO;
    const struct sudo_check check = describe(MODE_VALIDATE, NULL, NULL);
    const enum reply reply = session_ask(&session, &check);
    if (reply == REPLY_UNREACHABLE) session_tell_unreachable(&session);
    return reply == REPLY_YES && session.answer.kind == FRAME_VERDICT ? SUDO_YES : SUDO_NO;
}

static void policy_invalidate(int everywhere) {
    if (session.stage == STAGE_OPENED) session_forget_reauth(&session, everywhere != 0);
}

static int show_version(int verbose) {
    (void)verbose;
    session.person.print(SUDO_CONV_INFO_MSG, "Belay sudo plugin version %s (protocol %d)\n", BELAY_VERSION, PROTOCOL_VERSION);
    return SUDO_YES;
}

EXPORTED struct policy_plugin belay_policy = {
    .type = SUDO_POLICY_PLUGIN,
    .version = SUDO_API_VERSION,
    .open = policy_open,
    .close = policy_close,
    .show_version = show_version,
    .check_policy = policy_check,
    .list = policy_list,
    .validate = policy_validate,
    .invalidate = policy_invalidate,
    .init_session = policy_init_session,
};

static int audit_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print, char *const settings[],
                      char *const user_info[], int submit_optind, char *const submit_argv[], char *const submit_envp[],
                      char *const plugin_options[], const char **errstr) {
    (void)version, (void)conversation, (void)print, (void)settings, (void)user_info, (void)submit_envp, (void)plugin_options;
    (void)errstr;
    session.may_background = invocation_may_background(submit_argv, submit_optind);
    return SUDO_YES;
}

// sudo tells the policy plugin first; this is for the ends that only an audit plugin hears of.
static void audit_close(int status_type, int status) {
    if (status_type == SUDO_PLUGIN_WAIT_STATUS) session_report_status(&session, status);
    else if (status_type == SUDO_PLUGIN_EXEC_ERROR) session_report(&session, END_EXEC_FAILED, status, false);
    else if (status_type == SUDO_PLUGIN_SUDO_ERROR) session_report(&session, END_SUDO_ERROR, status, false);
    session_end(&session);
}

static int audit_error(const char *plugin_name, unsigned int plugin_type, const char *audit_msg, char *const command_info[],
                       const char **errstr) {
    (void)plugin_name, (void)plugin_type, (void)command_info, (void)errstr;
    session_report_error(&session, audit_msg);
    return SUDO_YES;
}

EXPORTED struct audit_plugin belay_audit = {
    .type = SUDO_AUDIT_PLUGIN,
    .version = SUDO_API_VERSION,
    .open = audit_open,
    .close = audit_close,
    .error = audit_error,
};

static void forget_closing(void) {
    belay_policy.close = NULL;
    belay_audit.close = NULL;
}
