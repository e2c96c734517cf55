// The messages of proto/belay/local/v1/local.proto that the plugin writes and reads. A decoded frame owns all its memory.
#ifndef BELAY_FRAMES_H
#define BELAY_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { FRAME_HEADER_BYTES = 4 };
// What belayd takes from a helper, and what we take from belayd.
#define FRAME_MAX_OUT ((size_t)4 * 1024 * 1024)
#define FRAME_MAX_IN ((size_t)8 * 1024 * 1024)

struct byte_range {
    const char *bytes;
    size_t length;
};

// ---- to belayd

enum check_mode { MODE_RUN = 1, MODE_LIST = 2, MODE_LIST_COMMAND = 3, MODE_VALIDATE = 4 };

struct sudo_check {
    enum check_mode mode;
    const char *run_as_user;  // NULL: not given
    const char *run_as_group; // NULL: not given
    bool login_shell;
    bool implied_shell;
    bool preserve_environment;
    bool set_home;
    bool background;
    bool non_interactive;
    const char *working_directory_wanted; // NULL: not given
    char *const *argv;
    char *const *environment;
    char *const *environment_added; // NULL: none
    const char *working_directory;
    const char *terminal;
    const char *typed_path;
    int executable_fd; // -1: none
    const char *list_user; // NULL: not given
    uint32_t file_mode_mask;
    bool list_long;
    bool ignore_cached_reauth;
    bool pam_available;
    bool starts_at_once;
    bool records; // sudo.conf names our I/O plugin: a session can be recorded
};

// What another policy plugin answered.
enum seen { SEEN_ALLOWED = 1, SEEN_REFUSED = 2 };

enum authentication {
    AUTHENTICATION_NOT_ASKED = 1,
    AUTHENTICATION_SUCCEEDED = 2,
    AUTHENTICATION_FAILED = 3,
    AUTHENTICATION_ACCOUNT_REFUSED = 4,
    AUTHENTICATION_CANCELLED = 5,
};

struct demands_met {
    uint64_t request;
    const char *reason; // NULL: none
    enum authentication authentication;
    uint32_t attempts;
    bool confirmed;
};

enum outcome_end { END_EXITED = 1, END_SIGNALED = 2, END_EXEC_FAILED = 3, END_SUDO_ERROR = 4 };

enum { HASH_BYTES = 32 };
// Why a recording is not whole.
enum cut { CUT_NONE = 0, CUT_LIMIT = 1, CUT_UNWRITABLE = 2 };

struct recorded {
    bool present;
    uint8_t hash[HASH_BYTES];
    uint64_t length;
    uint64_t duration_us;
    enum cut cut;
};

struct outcome {
    uint64_t request;
    enum outcome_end end;
    int32_t value;
    bool core_dumped;
    const struct recorded *recorded;
};

// Each makes a whole frame, header included, in `writer`. False when it would be too large or memory is out.
bool frame_sudo_check(struct wire_writer *writer, const struct sudo_check *check);
bool frame_observed(struct wire_writer *writer, const struct sudo_check *check, enum seen seen);
bool frame_demands_met(struct wire_writer *writer, const struct demands_met *met);
bool frame_commit(struct wire_writer *writer, uint64_t request, const uint8_t *token, size_t token_length);
bool frame_outcome(struct wire_writer *writer, const struct outcome *outcome);
bool frame_audit_error(struct wire_writer *writer, uint64_t request, const char *text);
bool frame_forget_reauth(struct wire_writer *writer, bool everywhere);

// ---- from belayd

enum frame_kind {
    FRAME_NONE = 0,
    FRAME_HELLO = 1,
    FRAME_CHALLENGE = 2,
    FRAME_VERDICT = 3,
    FRAME_COMMIT_ANSWER = 4,
    FRAME_LISTING = 5,
    FRAME_DONE = 8,
    FRAME_WAITING = 11,
    FRAME_REFUSAL = 15,
};

struct hello {
    uint32_t protocol;
    uint32_t real_uid;
    bool pam; // an allowed command goes through PAM
};

struct challenge {
    uint64_t request;
    bool reason;
    char *reason_prompt;
    uint32_t reason_min_length;
    bool reauth;
    char *message;
    bool account;
    char **suggestions;
    size_t suggestion_count;
    char *confirm_prompt; // "": nothing is to be confirmed
};

enum launch_by { BY_UNSPECIFIED = 0, BY_DESCRIPTOR = 1, BY_PATH = 2, BY_SEALED = 3 };

// The file that the session is recorded in, open in belayd's process.
struct launch_recording {
    bool wanted;
    bool must; // what cannot be recorded may not run
    int32_t fd;
    uint8_t sealed[HASH_BYTES]; // what it holds so far
    uint64_t length;
    uint64_t limit;
};

struct launch {
    enum launch_by by;
    char *path;
    int32_t sealed_fd;
    char **argv;
    size_t argc;
    char **environment;
    size_t environment_count;
    uint32_t uid;
    uint32_t gid;
    uint32_t *groups;
    size_t group_count;
    char *working_directory;
    uint32_t file_mode_mask;
    char *user;
    bool pam_session;
    bool pam_account;
    struct launch_recording recording;
};

enum { TOKEN_BYTES = 16 };

struct verdict {
    bool allow;
    uint64_t request;
    char *message;
    char *rule;
    bool has_launch;
    bool go; // the intent is durable: the command may start without a Commit
    struct launch launch;
    uint8_t token[TOKEN_BYTES];
};

struct commit_answer {
    bool go;
    char *message;
};

struct listing {
    bool known;
    char *text;
};

struct waiting_for {
    uint64_t request;
    char *text; // for the person, whole lines; "": nothing new
    uint64_t left_ms;
};

struct refusal {
    char *code;
    char *message;
    uint64_t request;
};

// Strings are NUL-terminated copies; a NUL inside one breaks the frame. Absent strings are "".
struct server_frame {
    enum frame_kind kind;
    struct hello hello;
    struct challenge challenge;
    struct verdict verdict;
    struct commit_answer commit_answer;
    struct listing listing;
    struct waiting_for waiting;
    struct refusal refusal;
    void *storage; // of all strings and arrays
};

// The body's length named by a header, or 0 when it is empty or too large.
size_t frame_body_length(const uint8_t header[FRAME_HEADER_BYTES]);
// Decodes one body. False, and kind FRAME_NONE, when anything about it is wrong.
bool frame_decode(const uint8_t *body, size_t length, struct server_frame *frame);
void frame_free(struct server_frame *frame);

#endif
