#include "recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <sudo_plugin.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "processes.h"
#include "session.h"
#include "terminal.h"

#define EXPORTED __attribute__((visibility("default")))

enum { GOES_ON = 1, ENDS = 0, OFF = 0, FAILED = -1 };

static bool is_listed;
static bool terminal_is_made; // sudo puts one of its own, and a process that watches it, before the command
static struct terminal terminal;

bool recorder_is_listed(void) {
    return is_listed;
}

// The first that sudo does with a plugin, before it asks the policy.
static void register_hooks(int version, int (*register_hook)(struct sudo_hook *hook)) {
    (void)version, (void)register_hook;
    is_listed = true;
}

static void record_window(struct session *session, unsigned lines, unsigned columns) {
    const uint8_t size[4] = {(uint8_t)(lines >> 8), (uint8_t)lines, (uint8_t)(columns >> 8), (uint8_t)columns};
    recording_add(&session->recording, RECORDED_WINDOW, size, sizeof size);
}

static void record_first_window(struct session *session) {
    struct winsize size;
    const int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) record_window(session, size.ws_row, size.ws_col);
    close(fd);
}

// SECURITY(T-59): without a terminal to stand between, sudo hands a command the terminals it was started with, unseen by plugins.
static bool passes_by(void) {
    if (terminal_is_made) return false;
    return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

static int recorder_open(unsigned int version, sudo_conv_t conversation, sudo_printf_t print, char *const settings[],
                         char *const user_info[], char *const command_info[], int argc, char *const argv[], char *const user_env[],
                         char *const plugin_options[], const char **errstr) {
    (void)version, (void)conversation, (void)print, (void)settings, (void)user_info, (void)command_info, (void)argc, (void)argv;
    (void)user_env, (void)plugin_options;
    struct session *session = session_of_sudo();
    if (session == NULL || session->stage != STAGE_ALLOWED || !session->launch.recording.wanted) return OFF;
    terminal_is_made = terminal_will_be_made(session->invocation.terminal);
    if (passes_by()) {
        *errstr = "a terminal that is not sudo's own cannot be recorded";
        person_tell(&session->person, "this is recorded, so it runs only in a terminal of its own, or with all input and output piped");
        return FAILED;
    }
    terminal_note_others(&terminal);
    record_first_window(session);
    session->recorder_is_on = true;
    person_tell(&session->person, "this session is recorded (request #%llu)", (unsigned long long)session->answer.verdict.request);
    return GOES_ON;
}

// sudo ends a command that may not go on, but without a terminal of its own only its first process, and then waits for the others
// for ever (1.9.13): so all of it ends here.
static void end_now(struct session *session) {
    processes_kill_below(terminal_is_made ? 2 : 1);
    if (terminal_is_made) return;
    recording_end(&session->recording, SIGKILL, 0, &session->recorded);
    session_report_status(session, SIGKILL);
    session_end(session);
    _exit(1);
}

static int answer(struct session *session, bool goes_on, const char **errstr) {
    static bool is_told;
    if (goes_on) return GOES_ON;
    *errstr = session->recording.cut == CUT_LIMIT ? "the recording is full" : "the recording cannot be written";
    if (is_told) return ENDS;
    is_told = true;
    person_tell(&session->person, "%s (request #%llu), so the command is ended", *errstr, (unsigned long long)session->answer.verdict.request);
    end_now(session);
    return ENDS;
}

static int record(enum recorded_kind kind, const char *bytes, unsigned int length, const char **errstr) {
    struct session *session = session_of_sudo();
    return answer(session, recording_add(&session->recording, kind, bytes, length), errstr);
}

static int log_ttyin(const char *bytes, unsigned int length, const char **errstr) {
    struct session *session = session_of_sudo();
    if (terminal_echoes(&terminal)) return record(RECORDED_TTY_IN, bytes, length, errstr);
    return answer(session, recording_hide(&session->recording), errstr);
}

static int log_ttyout(const char *bytes, unsigned int length, const char **errstr) {
    return record(RECORDED_TTY_OUT, bytes, length, errstr);
}

static int log_stdin(const char *bytes, unsigned int length, const char **errstr) {
    return record(RECORDED_STDIN, bytes, length, errstr);
}

static int log_stdout(const char *bytes, unsigned int length, const char **errstr) {
    return record(RECORDED_STDOUT, bytes, length, errstr);
}

static int log_stderr(const char *bytes, unsigned int length, const char **errstr) {
    return record(RECORDED_STDERR, bytes, length, errstr);
}

static int change_winsize(unsigned int lines, unsigned int columns, const char **errstr) {
    const char size[4] = {(char)(lines >> 8), (char)lines, (char)(columns >> 8), (char)columns};
    return record(RECORDED_WINDOW, size, sizeof size, errstr);
}

static int log_suspend(int signo, const char **errstr) {
    const char number = (char)signo;
    return record(RECORDED_SUSPEND, &number, sizeof number, errstr);
}

static void recorder_close(int exit_status, int error) {
    struct session *session = session_of_sudo();
    if (session == NULL || !session->recorder_is_on) return;
    recording_end(&session->recording, exit_status, error, &session->recorded);
}

static int show_version(int verbose) {
    (void)verbose;
    return GOES_ON;
}

EXPORTED struct io_plugin belay_io = {
    .type = SUDO_IO_PLUGIN,
    .version = SUDO_API_VERSION,
    .open = recorder_open,
    .close = recorder_close,
    .show_version = show_version,
    .log_ttyin = log_ttyin,
    .log_ttyout = log_ttyout,
    .log_stdin = log_stdin,
    .log_stdout = log_stdout,
    .log_stderr = log_stderr,
    .register_hooks = register_hooks,
    .change_winsize = change_winsize,
    .log_suspend = log_suspend,
};
