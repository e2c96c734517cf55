// Talking with the person at the keyboard, through sudo's conversation only (so -S, -A and -n work as in sudo).
#ifndef BELAY_PERSON_H
#define BELAY_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sudo_plugin.h>

#include "invocation.h"

struct person {
    sudo_conv_t converse;
    sudo_printf_t print;
};

// One line on stderr, "sudo: " before it. Whatever the parts hold comes out inert.
__attribute__((format(printf, 2, 3))) void person_tell(const struct person *person, const char *format, ...);
// Text on stdout, line feeds kept, inert.
void person_show(const struct person *person, const char *text);
// Makes text harmless for a terminal, in place: no control characters but line feed and tab, only valid UTF-8.
void person_make_inert(char *text);
// Asks one question. NULL when there was no answer (interrupted, no terminal). The caller wipes and frees the answer.
char *person_ask(const struct person *person, int message_type, const char *prompt);
// What belayd says of the reason that it wants.
struct reason_wanted {
    const char *prompt;
    uint32_t minimum_length; // characters
    char *const *suggestions; // shown with numbers from 1
    size_t suggestion_count;
};

// Asks for a reason; the number of a suggestion stands for it. NULL: none was given.
char *person_ask_reason(const struct person *person, const struct invocation *invocation, const struct reason_wanted *wanted);
// The suggestion whose number was typed, spaces around it aside. NULL: it is no such number.
const char *person_pick(const struct reason_wanted *wanted, const char *typed);
// Asks for a yes. Anything else, and no answer, is a no.
bool person_confirm(const struct person *person, const char *prompt);
// The password prompt that -p, SUDO_PROMPT or the default make, expanded as sudo does. The caller frees it.
char *person_password_prompt(const struct invocation *invocation);
void person_forget(char *secret);

#endif
