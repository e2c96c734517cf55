#include "pam.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWORD_TRIES = 3 };

// Loaded when the first command needs it: where PAM is switched off nobody waits for it, elsewhere it loads while belayd decides.
static struct {
    __typeof__(pam_start) *start;
    __typeof__(pam_end) *end;
    __typeof__(pam_set_item) *set_item;
    __typeof__(pam_authenticate) *authenticate;
    __typeof__(pam_acct_mgmt) *acct_mgmt;
    __typeof__(pam_chauthtok) *chauthtok;
    __typeof__(pam_setcred) *setcred;
    __typeof__(pam_open_session) *open_session;
    __typeof__(pam_close_session) *close_session;
    __typeof__(pam_getenvlist) *getenvlist;
    __typeof__(pam_strerror) *strerror;
} library;

static bool load_library(void) {
    static const struct {
        const char *name;
        void *into;
    } functions[] = {
        {"pam_start", &library.start}, {"pam_end", &library.end}, {"pam_set_item", &library.set_item},
        {"pam_authenticate", &library.authenticate}, {"pam_acct_mgmt", &library.acct_mgmt}, {"pam_chauthtok", &library.chauthtok},
        {"pam_setcred", &library.setcred}, {"pam_open_session", &library.open_session},
        {"pam_close_session", &library.close_session}, {"pam_getenvlist", &library.getenvlist}, {"pam_strerror", &library.strerror},
    };
    static bool is_loaded;
    if (is_loaded) return true;
    void *loaded = dlopen("libpam.so.0", RTLD_NOW | RTLD_LOCAL);
    for (size_t index = 0; loaded != NULL && index < sizeof functions / sizeof functions[0]; index++) {
        void *function = dlsym(loaded, functions[index].name);
        if (function == NULL) return false;
        memcpy(functions[index].into, &function, sizeof function);
    }
    is_loaded = loaded != NULL;
    return is_loaded;
}

static bool is_password_prompt(const char *text) {
    return strcmp(text, "Password:") == 0 || strcmp(text, "Password: ") == 0;
}

static bool is_users_password_prompt(const char *text, const char *user) {
    const size_t length = strlen(user);
    return strncmp(text, user, length) == 0 && strncmp(text + length, "'s Password:", 12) == 0;
}

// A module's plain password prompt is replaced by sudo's; any other question (a one-time code) is asked as it is.
static const char *choose_prompt(const struct pam *pam, const char *text) {
    if (pam->prompt == NULL || is_password_prompt(pam->prompt)) return text;
    return is_password_prompt(text) || is_users_password_prompt(text, pam->invocation->user) ? pam->prompt : text;
}

static void tell_module_text(const struct pam *pam, int type, const char *text) {
    char *copy = text == NULL ? NULL : strdup(text);
    if (copy == NULL) return;
    person_make_inert(copy);
    pam->person->print(type | SUDO_CONV_PREFER_TTY, "%s\n", copy);
    free(copy);
}

static bool answer(struct pam *pam, const struct pam_message *message, struct pam_response *response) {
    switch (message->msg_style) {
    case PAM_PROMPT_ECHO_ON:
    case PAM_PROMPT_ECHO_OFF: {
        if (pam->interrupted || pam->invocation->non_interactive) break;
        const int type = message->msg_style == PAM_PROMPT_ECHO_ON ? SUDO_CONV_PROMPT_ECHO_ON : SUDO_CONV_PROMPT_ECHO_OFF;
        response->resp = person_ask(pam->person, type, choose_prompt(pam, message->msg == NULL ? "" : message->msg));
        if (response->resp == NULL) break;
        return strlen(response->resp) < PAM_MAX_RESP_SIZE;
    }
    case PAM_TEXT_INFO:
        tell_module_text(pam, SUDO_CONV_INFO_MSG, message->msg);
        return true;
    case PAM_ERROR_MSG:
        tell_module_text(pam, SUDO_CONV_ERROR_MSG, message->msg);
        return true;
    default:
        return false;
    }
    pam->interrupted = true;
    return false;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **answers, void *data) {
    if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
    struct pam_response *responses = calloc((size_t)count, sizeof *responses);
    if (responses == NULL) return PAM_BUF_ERR;
    bool answered = true;
    for (int index = 0; index < count && answered; index++) answered = answer(data, messages[index], &responses[index]);
    if (answered) {
        *answers = responses;
        return PAM_SUCCESS;
    }
    for (int index = 0; index < count; index++) person_forget(responses[index].resp);
    free(responses);
    return PAM_CONV_ERR;
}

void pam_begin(struct pam *pam, const struct person *person, const struct invocation *invocation) {
    *pam = (struct pam){.person = person, .invocation = invocation};
}

static int load(struct pam *pam) {
    if (pam->handle != NULL) return PAM_SUCCESS;
    if (!load_library()) return PAM_OPEN_ERR;
    const struct pam_conv conversation = {converse, pam};
    // Debian ships a service of its own for login shells.
    const char *service = pam->invocation->login_shell ? "sudo-i" : "sudo";
    const int result = library.start(service, pam->invocation->user, &conversation, &pam->handle);
    if (result != PAM_SUCCESS) {
        pam->handle = NULL;
        return result;
    }
    library.set_item(pam->handle, PAM_RUSER, pam->invocation->user);
    if (pam->invocation->terminal[0] != '\0') library.set_item(pam->handle, PAM_TTY, pam->invocation->terminal);
    return PAM_SUCCESS;
}

void pam_load(struct pam *pam) {
    (void)load(pam);
}

static bool start(struct pam *pam) {
    const int result = load(pam);
    if (result == PAM_OPEN_ERR) person_tell(pam->person, "PAM cannot be loaded. Tell IT");
    else if (result != PAM_SUCCESS) person_tell(pam->person, "PAM does not start: %s", library.strerror(NULL, result));
    return result == PAM_SUCCESS;
}

static bool is_wrong_password(int result) {
    return result == PAM_AUTH_ERR || result == PAM_AUTHINFO_UNAVAIL || result == PAM_MAXTRIES || result == PAM_PERM_DENIED;
}

static enum authentication try_passwords(struct pam *pam, uint32_t *attempts) {
    for (*attempts = 0; *attempts < PASSWORD_TRIES;) {
        const int result = library.authenticate(pam->handle, PAM_SILENT);
        if (result == PAM_SUCCESS && !pam->interrupted) {
            ++*attempts;
            return AUTHENTICATION_SUCCEEDED;
        }
        if (pam->interrupted) {
            if (pam->invocation->non_interactive) person_tell(pam->person, "a password is required");
            else if (*attempts == 0) person_tell(pam->person, "a password is required, and none was given");
            // Wrong ones before the interruption stay wrong ones.
            return *attempts == 0 ? AUTHENTICATION_CANCELLED : AUTHENTICATION_FAILED;
        }
        ++*attempts;
        if (!is_wrong_password(result)) {
            person_tell(pam->person, "PAM authentication error: %s", library.strerror(pam->handle, result));
            return AUTHENTICATION_FAILED;
        }
        if (*attempts < PASSWORD_TRIES) pam->person->print(SUDO_CONV_ERROR_MSG, "Sorry, try again.\n");
    }
    person_tell(pam->person, "%u incorrect password attempts", (unsigned)*attempts);
    return AUTHENTICATION_FAILED;
}

enum authentication pam_authenticate_requester(struct pam *pam, uint32_t *attempts) {
    *attempts = 0;
    if (!start(pam)) return AUTHENTICATION_FAILED;
    char *prompt = person_password_prompt(pam->invocation);
    pam->prompt = prompt;
    const enum authentication result = try_passwords(pam, attempts);
    pam->prompt = NULL;
    free(prompt);
    return result;
}

bool pam_check_account(struct pam *pam) {
    if (!start(pam)) return false;
    int result = library.acct_mgmt(pam->handle, PAM_SILENT);
    if (result == PAM_SUCCESS) return true;
    // As in stock sudo, root is not held by an expired password.
    if (pam->invocation->real_uid == 0 && (result == PAM_NEW_AUTHTOK_REQD || result == PAM_AUTHTOK_EXPIRED)) return true;
    if (result == PAM_NEW_AUTHTOK_REQD) {
        person_tell(pam->person, "your password has expired: choose a new one");
        result = library.chauthtok(pam->handle, PAM_CHANGE_EXPIRED_AUTHTOK);
        if (result == PAM_SUCCESS) return true;
    }
    person_tell(pam->person, "your account cannot be used now: %s. Ask IT", library.strerror(pam->handle, result));
    return false;
}

bool pam_open_for(struct pam *pam, const char *user) {
    if (!start(pam)) return false;
    library.set_item(pam->handle, PAM_USER, user);
    // Stock sudo goes on without credentials: one module of several may not know the user.
    pam->credentials_set = library.setcred(pam->handle, PAM_REINITIALIZE_CRED) == PAM_SUCCESS;
    const bool is_shell = pam->invocation->run_shell || pam->invocation->login_shell;
    const int result = library.open_session(pam->handle, is_shell ? 0 : PAM_SILENT);
    pam->session_open = result == PAM_SUCCESS;
    // As in stock sudo: a session that could not be opened is no reason to refuse, any other failure is.
    if (result == PAM_SUCCESS || result == PAM_SESSION_ERR) return true;
    person_tell(pam->person, "PAM refuses a session for %s: %s", user, library.strerror(pam->handle, result));
    return false;
}

char **pam_environment(struct pam *pam) {
    return pam->handle == NULL ? NULL : library.getenvlist(pam->handle);
}

void pam_finish(struct pam *pam) {
    if (pam->handle == NULL) return;
    if (pam->session_open) library.close_session(pam->handle, PAM_SILENT);
    if (pam->credentials_set) library.setcred(pam->handle, PAM_DELETE_CRED | PAM_SILENT);
    library.end(pam->handle, PAM_SUCCESS | PAM_DATA_SILENT);
    pam->handle = NULL;
    pam->session_open = false;
    pam->credentials_set = false;
}
