#include "person.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { MAX_LINE = 4096, REASON_TRIES = 3 };

// The length of the valid UTF-8 sequence at `at`, 0 when it is none (RFC 3629: no overlong form, no surrogate).
static size_t utf8_length(const unsigned char *at) {
    if (at[0] < 0x80) return 1;
    const size_t length = at[0] >= 0xc2 && at[0] <= 0xdf ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4 : 0;
    for (size_t index = 1; index < length; index++) {
        if ((at[index] & 0xc0) != 0x80) return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)) return 0;
    if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) return 0;
    return length;
}

// Line and paragraph separators and the marks that turn the direction of text: U+2028 to U+202E, U+2066 to U+2069.
static bool turns_text(const unsigned char *at, size_t length) {
    if (length != 3 || at[0] != 0xe2) return false;
    return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) || (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

// SECURITY(T-29): belayd's text is inert already; what we add ourselves (a shell's name, PAM's words) may not be.
void person_make_inert(char *text) {
    unsigned char *at = (unsigned char *)text;
    while (*at != '\0') {
        const size_t length = utf8_length(at);
        const bool is_c1 = length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
        const bool is_control = length == 1 && ((at[0] < 0x20 && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7f);
        if (length == 0 || is_control) {
            *at++ = '?';
        } else {
            if (is_c1 || turns_text(at, length)) memset(at, '?', length);
            at += length;
        }
    }
}

void person_tell(const struct person *person, const char *format, ...) {
    char line[MAX_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    person_make_inert(line);
    person->print(SUDO_CONV_ERROR_MSG, "sudo: %s\n", line);
}

void person_show(const struct person *person, const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) return;
    person_make_inert(copy);
    const size_t length = strlen(copy);
    if (length > 0) person->print(SUDO_CONV_INFO_MSG, "%s%s", copy, copy[length - 1] == '\n' ? "" : "\n");
    free(copy);
}

char *person_ask(const struct person *person, int message_type, const char *prompt) {
    const struct sudo_conv_message message = {.msg_type = message_type, .msg = prompt};
    struct sudo_conv_reply reply = {0};
    return person->converse(1, &message, &reply, NULL) == 0 ? reply.reply : NULL;
}

void person_forget(char *secret) {
    if (secret != NULL) explicit_bzero(secret, strlen(secret));
    free(secret);
}

// With a terminal the answer is shown while it is typed. Without one sudo would read whatever is on standard input, which is
// the command's: so then the question is put as for a password, which sudo reads from there only with -S (or asks by -A).
static int answer_message_type(void) {
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) return SUDO_CONV_PROMPT_ECHO_OFF;
    close(terminal);
    return SUDO_CONV_PROMPT_ECHO_ON;
}

static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

const char *person_pick(const struct reason_wanted *wanted, const char *typed) {
    size_t number = 0;
    typed += strspn(typed, " \t");
    const size_t digits = strspn(typed, "0123456789");
    if (digits == 0 || digits > 3 || typed[0] == '0' || typed[digits + strspn(typed + digits, " \t")] != '\0') return NULL;
    for (size_t index = 0; index < digits; index++) number = number * 10 + (size_t)(typed[index] - '0');
    return number <= wanted->suggestion_count ? wanted->suggestions[number - 1] : NULL;
}

static void show_suggestions(const struct person *person, const struct reason_wanted *wanted) {
    for (size_t index = 0; index < wanted->suggestion_count; index++) {
        person_tell(person, "%3zu  %s", index + 1, wanted->suggestions[index]);
    }
}

bool person_confirm(const struct person *person, const char *prompt) {
    char *typed = person_ask(person, answer_message_type(), prompt);
    if (typed == NULL) return false;
    const char *word = typed + strspn(typed, " \t");
    const size_t length = strcspn(word, " \t");
    const bool is_yes = (length == 1 && strncasecmp(word, "y", 1) == 0) || (length == 3 && strncasecmp(word, "yes", 3) == 0);
    const bool is_alone = word[length + strspn(word + length, " \t")] == '\0';
    person_forget(typed);
    return is_yes && is_alone;
}

char *person_ask_reason(const struct person *person, const struct invocation *invocation, const struct reason_wanted *wanted) {
    const char *given = invocation_variable(invocation, "BELAY_REASON");
    if (given != NULL && given[0] != '\0') return strdup(given);
    if (invocation->non_interactive) {
        person_tell(person, "a reason is required: put it in BELAY_REASON, or leave out -n");
        return NULL;
    }
    const uint32_t minimum = wanted->minimum_length == 0 ? 1 : wanted->minimum_length;
    show_suggestions(person, wanted);
    for (unsigned attempt = 0; attempt < REASON_TRIES; attempt++) {
        char *reason = person_ask(person, answer_message_type(), wanted->prompt[0] == '\0' ? "Reason: " : wanted->prompt);
        if (reason == NULL) break;
        const char *picked = person_pick(wanted, reason);
        if (picked != NULL) {
            person_forget(reason);
            return strdup(picked);
        }
        if (characters(reason) >= minimum) return reason;
        person_tell(person, "the reason needs at least %u characters", (unsigned)minimum);
        person_forget(reason);
    }
    person_tell(person, "no reason was given (it can also be put in BELAY_REASON)");
    return NULL;
}

struct text {
    char *bytes;
    size_t length;
    size_t size;
};

static void append(struct text *text, const char *part, size_t length) {
    if (length >= text->size - text->length) length = text->size - text->length - 1;
    memcpy(text->bytes + text->length, part, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static const char *escape_value(const struct invocation *invocation, char escape, size_t *length) {
    const char *value;
    switch (escape) {
    case 'h':
        *length = strcspn(invocation->host, ".");
        return invocation->host;
    case 'H': value = invocation->host; break;
    case 'p':
    case 'u': value = invocation->user; break;
    case 'U': value = invocation->run_as_user == NULL ? "root" : invocation->run_as_user; break;
    case '%': value = "%"; break;
    default: return NULL;
    }
    *length = strlen(value);
    return value;
}

char *person_password_prompt(const struct invocation *invocation) {
    const char *format = invocation->prompt;
    if (format == NULL) format = invocation_variable(invocation, "SUDO_PROMPT");
    if (format == NULL) format = "[sudo] password for %p: ";
    struct text text = {.bytes = malloc(MAX_LINE), .size = MAX_LINE};
    if (text.bytes == NULL) return NULL;
    text.bytes[0] = '\0';
    while (*format != '\0') {
        size_t length = 0;
        const char *value = format[0] == '%' ? escape_value(invocation, format[1], &length) : NULL;
        if (value != NULL) append(&text, value, length);
        else append(&text, format, 1);
        format += value != NULL ? 2 : 1;
    }
    return text.bytes;
}
