#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// Those that sudo 1.9.13 puts back (src/limits.c, saved_limits), in the order of `caller_limit`.
static const struct {
    const char *name;
    int resource;
} LIMITS[LIMIT_COUNT] = {
    {"rlimit_as", RLIMIT_AS}, {"rlimit_core", RLIMIT_CORE}, {"rlimit_cpu", RLIMIT_CPU}, {"rlimit_data", RLIMIT_DATA},
    {"rlimit_fsize", RLIMIT_FSIZE}, {"rlimit_locks", RLIMIT_LOCKS}, {"rlimit_memlock", RLIMIT_MEMLOCK},
    {"rlimit_nofile", RLIMIT_NOFILE}, {"rlimit_nproc", RLIMIT_NPROC}, {"rlimit_rss", RLIMIT_RSS}, {"rlimit_stack", RLIMIT_STACK},
};

static bool parse_value(const char **text, rlim_t *value) {
    static const char infinity[] = "infinity";
    if (strncmp(*text, infinity, sizeof infinity - 1) == 0) {
        *value = RLIM_INFINITY;
        *text += sizeof infinity - 1;
        return true;
    }
    char *end;
    *value = strtoull(*text, &end, 10);
    const bool has_digits = end != *text && **text >= '0' && **text <= '9';
    *text = end;
    return has_digits;
}

static bool parse(const char *text, struct rlimit *limit) {
    return text != NULL && parse_value(&text, &limit->rlim_cur) && *text++ == ',' && parse_value(&text, &limit->rlim_max) && *text == '\0';
}

void limits_become_callers(const struct invocation *invocation) {
    struct rlimit limit;
    for (size_t index = 0; index < LIMIT_COUNT; index++) {
        if (parse(invocation->limits[index], &limit)) setrlimit(LIMITS[index].resource, &limit);
    }
}

static void write_value(char *text, size_t size, rlim_t value) {
    if (value == RLIM_INFINITY) snprintf(text, size, "infinity");
    else snprintf(text, size, "%llu", (unsigned long long)value);
}

bool limits_changed(const struct invocation *invocation, size_t index, char *entry, size_t size) {
    struct rlimit callers;
    struct rlimit now;
    char soft[24];
    char hard[24];
    if (!parse(invocation->limits[index], &callers) || getrlimit(LIMITS[index].resource, &now) != 0) return false;
    if (now.rlim_cur == callers.rlim_cur && now.rlim_max == callers.rlim_max) return false;
    write_value(soft, sizeof soft, now.rlim_cur);
    write_value(hard, sizeof hard, now.rlim_max);
    snprintf(entry, size, "%s=%s,%s", LIMITS[index].name, soft, hard);
    return true;
}

bool limits_note_callers(struct invocation *invocation, const char *entry) {
    for (size_t index = 0; index < LIMIT_COUNT; index++) {
        const size_t length = strlen(LIMITS[index].name);
        if (strncmp(entry, LIMITS[index].name, length) != 0 || entry[length] != '=') continue;
        invocation->limits[index] = entry + length + 1;
        return true;
    }
    return false;
}
