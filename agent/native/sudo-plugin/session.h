// One use of sudo: ask belayd, meet its demands, commit at the last moment, tell how it ended.
#ifndef BELAY_SESSION_H
#define BELAY_SESSION_H

#include <stdbool.h>

#include "command.h"
#include "connection.h"
#include "keeper.h"
#include "pam.h"
#include "person.h"
#include "recording.h"
#include "waiting.h"

enum stage {
    STAGE_OPENED,    // nothing decided: as good as no
    STAGE_ALLOWED,   // there is a launch; nothing may run yet
    STAGE_COMMITTED, // belayd said GO and holds the intent: the command may start, for a moment
    STAGE_ENDED,
};

struct session {
    enum stage stage;
    struct person person;
    struct invocation invocation;
    struct connection connection;
    struct pam pam;
    struct command command;
    struct server_frame answer; // holds the memory of `launch` unless that is local
    struct launch launch;
    bool is_local; // root's own plan, made without belayd
    int execfd;    // -1: by path
    int64_t asked_at_ms;     // CLOCK_BOOTTIME
    int64_t committed_at_ms; // CLOCK_BOOTTIME
    bool may_background;     // -b, or what may be one; sudo then forks before it starts anything
    bool becomes_command;    // sudo is to become the command, if there can be a keeper
    bool may_wait;           // a command is to follow, so somebody may be waited for
    struct waiting waiting;
    struct keeper keeper;
    struct recording recording;
    bool recorder_is_on; // sudo has opened the I/O plugin for it
    struct recorded recorded;
};

enum reply { REPLY_NO, REPLY_YES, REPLY_UNREACHABLE };

// CLOCK_BOOTTIME, ms.
int64_t session_now_ms(void);
void session_begin(struct session *session);
// The one that was begun; NULL: none was.
struct session *session_of_sudo(void);
// Asks and waits for the last word; it is then in `session->answer`. Tells the person about a no, not about silence.
enum reply session_ask(struct session *session, const struct sudo_check *check);
// Tells what to do when belayd is silent.
void session_tell_unreachable(const struct session *session);
// Takes the launch of an allowing verdict, and the descriptor it runs from.
bool session_take_launch(struct session *session);
// The last call before the command: account, credentials, session, commit. NULL when the command may start now, else why not.
const char *session_commit(struct session *session, char **environment[]);
// The command's end, as waitpid(2) gives it.
void session_report_status(struct session *session, int status);
void session_report(struct session *session, enum outcome_end end, int32_t value, bool core_dumped);
void session_report_error(struct session *session, const char *text);
bool session_forget_reauth(struct session *session, bool everywhere);
// Lets the signals through that were held back while belayd was asked.
void session_release(struct session *session);
// Closes everything that is still open. Safe to call twice.
void session_end(struct session *session);

#endif
