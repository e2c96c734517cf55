// PAM in sudo's own process, in the order of stock sudo 1.9.13 (plugins/sudoers/auth/pam.c): authentication and account for
// the requester, then credentials and session for the target.
#ifndef BELAY_PAM_H
#define BELAY_PAM_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "person.h"

struct pam {
    const struct person *person;
    const struct invocation *invocation;
    pam_handle_t *handle; // NULL: not started
    bool interrupted;     // no password could be had
    bool session_open;
    bool credentials_set;
    const char *prompt;
};

void pam_begin(struct pam *pam, const struct person *person, const struct invocation *invocation);
// Loads PAM's modules, which asks and changes nothing. What goes wrong shows, and is told, when PAM is needed.
void pam_load(struct pam *pam);
// Up to three passwords. Tells the person what went wrong.
enum authentication pam_authenticate_requester(struct pam *pam, uint32_t *attempts);
// Whether the requester's account may be used now.
bool pam_check_account(struct pam *pam);
// Credentials and session for `user`. False when the session module refuses.
bool pam_open_for(struct pam *pam, const char *user);
// What PAM wants in the command's environment: a malloc'd, NULL-ended list, or NULL.
char **pam_environment(struct pam *pam);
// Closes the session, deletes the credentials, ends PAM; each only where begun.
void pam_finish(struct pam *pam);

#endif
