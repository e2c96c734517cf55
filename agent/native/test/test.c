// Tests of what needs no sudo and no belayd: codec, plan, invocation, text. Each test is a function; the first failure ends it.
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "frames.h"
#include "invocation.h"
#include "limits.h"
#include "person.h"
#include "plan.h"
#include "recording.h"
#include "terminal.h"
#include "waiting.h"

#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect(bool holds, const char *what, int line) {
    if (holds) return;
    fprintf(stderr, "test.c:%d: not so: %s\n", line, what);
    exit(1);
}

static bool decode(const char *bytes, size_t length, struct server_frame *frame) {
    // On the heap and exactly as long, so that a sanitizer sees one byte too many.
    uint8_t *body = malloc(length);
    memcpy(body, bytes, length);
    const bool decoded = frame_decode(body, length, frame);
    free(body);
    return decoded;
}

#define DECODE(text, frame) decode(text, sizeof(text) - 1, frame)

static void a_hello_is_read_and_may_grow(void) {
    struct server_frame frame;
    EXPECT(DECODE("\x0a\x08\x08\x01\x18\xd1\x0f\x50\x01\x78", &frame) == false); // the last tag has no value
    EXPECT(DECODE("\x0a\x07\x08\x01\x18\xd1\x0f\x50\x01", &frame));
    EXPECT(frame.kind == FRAME_HELLO && frame.hello.protocol == 1 && frame.hello.real_uid == 2001 && !frame.hello.pam);
    frame_free(&frame);
    EXPECT(DECODE("\x0a\x07\x08\x01\x18\xd1\x0f\x20\x01", &frame));
    EXPECT(frame.kind == FRAME_HELLO && frame.hello.pam);
    frame_free(&frame);
}

static void a_verdict_with_a_launch_is_read_whole(void) {
    struct server_frame frame;
    EXPECT(DECODE("\x1a\x36\x08\x01\x10\x07\x1a\x00\x22\x03p/r"
                  "\x2a\x17\x08\x01\x12\x02/b\x22\x01x\x22\x00\x2a\x03"
                  "A=b\x42\x03\x01\x80\x01\x60\x01"
                  "\x32\x10" "0123456789abcdef",
                  &frame));
    const struct launch *launch = &frame.verdict.launch;
    EXPECT(frame.kind == FRAME_VERDICT && frame.verdict.allow && frame.verdict.request == 7 && frame.verdict.has_launch);
    EXPECT(strcmp(frame.verdict.rule, "p/r") == 0 && strcmp(launch->path, "/b") == 0 && launch->by == BY_DESCRIPTOR);
    EXPECT(launch->argc == 2 && strcmp(launch->argv[0], "x") == 0 && launch->argv[1][0] == '\0' && launch->argv[2] == NULL);
    EXPECT(launch->environment_count == 1 && strcmp(launch->environment[0], "A=b") == 0 && launch->environment[1] == NULL);
    EXPECT(launch->group_count == 2 && launch->groups[0] == 1 && launch->groups[1] == 128 && launch->pam_session);
    EXPECT(memcmp(frame.verdict.token, "0123456789abcdef", TOKEN_BYTES) == 0);
    frame_free(&frame);
}

static void what_is_waited_for_is_read_and_may_grow(void) {
    struct server_frame frame;
    EXPECT(DECODE("\x5a\x0b\x08\x07\x12\x02hi\x18\xe8\x07\x50\x01", &frame));
    EXPECT(frame.kind == FRAME_WAITING && frame.waiting.request == 7 && strcmp(frame.waiting.text, "hi") == 0 && frame.waiting.left_ms == 1000);
    frame_free(&frame);
    EXPECT(DECODE("\x5a\x00", &frame) && frame.kind == FRAME_WAITING && frame.waiting.text[0] == '\0' && !frame.verdict.allow);
    frame_free(&frame);
    EXPECT(!DECODE("\x5a\x04\x12\x02h\0", &frame));       // a NUL in the text
    EXPECT(!DECODE("\x5a\x03\x1a\x01x", &frame));          // a time that is no number
}

static void a_time_is_told_as_people_tell_it(void) {
    static const struct {
        int64_t ms;
        const char *text;
    } told[] = {{-5, "0 s"}, {1, "1 s"}, {59000, "59 s"}, {59001, "1 min 00 s"}, {1798000, "29 min 58 s"}, {3600000, "1 h 00 min"}, {90000000, "25 h 00 min"}};
    for (size_t index = 0; index < sizeof told / sizeof told[0]; index++) {
        char text[64];
        waiting_time(text, sizeof text, told[index].ms);
        EXPECT(strcmp(text, told[index].text) == 0);
    }
}

static char printed[4096];

static int collect(int type, const char *format, ...) {
    va_list arguments;
    (void)type;
    va_start(arguments, format);
    const size_t used = strlen(printed);
    vsnprintf(printed + used, sizeof printed - used, format, arguments);
    va_end(arguments);
    return 0;
}

static void what_comes_while_waiting_is_inert_and_a_line_each(void) {
    const struct person person = {.print = collect};
    struct waiting waiting = {0};
    static char text[] = "Belay #7: who can approve: \x1b[2Jbo\n\nsecond \xe2\x80\xae line";
    const struct waiting_for said = {.request = 7, .text = text, .left_ms = UINT64_MAX};
    printed[0] = '\0';
    waiting_show(&waiting, &person, &said);
    waiting_end(&waiting, &person);
    waiting_end(&waiting, &person);
    const char *end = strstr(printed, "line\n");
    EXPECT(strncmp(printed, "sudo: Belay #7: who can approve: ?[2Jbo\nsudo: second ??? line\n", 63) == 0 && end != NULL);
    EXPECT(strchr(printed, '\x1b') == NULL);
}

static void broken_and_unknown_frames_are_no_frames(void) {
    static const struct {
        const char *bytes;
        size_t length;
    } broken[] = {
#define CASE(text) { text, sizeof(text) - 1 }
        CASE("\x1a\x05\x08\x01\x10\x07"),             // shorter than it says
        CASE("\x1a\x02\x08\x01\x1a\x02\x08\x01"),     // two messages
        CASE("\x22\x04\x08\x01\x18\x01"),             // a field of CommitAnswer that we do not know
        CASE("\x1a\x06\x08\x01\x40\x01\x10\x07"),     // a field of Verdict that we do not know
        CASE("\x1a\x04\x1a\x02p\0"),                  // a NUL in a string
        CASE("\x1a\x06\x08\x01\x10\x07\x2a\x00"),     // a launch without a token
        CASE("\x1a\x03\x0a\x01\x01"),                 // an answer that is not a number
        CASE("\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), // an absurd length
        CASE("\x1a\x0c\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), // eleven bits too many
        CASE("\x1b\x1c"),                             // a group
        CASE("\x02\x00"),                             // field 0
        CASE("\x3a\x00"),                             // EnrollAnswer: not for us
        CASE("\x1a\x08\x08\x01\x2a\x04\x42\x02\x80\x80"), // a group id without an end
#undef CASE
    };
    for (size_t index = 0; index < sizeof broken / sizeof broken[0]; index++) {
        struct server_frame frame;
        EXPECT(!decode(broken[index].bytes, broken[index].length, &frame));
        EXPECT(frame.kind == FRAME_NONE && !frame.verdict.allow && !frame.commit_answer.go && frame.storage == NULL);
    }
    struct server_frame frame;
    EXPECT(!frame_decode((const uint8_t *)"", 0, &frame));
}

static void only_one_value_is_a_yes(void) {
    struct server_frame frame;
    EXPECT(DECODE("\x22\x02\x08\x01", &frame) && frame.commit_answer.go);
    frame_free(&frame);
    EXPECT(DECODE("\x22\x02\x08\x02", &frame) && !frame.commit_answer.go);
    frame_free(&frame);
    EXPECT(DECODE("\x22\x03\x08\x81\x02", &frame) && !frame.commit_answer.go); // 257: no truncation
    frame_free(&frame);
    EXPECT(DECODE("\x22\x00", &frame) && !frame.commit_answer.go && frame.commit_answer.message[0] == '\0');
    frame_free(&frame);
}

static void a_length_is_bounded(void) {
    EXPECT(frame_body_length((const uint8_t *)"\x00\x80\x00\x00") == FRAME_MAX_IN);
    EXPECT(frame_body_length((const uint8_t *)"\x00\x80\x00\x01") == 0);
    EXPECT(frame_body_length((const uint8_t *)"\xff\xff\xff\xff") == 0);
}

static void a_check_carries_every_byte(void) {
    static char one[] = "a\xff";
    static char two[] = "";
    static char own[] = "KEEP=1";
    static char same[] = "KEEP=1";
    static char other[] = "NEW=2";
    char *argv[] = {one, two, NULL};
    char *environment[] = {own, NULL};
    char *added[] = {same, other, NULL};
    const struct sudo_check check = {.mode = MODE_RUN, .run_as_user = "", .argv = argv, .environment = environment,
                                     .environment_added = added, .executable_fd = 5};
    struct wire_writer writer;
    EXPECT(frame_sudo_check(&writer, &check));
    static const char expected[] = "\x00\x00\x00\x29\x0a\x27\x08\x01\x18\x01\x7a\x02"
                                   "a\xff\x7a\x00\x82\x01\x06KEEP=1\x4a\x04KEEP\x8a\x01\x05NEW=2\xa8\x01\x01\xb0\x01\x05";
    EXPECT(writer.length == sizeof expected - 1 && memcmp(writer.bytes, expected, writer.length) == 0);
    wire_writer_free(&writer);
}

static void a_hundred_thousand_arguments_fit_and_five_megabytes_do_not(void) {
    static char argument[] = "x";
    char **many = calloc(100001, sizeof(char *));
    for (size_t index = 0; index < 100000; index++) many[index] = argument;
    struct sudo_check check = {.mode = MODE_RUN, .argv = many, .executable_fd = -1};
    struct wire_writer writer;
    EXPECT(frame_sudo_check(&writer, &check) && writer.length > 300000);
    wire_writer_free(&writer);
    char *large = malloc(5 * 1024 * 1024);
    memset(large, 'x', 5 * 1024 * 1024 - 1);
    large[5 * 1024 * 1024 - 1] = '\0';
    many[0] = large;
    EXPECT(!frame_sudo_check(&writer, &check) && writer.bytes == NULL);
    free(large);
    free(many);
}

static void text_for_a_terminal_is_inert(void) {
    char text[] = "a\x1b[2J\r\n\tb\x7f\xc2\x9b" "31m\xff\xc0\xaf \xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80";
    person_make_inert(text);
    EXPECT(strcmp(text, "a?[2J?\n\tb???31m??? \xe2\x82\xac\xf0\x9f\x98\x80???") == 0);
    char cut[] = "\xe2\x82";
    person_make_inert(cut);
    EXPECT(strcmp(cut, "??") == 0);
}

static struct invocation parsed(const char *setting) {
    static char text[256];
    static char always[] = "update_ticket=true";
    char *settings[] = {always, text, NULL};
    snprintf(text, sizeof text, "%s", setting);
    struct invocation invocation;
    invocation_parse(&invocation, settings, NULL, NULL, NULL);
    return invocation;
}

static void settings_are_known_or_refused_by_name(void) {
    EXPECT(strcmp(parsed("runas_user=#-1").run_as_user, "#-1") == 0 && parsed("runas_user=#-1").unsupported == NULL);
    EXPECT(parsed("login_shell=true").login_shell && !parsed("login_shell=false").login_shell);
    EXPECT(parsed("network_addrs=10.0.0.1/8").unsupported == NULL);
    EXPECT(strcmp(parsed("remote_host=elsewhere").unsupported, "-h (--host)") == 0);
    EXPECT(strcmp(parsed("cmnd_chroot=/tmp").unsupported, "-R (--chroot)") == 0);
    EXPECT(strcmp(parsed("update_ticket=false").unsupported, "-N (--no-update)") == 0);
    EXPECT(strcmp(parsed("brand_new=1").unsupported, "brand_new=1") == 0);
    EXPECT(strcmp(parsed("runas_user_x=1").unsupported, "runas_user_x=1") == 0);
}

static void prompts_are_expanded_as_by_sudo(void) {
    struct invocation invocation = {.user = "alice", .host = "box.example.org", .run_as_user = "bob", .prompt = "%p@%h %H %u>%U 100%% %x%"};
    char *prompt = person_password_prompt(&invocation);
    EXPECT(strcmp(prompt, "alice@box box.example.org alice>bob 100% %x%") == 0);
    free(prompt);
}

static void a_launch_that_cannot_be_applied_is_named(void) {
    char *argv[] = {(char[]){"x"}, NULL};
    const struct launch good = {.by = BY_DESCRIPTOR, .path = "/x", .argv = argv, .argc = 1, .working_directory = "", .user = ""};
    EXPECT(plan_fault(&good) == NULL);
    struct launch bad = good;
    bad.uid = UINT32_MAX;
    EXPECT(plan_fault(&bad) != NULL);
    bad = good;
    bad.by = BY_UNSPECIFIED;
    EXPECT(plan_fault(&bad) != NULL);
    bad = good;
    bad.path = "x";
    EXPECT(plan_fault(&bad) != NULL);
    bad = good;
    bad.argc = 0;
    EXPECT(plan_fault(&bad) != NULL);
}

static void pam_adds_but_never_replaces_and_never_steers_a_loader(void) {
    char *environment[] = {(char[]){"PATH=/bin"}, NULL};
    char *from_pam[] = {(char[]){"PATH=/tmp"}, (char[]){"KRB5CCNAME=FILE:/x"}, (char[]){"LD_PRELOAD=/x"}, (char[]){"PYTHONPATH=/x"},
                        (char[]){"broken"}, (char[]){"=x"}, NULL};
    char **merged = plan_merge_environment(environment, from_pam);
    EXPECT(strcmp(merged[0], "PATH=/bin") == 0 && strcmp(merged[1], "KRB5CCNAME=FILE:/x") == 0 && merged[2] == NULL);
    free(merged);
}

static void what_may_be_b_is_taken_for_it(void) {
    char *plain[] = {"sudo", "-n", "-u", "bob", "A=b", NULL};
    char *clustered[] = {"sudo", "-nb", NULL};
    char *named[] = {"sudo", "--backg", NULL};
    EXPECT(!invocation_may_background(plain, 5));
    EXPECT(invocation_may_background(clustered, 2));
    EXPECT(invocation_may_background(named, 2));
    EXPECT(!invocation_may_background(clustered, 1));
    EXPECT(!invocation_may_background(NULL, 0));
}

static void a_list_is_told_by_its_option(void) {
    char *plain[] = {"sudo", "-n", "-ul", "-H", "--login", NULL};
    char *clustered[] = {"sudo", "-nl", NULL};
    char *named[] = {"sudo", "--list", NULL};
    char *cut[] = {"sudo", "--li", NULL};
    EXPECT(!invocation_lists(plain, 5));
    EXPECT(invocation_lists(clustered, 2));
    EXPECT(invocation_lists(named, 2));
    EXPECT(invocation_lists(cut, 2));
    EXPECT(!invocation_lists(named, 1));
}

static void the_callers_limits_are_told_from_those_of_pam(void) {
    struct rlimit now;
    char same[64];
    char entry[96];
    struct invocation invocation = {0};
    EXPECT(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur > 16);
    EXPECT(!limits_note_callers(&invocation, "tty=/dev/pts/1") && !limits_note_callers(&invocation, "rlimit_nofileX=1,2"));
    snprintf(same, sizeof same, "rlimit_nofile=%llu,%llu", (unsigned long long)now.rlim_cur, (unsigned long long)now.rlim_max);
    if (now.rlim_max == RLIM_INFINITY) snprintf(same, sizeof same, "rlimit_nofile=%llu,infinity", (unsigned long long)now.rlim_cur);
    EXPECT(limits_note_callers(&invocation, same));
    for (size_t index = 0; index < LIMIT_COUNT; index++) EXPECT(!limits_changed(&invocation, index, entry, sizeof entry));
    // As PAM's limits module would.
    EXPECT(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, now.rlim_max}) == 0);
    size_t changed = 0;
    for (size_t index = 0; index < LIMIT_COUNT; index++) {
        if (!limits_changed(&invocation, index, entry, sizeof entry)) continue;
        changed++;
        EXPECT(strncmp(entry, "rlimit_nofile=16,", 17) == 0);
    }
    EXPECT(changed == 1);
    limits_become_callers(&invocation);
    EXPECT(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur > 16);
    EXPECT(limits_note_callers(&invocation, "rlimit_nofile=many,few"));
    for (size_t index = 0; index < LIMIT_COUNT; index++) EXPECT(!limits_changed(&invocation, index, entry, sizeof entry));
}

static void a_go_follows_only_a_yes_with_a_launch(void) {
    struct server_frame frame;
    EXPECT(!DECODE("\x1a\x04\x08\x01\x40\x01", &frame));
    EXPECT(!DECODE("\x1a\x04\x08\x02\x40\x01", &frame));
}

static void a_challenge_is_read_whole(void) {
    struct server_frame frame;
    EXPECT(DECODE("\x12\x18\x08\x07\x10\x01\x28\x01\x42\x03one\x42\x00\x42\x03two\x4a\x03ok?", &frame) == false); // shorter than it says
    EXPECT(DECODE("\x12\x15\x08\x07\x10\x01\x28\x01\x42\x03one\x42\x00\x42\x03two\x4a\x01?", &frame));
    const struct challenge *challenge = &frame.challenge;
    EXPECT(frame.kind == FRAME_CHALLENGE && challenge->request == 7 && challenge->reason && challenge->reauth && !challenge->account);
    EXPECT(challenge->suggestion_count == 3 && strcmp(challenge->suggestions[0], "one") == 0 && challenge->suggestions[1][0] == '\0');
    EXPECT(strcmp(challenge->suggestions[2], "two") == 0 && challenge->suggestions[3] == NULL && strcmp(challenge->confirm_prompt, "?") == 0);
    frame_free(&frame);
    EXPECT(DECODE("\x12\x02\x08\x07", &frame) && frame.challenge.suggestion_count == 0 && frame.challenge.confirm_prompt[0] == '\0');
    frame_free(&frame);
    EXPECT(!DECODE("\x12\x02\x50\x01", &frame)); // a demand that we do not know
}

static void a_yes_to_the_question_is_carried(void) {
    const struct demands_met met = {.request = 7, .authentication = AUTHENTICATION_NOT_ASKED, .confirmed = true};
    struct wire_writer writer;
    EXPECT(frame_demands_met(&writer, &met));
    static const char expected[] = "\x00\x00\x00\x08\x12\x06\x08\x07\x18\x01\x28\x01";
    EXPECT(writer.length == sizeof expected - 1 && memcmp(writer.bytes, expected, writer.length) == 0);
    wire_writer_free(&writer);
}

static const char *typed;

static int answer_typed(int count, const struct sudo_conv_message messages[], struct sudo_conv_reply replies[],
                        struct sudo_conv_callback *callback) {
    (void)count, (void)messages, (void)callback;
    replies[0].reply = typed == NULL ? NULL : strdup(typed);
    return typed == NULL ? -1 : 0;
}

static void only_a_yes_confirms(void) {
    const struct person person = {.converse = answer_typed};
    static const char *const yes[] = {"y", "Y", "yes", "YES", " yes ", "\ty"};
    static const char *const no[] = {"", " ", "n", "no", "yesno", "y n", "yy", "ye", "1", "true", "yes please", NULL};
    for (size_t index = 0; index < sizeof yes / sizeof yes[0]; index++) EXPECT((typed = yes[index]) && person_confirm(&person, "?"));
    for (size_t index = 0; index < sizeof no / sizeof no[0]; index++) {
        typed = no[index];
        EXPECT(!person_confirm(&person, "?"));
    }
}

static void a_number_picks_a_suggestion(void) {
    char *suggestions[] = {(char[]){"one"}, (char[]){"two"}, NULL};
    const struct reason_wanted wanted = {.prompt = "", .suggestions = suggestions, .suggestion_count = 2};
    EXPECT(person_pick(&wanted, "1") == suggestions[0] && person_pick(&wanted, " 2\t") == suggestions[1]);
    static const char *const none[] = {"", " ", "0", "3", "01", "1x", "1 2", "-1", "+1", "18446744073709551617", "one"};
    for (size_t index = 0; index < sizeof none / sizeof none[0]; index++) EXPECT(person_pick(&wanted, none[index]) == NULL);
    const struct reason_wanted nothing = {.prompt = ""};
    EXPECT(person_pick(&nothing, "1") == NULL);
}

static void a_launch_may_be_recorded_and_then_says_how(void) {
    struct server_frame frame;
    // verdict { answer: ALLOW, request: 7, launch { recording { fd 9, sealed, length 100, limit 4096, must } }, token }
#define SEALED "0123456789abcdef0123456789abcdef"
#define TOKEN "\x32\x10" "0123456789abcdef"
    EXPECT(DECODE("\x1a\x47\x08\x01\x10\x07\x2a\x2e\xa2\x01\x2b\x08\x09\x12\x20" SEALED "\x18\x64\x20\x80\x20\x28\x01" TOKEN, &frame) == false); // shorter than it says
    EXPECT(DECODE("\x1a\x46\x08\x01\x10\x07\x2a\x2e\xa2\x01\x2b\x08\x09\x12\x20" SEALED "\x18\x64\x20\x80\x20\x28\x01" TOKEN, &frame));
    const struct launch_recording *recording = &frame.verdict.launch.recording;
    EXPECT(recording->wanted && recording->must && recording->fd == 9 && recording->length == 100 && recording->limit == 4096);
    EXPECT(memcmp(recording->sealed, SEALED, HASH_BYTES) == 0);
    frame_free(&frame);
    EXPECT(!DECODE("\x1a\x1d\x08\x01\x10\x07\x2a\x05\xa2\x01\x02\x08\x09" TOKEN, &frame)); // without a hash
    EXPECT(!DECODE("\x1a\x1e\x08\x01\x10\x07\x2a\x06\xa2\x01\x03\x0a\x01x" TOKEN, &frame)); // a descriptor that is no number
    EXPECT(!DECODE("\x1a\x3f\x08\x01\x10\x07\x2a\x27\xa2\x01\x24\x12\x20" SEALED "\x30\x01" TOKEN, &frame)); // a field that we do not know
}

static void sha256_is_as_published(void) {
    static const struct {
        const char *text;
        const char *digest;
    } known[] = { // FIPS 180-4, and lengths around a block
        {"", "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14"},
        {"abc", "\xba\x78\x16\xbf\x8f\x01\xcf\xea"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "\x24\x8d\x6a\x61\xd2\x06\x38\xb8"},
    };
    uint8_t digest[SHA256_BYTES];
    struct sha256 hash;
    for (size_t index = 0; index < sizeof known / sizeof known[0]; index++) {
        sha256_begin(&hash);
        sha256_add(&hash, known[index].text, strlen(known[index].text));
        sha256_end(&hash, digest);
        EXPECT(memcmp(digest, known[index].digest, 8) == 0);
    }
    sha256_begin(&hash);
    for (unsigned index = 0; index < 1000000; index += 1000) { // a million times "a", in pieces of no even size
        char piece[1000];
        memset(piece, 'a', sizeof piece);
        sha256_add(&hash, piece, index / 1000 % 999 + 1);
        sha256_add(&hash, piece, 999 - index / 1000 % 999);
    }
    sha256_end(&hash, digest);
    EXPECT(memcmp(digest, "\xcd\xc7\x6e\x5c\x99\x14\xfb\x92", 8) == 0);
}

static struct recording begin_in_memory(uint64_t limit, bool must) {
    struct recording recording;
    const int fd = memfd_create("recording", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT(fd >= 0 && fcntl(fd, F_SETFL, O_APPEND) == 0);
    const struct launch_recording launch = {.wanted = true, .must = must, .limit = limit};
    EXPECT(recording_begin(&recording, fd, &launch));
    return recording;
}

static uint64_t size_of(int fd) {
    struct stat status;
    EXPECT(fstat(fd, &status) == 0);
    return (uint64_t)status.st_size;
}

static void a_recording_grows_by_whole_frames_and_is_sealed(void) {
    if (getuid() != 0) return; // a recording is root's
    struct recording recording = begin_in_memory(1024 * 1024, true);
    const int copy = dup(recording.fd);
    uint8_t bytes[16];
    EXPECT(recording_add(&recording, RECORDED_TTY_OUT, "hello", 5));
    EXPECT(pread(copy, bytes, sizeof bytes, 0) >= 11 && bytes[3] >= 7 && bytes[4] == RECORDED_TTY_OUT);
    EXPECT(size_of(copy) == recording.length && recording.length == 4u + bytes[3]);
    // What is hidden is said once, until something is not.
    const uint64_t before = recording.length;
    EXPECT(recording_hide(&recording) && recording.length > before);
    const uint64_t hidden = recording.length;
    EXPECT(recording_hide(&recording) && recording.length == hidden);
    EXPECT(recording_add(&recording, RECORDED_TTY_IN, "x", 1) && recording_hide(&recording) && recording.length > hidden + 7);
    // More than one frame holds, and more than a block.
    char *large = calloc(1, 200000);
    EXPECT(recording_add(&recording, RECORDED_STDOUT, large, 200000));
    free(large);
    EXPECT(recording.block_length < 16384 && size_of(copy) == recording.length);
    struct recorded recorded = {0};
    recording_end(&recording, 0, 0, &recorded);
    EXPECT(recorded.present && recorded.cut == CUT_NONE && recorded.length == size_of(copy) && recording.fd == -1);
    // The last frame is the seal, and its hash is what is told.
    uint8_t seal[4 + 2 + HASH_BYTES];
    EXPECT(pread(copy, seal, sizeof seal, (off_t)(recorded.length - sizeof seal)) == (ssize_t)sizeof seal);
    EXPECT(seal[3] == 2 + HASH_BYTES && seal[4] == RECORDED_SEAL && seal[5] == 0 && memcmp(seal + 6, recorded.hash, HASH_BYTES) == 0);
    close(copy);
}

static void at_its_limit_a_recording_says_so_and_stays_within(void) {
    if (getuid() != 0) return;
    char bytes[1000] = {0};
    for (unsigned must = 0; must < 2; must++) {
        struct recording recording = begin_in_memory(20000, must == 1);
        const int copy = dup(recording.fd);
        struct recorded recorded = {0};
        unsigned taken = 0;
        while (taken < 100 && recording_add(&recording, RECORDED_TTY_OUT, bytes, sizeof bytes)) taken++;
        EXPECT(must == 1 ? taken > 15 && taken < 20 : taken == 100);
        recording_end(&recording, 9, 0, &recorded);
        EXPECT(recorded.cut == CUT_LIMIT && recorded.length <= 20000 && recorded.length == size_of(copy));
        close(copy);
    }
}

static void what_cannot_be_written_leaves_whole_frames(void) {
    if (getuid() != 0) return;
    struct recording recording = begin_in_memory(1024 * 1024, true);
    const int copy = dup(recording.fd);
    EXPECT(recording_add(&recording, RECORDED_TTY_OUT, "hello", 5));
    const uint64_t before = recording.length;
    EXPECT(fcntl(copy, F_ADD_SEALS, F_SEAL_GROW) == 0); // as good as a full disk
    EXPECT(!recording_add(&recording, RECORDED_TTY_OUT, "hello", 5) && recording.cut == CUT_UNWRITABLE);
    struct recorded recorded = {0};
    recording_end(&recording, 9, 0, &recorded);
    EXPECT(recorded.cut == CUT_UNWRITABLE && recorded.length == before && size_of(copy) == before);
    close(copy);
}

static void only_the_file_that_was_made_is_written_to(void) {
    struct recording recording;
    struct launch_recording launch = {.wanted = true, .limit = 100000};
    EXPECT(!recording_begin(&recording, -1, &launch));
    EXPECT(!recording_begin(&recording, open("/dev/null", O_WRONLY | O_APPEND), &launch));
    EXPECT(!recording_begin(&recording, memfd_create("recording", MFD_CLOEXEC), &launch)); // not for appending
    launch.length = 1; // longer than it is
    const int fd = memfd_create("recording", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT(fcntl(fd, F_SETFL, O_APPEND) == 0 && !recording_begin(&recording, fd, &launch) && recording.fd == -1);
    EXPECT(recording_add(&recording, RECORDED_TTY_OUT, "x", 1)); // nothing is recorded: nothing is in the way
}

static void a_terminal_of_the_persons_does_not_stand_for_that_of_the_command(void) {
    struct terminal terminal;
    struct termios settings;
    const int decoy = posix_openpt(O_RDWR | O_NOCTTY);
    if (decoy < 0) return; // no pseudo-terminals here
    terminal_note_others(&terminal);
    EXPECT(!terminal_echoes(&terminal)); // there is none yet
    const int leader = posix_openpt(O_RDWR | O_NOCTTY);
    EXPECT(leader >= 0 && tcgetattr(leader, &settings) == 0);
    EXPECT(terminal_echoes(&terminal) && terminal.leader == leader);
    settings.c_lflag &= ~(tcflag_t)ECHO;
    EXPECT(tcsetattr(leader, TCSANOW, &settings) == 0 && !terminal_echoes(&terminal));
    EXPECT(tcgetattr(decoy, &settings) == 0 && (settings.c_lflag & ECHO) != 0);
    // Two that are new: it cannot be told which one it is, so nothing is recorded.
    terminal_note_others(&terminal);
    const int first = posix_openpt(O_RDWR | O_NOCTTY);
    const int second = posix_openpt(O_RDWR | O_NOCTTY);
    EXPECT(!terminal_echoes(&terminal) && terminal.lost);
    const int all[] = {decoy, leader, first, second};
    for (size_t index = 0; index < sizeof all / sizeof all[0]; index++) close(all[index]);
}

int main(void) {
    a_launch_may_be_recorded_and_then_says_how();
    sha256_is_as_published();
    a_recording_grows_by_whole_frames_and_is_sealed();
    at_its_limit_a_recording_says_so_and_stays_within();
    what_cannot_be_written_leaves_whole_frames();
    only_the_file_that_was_made_is_written_to();
    a_terminal_of_the_persons_does_not_stand_for_that_of_the_command();
    a_challenge_is_read_whole();
    a_yes_to_the_question_is_carried();
    only_a_yes_confirms();
    a_number_picks_a_suggestion();
    a_hello_is_read_and_may_grow();
    what_is_waited_for_is_read_and_may_grow();
    a_time_is_told_as_people_tell_it();
    what_comes_while_waiting_is_inert_and_a_line_each();
    what_may_be_b_is_taken_for_it();
    a_list_is_told_by_its_option();
    the_callers_limits_are_told_from_those_of_pam();
    a_go_follows_only_a_yes_with_a_launch();
    a_verdict_with_a_launch_is_read_whole();
    broken_and_unknown_frames_are_no_frames();
    only_one_value_is_a_yes();
    a_length_is_bounded();
    a_check_carries_every_byte();
    a_hundred_thousand_arguments_fit_and_five_megabytes_do_not();
    text_for_a_terminal_is_inert();
    settings_are_known_or_refused_by_name();
    prompts_are_expanded_as_by_sudo();
    a_launch_that_cannot_be_applied_is_named();
    pam_adds_but_never_replaces_and_never_steers_a_loader();
    puts("30 tests passed");
    return 0;
}
