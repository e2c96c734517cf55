#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "local-plan.h"
#include "plan.h"
#include "signals.h"

enum { MAX_CHALLENGES = 8 };

static const int ENDING[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2};

// pthread_atfork takes no argument. sudo uses one policy plugin for one command.
static struct session *the_session;

int64_t session_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// SECURITY(T-33): sudo notes a Ctrl-Z and stops itself after init_session, right before it forks for the command; a user could
// so keep a yes for tomorrow. Nothing of ours is called in between, but the fork calls this: too late is never.
static void before_fork(void) {
    if (the_session == NULL || the_session->stage != STAGE_COMMITTED || the_session->committed_at_ms == 0) return;
    if (session_now_ms() - the_session->committed_at_ms <= START_LIMIT_MS) {
        the_session->committed_at_ms = 0;
        the_session->keeper.forked = true;
        return;
    }
    keeper_tell_too_late();
    session_report(the_session, END_SUDO_ERROR, ETIME, false);
    session_end(the_session);
    _exit(1);
}

void session_begin(struct session *session) {
    session->stage = STAGE_OPENED;
    session->connection.fd = -1;
    session->command.fd = -1;
    session->execfd = -1;
    session->recording.fd = -1;
    pam_begin(&session->pam, &session->person, &session->invocation);
    if (the_session == NULL) pthread_atfork(before_fork, NULL, NULL);
    the_session = session;
}

struct session *session_of_sudo(void) {
    return the_session;
}

// SECURITY(T-33): sudo keeps the user's real uid, so the user could stop or kill this process. belayd has read who we are by
// now; from here on only root can.
static bool become_root(void) {
    uid_t real;
    uid_t effective;
    uid_t saved;
    return setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 && getresuid(&real, &effective, &saved) == 0 && real == 0 &&
           effective == 0 && saved == 0;
}

static enum authentication authenticate(struct session *session, const struct challenge *challenge, uint32_t *attempts) {
    enum authentication result = AUTHENTICATION_NOT_ASKED;
    *attempts = 0;
    if (challenge->reauth) result = pam_authenticate_requester(&session->pam, attempts);
    const bool failed = result != AUTHENTICATION_NOT_ASKED && result != AUTHENTICATION_SUCCEEDED;
    if (!failed && challenge->account && !pam_check_account(&session->pam)) result = AUTHENTICATION_ACCOUNT_REFUSED;
    return result;
}

// sudo ends by exit(3) when it could not become the command, and says why itself.
static void leave(void) {
    keeper_dismiss(&the_session->keeper);
}

// A signal that ends sudo is held back while belayd is asked: sudo would note it, and end only after the go.
static void hold_signals(struct session *session, bool hold) {
    sigset_t set;
    if (!session->becomes_command) return;
    signals_heard(&set, ENDING, sizeof ENDING / sizeof ENDING[0]);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

// Before the command may start: a signal that was held back ends sudo by itself, as if it had never been held.
static void obey_signals(struct session *session) {
    sigset_t pending;
    if (!session->becomes_command || sigpending(&pending) != 0) return;
    for (size_t index = 0; index < sizeof ENDING / sizeof ENDING[0]; index++) {
        if (!sigismember(&pending, ENDING[index])) continue;
        session_report(session, END_SUDO_ERROR, EINTR, false);
        leave();
        signal(ENDING[index], SIG_DFL);
        hold_signals(session, false);
        raise(ENDING[index]);
    }
}

static bool meet(struct session *session, const struct challenge *challenge) {
    struct wire_writer frame;
    struct demands_met met = {.request = challenge->request, .authentication = AUTHENTICATION_CANCELLED};
    char *reason = NULL;
    if (challenge->message[0] != '\0') person_tell(&session->person, "%s", challenge->message);
    if (challenge->reason) {
        const struct reason_wanted wanted = {challenge->reason_prompt, challenge->reason_min_length, challenge->suggestions,
                                             challenge->suggestion_count};
        reason = person_ask_reason(&session->person, &session->invocation, &wanted);
    }
    const bool given = !challenge->reason || reason != NULL;
    const bool asks_yes = challenge->confirm_prompt[0] != '\0';
    met.confirmed = given && asks_yes && person_confirm(&session->person, challenge->confirm_prompt);
    // Who does not want it is not asked for a password.
    if (given && asks_yes && !met.confirmed) met.authentication = AUTHENTICATION_NOT_ASKED;
    else if (given) met.authentication = authenticate(session, challenge, &met.attempts);
    met.reason = reason;
    const bool sent = frame_demands_met(&frame, &met) && connection_send(&session->connection, &frame);
    person_forget(reason);
    return sent;
}

static enum reply tell_verdict(struct session *session, const struct verdict *verdict) {
    if (verdict->allow) {
        if (verdict->message[0] != '\0') person_tell(&session->person, "%s", verdict->message);
        return REPLY_YES;
    }
    char number[sizeof "#" + 20];
    snprintf(number, sizeof number, "#%llu", (unsigned long long)verdict->request);
    person_tell(&session->person, "%s", verdict->message[0] == '\0' ? "not allowed" : verdict->message);
    if (verdict->request != 0 && strstr(verdict->message, number) == NULL) {
        person_tell(&session->person, "(request %s%s%s)", number, verdict->rule[0] == '\0' ? "" : ", rule ", verdict->rule);
    }
    return REPLY_NO;
}

static enum reply tell_refusal(struct session *session, const struct refusal *refusal) {
    person_tell(&session->person, "%s", refusal->message[0] == '\0' ? "belayd refused the request" : refusal->message);
    if (refusal->code[0] != '\0') person_tell(&session->person, "(%s)", refusal->code);
    return REPLY_NO;
}

// SECURITY(T-33): the signal ends sudo by itself, as if nobody had waited; what was asked for ends with the connection.
static void give_up(struct session *session, int by) {
    sigset_t set;
    connection_close(&session->connection);
    person_tell(&session->person, "Belay #%llu: cancelled; nothing was run", (unsigned long long)session->answer.waiting.request);
    leave();
    signal(by, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, by);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(by);
}

// Somebody has to approve it. False: nothing more comes.
static bool wait_on(struct session *session, enum reply *reply) {
    int by = 0;
    if (!session->may_wait) return false;
    waiting_show(&session->waiting, &session->person, &session->answer.waiting);
    const enum waited waited = waiting_next(&session->waiting, &session->person, session->connection.fd, &by);
    if (waited == WAITED_FRAME) return true;
    waiting_end(&session->waiting, &session->person);
    if (waited == WAITED_GONE) return false;
    give_up(session, by);
    *reply = REPLY_NO;
    return false;
}

// One frame of belayd's. True when it was the last word, which is then in `reply`.
static bool handle(struct session *session, unsigned *challenges, enum reply *reply) {
    struct server_frame *answer = &session->answer;
    frame_free(answer);
    *reply = REPLY_UNREACHABLE;
    if (!connection_receive(&session->connection, answer)) return true;
    if (answer->kind != FRAME_WAITING) waiting_end(&session->waiting, &session->person);
    switch (answer->kind) {
    case FRAME_WAITING:
        return !wait_on(session, reply);
    case FRAME_CHALLENGE: {
        hold_signals(session, false); // a person is being asked
        const bool met = ++*challenges <= MAX_CHALLENGES && meet(session, &answer->challenge);
        hold_signals(session, true);
        return !met;
    }
    case FRAME_VERDICT:
        *reply = tell_verdict(session, &answer->verdict);
        return true;
    case FRAME_LISTING:
    case FRAME_DONE:
        *reply = REPLY_YES;
        return true;
    case FRAME_REFUSAL:
        *reply = tell_refusal(session, &answer->refusal);
        return true;
    default:
        return true;
    }
}

static void keep(struct session *session) {
    if (!session->keeper.begun && keeper_begin(session)) atexit(leave);
}

// `runs`: a command is to follow, should the answer be yes.
static enum reply exchange(struct session *session, struct wire_writer *frame, bool runs) {
    enum reply reply = REPLY_UNREACHABLE;
    struct hello hello;
    unsigned challenges = 0;
    session->asked_at_ms = session_now_ms();
    session->may_wait = runs;
    if (session->connection.fd < 0 && !connection_open(&session->connection)) {
        wire_writer_free(frame);
        return REPLY_UNREACHABLE;
    }
    // The question goes ahead of the greeting, which saves a turn; belayd reads who we are before it reads a frame.
    if (!connection_send(&session->connection, frame) || !connection_greeted(&session->connection, &hello)) return REPLY_UNREACHABLE;
    if (!become_root()) {
        connection_close(&session->connection);
        person_tell(&session->person, "this process cannot become root");
        return REPLY_NO;
    }
    // While belayd decides: the modules take as long to load as the decision to come.
    if (runs && hello.pam) pam_load(&session->pam);
    else if (runs && session->becomes_command) keep(session);
    if (runs) hold_signals(session, true);
    while (!handle(session, &challenges, &reply)) {}
    waiting_end(&session->waiting, &session->person);
    if (runs && reply != REPLY_YES) hold_signals(session, false);
    return reply;
}

enum reply session_ask(struct session *session, const struct sudo_check *check) {
    struct wire_writer frame;
    if (!frame_sudo_check(&frame, check)) {
        person_tell(&session->person, "the command line and environment are too large (limit 4 MiB)");
        return REPLY_NO;
    }
    return exchange(session, &frame, check->mode == MODE_RUN);
}

bool session_forget_reauth(struct session *session, bool everywhere) {
    struct wire_writer frame;
    if (!frame_forget_reauth(&frame, everywhere)) return false;
    const enum reply reply = exchange(session, &frame, false);
    if (reply == REPLY_UNREACHABLE) session_tell_unreachable(session);
    return reply == REPLY_YES && session->answer.kind == FRAME_DONE;
}

void session_tell_unreachable(const struct session *session) {
    person_tell(&session->person, "belayd does not answer, so nothing can be allowed.");
    person_tell(&session->person, "Try again in a moment. If it stays like this, ask IT to look at `systemctl status belayd` "
                                  "(without IT: the console recovery drill, docs/recovery.md).");
}

static int take_sealed(struct session *session, int number) {
    const int fd = connection_take_descriptor(&session->connection, number);
    // SECURITY(T-15): only bytes that can no longer change are the bytes that were hashed.
    if (fd >= 0 && plan_is_sealed(fd)) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

// What is recorded passes through sudo, which so stays and waits; a keeper that was begun ahead is not needed.
static void stay(struct session *session) {
    hold_signals(session, false);
    keeper_release(&session->keeper);
    session->becomes_command = false;
}

static bool take_recording(struct session *session) {
    const struct launch_recording *wanted = &session->launch.recording;
    if (!wanted->wanted) return true;
    stay(session);
    if (recording_begin(&session->recording, connection_take_descriptor(&session->connection, wanted->fd), wanted)) return true;
    // As belayd left it, and nothing more.
    session->recorded = (struct recorded){.present = true, .length = wanted->length, .cut = CUT_UNWRITABLE};
    memcpy(session->recorded.hash, wanted->sealed, sizeof session->recorded.hash);
    if (wanted->must) person_tell(&session->person, "this has to be recorded, and the recording cannot be written (is the disk full?)");
    return !wanted->must;
}

static bool take_launch(struct session *session) {
    const struct verdict *verdict = &session->answer.verdict;
    if (session->answer.kind != FRAME_VERDICT || !verdict->allow || !verdict->has_launch || verdict->request == 0) {
        person_tell(&session->person, "belayd's answer holds nothing to run");
        return false;
    }
    session->launch = verdict->launch;
    const char *fault = plan_fault(&session->launch);
    if (fault != NULL) {
        person_tell(&session->person, "belayd's answer cannot be applied: %s", fault);
        return false;
    }
    if (session->launch.by == BY_DESCRIPTOR) session->execfd = session->command.fd;
    if (session->launch.by == BY_SEALED) session->execfd = take_sealed(session, session->launch.sealed_fd);
    if (session->launch.by != BY_PATH && session->execfd < 0) {
        person_tell(&session->person, "the file to run is not open any more");
        return false;
    }
    // The interpreter of a script opens /dev/fd/N after the exec; everything else is closed by it.
    if (session->execfd >= 0 && command_is_script(session->execfd)) fcntl(session->execfd, F_SETFD, 0);
    return take_recording(session);
}

// The verdict was the GO: the intent is on record, so how it ended has to be told.
static bool take_go(struct session *session, bool taken) {
    const bool is_late = session_now_ms() - session->asked_at_ms > START_LIMIT_MS;
    // The five seconds run from before belayd said it.
    session->committed_at_ms = session->asked_at_ms;
    session->stage = STAGE_COMMITTED;
    // SECURITY(T-10): only what was asked for.
    if (taken && session->becomes_command && !is_late) {
        obey_signals(session);
        return true;
    }
    if (is_late) keeper_tell_too_late();
    session_report(session, END_SUDO_ERROR, is_late ? ETIME : 0, false);
    return false;
}

bool session_take_launch(struct session *session) {
    const bool taken = take_launch(session);
    if (session->answer.kind == FRAME_VERDICT && session->answer.verdict.go) return take_go(session, taken);
    if (taken) session->stage = STAGE_ALLOWED;
    return taken;
}

static enum reply ask_for_go(struct session *session) {
    struct wire_writer frame;
    struct server_frame answer = {0};
    enum reply reply = REPLY_UNREACHABLE;
    const struct verdict *verdict = &session->answer.verdict;
    const bool asked = frame_commit(&frame, verdict->request, verdict->token, sizeof verdict->token) &&
                       connection_send(&session->connection, &frame);
    // Its start takes as long as belayd's answer.
    if (asked && session->becomes_command) keep(session);
    const bool answered = asked && connection_receive(&session->connection, &answer);
    if (answered && answer.kind == FRAME_COMMIT_ANSWER) {
        reply = answer.commit_answer.go ? REPLY_YES : REPLY_NO;
        if (reply == REPLY_NO) person_tell(&session->person, "%s", answer.commit_answer.message[0] == '\0' ? "stopped" : answer.commit_answer.message);
    } else if (answered && answer.kind == FRAME_REFUSAL) {
        reply = tell_refusal(session, &answer.refusal);
    }
    frame_free(&answer);
    return reply;
}

static bool may_start(struct session *session) {
    const enum reply reply = session->is_local ? REPLY_UNREACHABLE : ask_for_go(session);
    if (reply != REPLY_UNREACHABLE) return reply == REPLY_YES;
    if (session->invocation.real_uid != 0) {
        session_tell_unreachable(session);
        return false;
    }
    session->is_local = true;
    local_plan_record(&session->launch, &session->invocation);
    return true;
}

static const char *open_pam(struct session *session, char **environment[]) {
    const bool wants_account = session->launch.pam_account;
    if (wants_account && !pam_check_account(&session->pam)) return "PAM refused the account";
    if (!session->launch.pam_session) return NULL;
    if (session->becomes_command) limits_become_callers(&session->invocation);
    // Root's own way out must not hang on PAM.
    if (!pam_open_for(&session->pam, session->launch.user) && !session->is_local) return "PAM refused the session";
    char **from_pam = pam_environment(&session->pam);
    char **merged = from_pam == NULL ? *environment : plan_merge_environment(*environment, from_pam);
    if (merged == NULL) return "no memory";
    *environment = merged;
    return NULL;
}

const char *session_commit(struct session *session, char **environment[]) {
    const char *fault = "nothing was allowed";
    if (session->stage == STAGE_COMMITTED) return NULL;
    if (session->launch.recording.wanted && !session->recorder_is_on) {
        fault = "sudo.conf does not name the plugin that records this";
    } else if (session->stage == STAGE_ALLOWED) {
        fault = open_pam(session, environment);
        if (fault == NULL && !may_start(session)) fault = "belayd did not let it start";
    }
    if (fault == NULL) {
        session->committed_at_ms = session_now_ms();
        session->stage = STAGE_COMMITTED;
        obey_signals(session);
    } else {
        session->stage = STAGE_ENDED;
        pam_finish(&session->pam);
    }
    return fault;
}

// sudo ends itself with the wait status `signal + 128` when a signal reached it before it forked for the command
// (src/exec.c, sudo_terminated). That reads as "killed, core dumped", which these signals never are by themselves.
static bool ended_before_start(int status) {
    const int by = WIFSIGNALED(status) && WCOREDUMP(status) ? WTERMSIG(status) : 0;
    return by == SIGINT || by == SIGTERM || by == SIGHUP || by == SIGALRM || by == SIGUSR1 || by == SIGUSR2;
}

void session_report_status(struct session *session, int status) {
    if (ended_before_start(status)) session_report(session, END_SUDO_ERROR, EINTR, false);
    else if (WIFSIGNALED(status)) session_report(session, END_SIGNALED, WTERMSIG(status), WCOREDUMP(status));
    else session_report(session, END_EXITED, WEXITSTATUS(status), false);
}

void session_report(struct session *session, enum outcome_end end, int32_t value, bool core_dumped) {
    if (session->stage != STAGE_COMMITTED) return;
    session->stage = STAGE_ENDED;
    const struct outcome outcome = {session->answer.verdict.request, end, value, core_dumped, &session->recorded};
    struct wire_writer frame;
    if (session->is_local || !frame_outcome(&frame, &outcome)) return;
    connection_send(&session->connection, &frame);
}

void session_report_error(struct session *session, const char *text) {
    struct wire_writer frame;
    if (session->connection.fd < 0 || session->answer.kind != FRAME_VERDICT || !session->answer.verdict.allow) return;
    if (frame_audit_error(&frame, session->answer.verdict.request, text)) connection_send(&session->connection, &frame);
}

void session_release(struct session *session) {
    hold_signals(session, false);
}

void session_end(struct session *session) {
    session->stage = STAGE_ENDED;
    pam_finish(&session->pam);
    recording_close(&session->recording);
    connection_close(&session->connection);
}
