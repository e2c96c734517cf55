#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    SEAL_AFTER = 16 * 1024,   // bytes
    LARGEST_PIECE = 64 * 1024, // bytes of one frame
    LENGTH_BYTES = 4,
    LONGEST_HEAD = LENGTH_BYTES + 1 + 10, // length, kind, time
    // Kept free, of the limit and on the disk, for what ends a recording: cut, seal, end, seal.
    SLACK = 512,
    RESERVE = 256 * 1024, // bytes, each time
};

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// The caller's limit of file sizes is in force at times, and a recording is as long as belayd says. What was in force; the command
// is started with that. Where root may not lift it, what is too long is an error like a full disk, and not the end of sudo.
static struct rlimit lift_limit(void) {
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit before = none;
    if (getrlimit(RLIMIT_FSIZE, &before) == 0 && before.rlim_cur != RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &none) != 0) signal(SIGXFSZ, SIG_IGN);
    return before;
}

static void restore_limit(const struct rlimit *before) {
    if (before->rlim_cur == RLIM_INFINITY) return;
    setrlimit(RLIMIT_FSIZE, before);
    signal(SIGXFSZ, SIG_DFL);
}

static void begin_block(struct recording *recording) {
    sha256_begin(&recording->block);
    sha256_add(&recording->block, recording->sealed, sizeof recording->sealed);
    recording->block_length = 0;
}

// So that there is room for the end, whatever comes. Where a file system cannot set room aside, its own answer to each write counts.
static bool reserve(struct recording *recording, uint64_t length) {
    if (recording->length + length + SLACK <= recording->reserved) return true;
    const int failed = fallocate(recording->fd, FALLOC_FL_KEEP_SIZE, (off_t)recording->length, RESERVE) != 0 ? errno : 0;
    // A full disk may still have room for this one.
    const bool some = failed == ENOSPC && fallocate(recording->fd, FALLOC_FL_KEEP_SIZE, (off_t)recording->length, (off_t)(length + SLACK)) == 0;
    if (failed == 0) recording->reserved = recording->length + RESERVE;
    else if (some) recording->reserved = recording->length + length + SLACK;
    return failed == 0 || some || failed == EOPNOTSUPP || failed == ENOSYS;
}

static bool reserve_first(struct recording *recording) {
    const struct rlimit before = lift_limit();
    const bool reserved = reserve(recording, 0);
    restore_limit(&before);
    return reserved;
}

bool recording_begin(struct recording *recording, int fd, const struct launch_recording *launch) {
    struct stat status;
    *recording = (struct recording){.fd = fd, .must = launch->must, .limit = launch->limit, .length = launch->length};
    memcpy(recording->sealed, launch->sealed, sizeof recording->sealed);
    // Nothing but the file that belayd made: root's, a file, and appended to.
    const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    const bool is_it = flags >= 0 && (flags & O_APPEND) != 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
                       status.st_size >= 0 && (uint64_t)status.st_size == launch->length && launch->length + SLACK < launch->limit;
    if (is_it && reserve_first(recording)) {
        recording->begun_us = recording->last_us = now_us();
        begin_block(recording);
        return true;
    }
    recording_close(recording);
    return false;
}

static size_t put_head(uint8_t head[LONGEST_HEAD], enum recorded_kind kind, uint64_t elapsed_us, size_t length) {
    size_t at = LENGTH_BYTES;
    head[at++] = (uint8_t)kind;
    for (; elapsed_us >= 0x80; elapsed_us >>= 7) head[at++] = (uint8_t)(elapsed_us | 0x80);
    head[at++] = (uint8_t)elapsed_us;
    const size_t total = at - LENGTH_BYTES + length;
    for (unsigned index = 0; index < LENGTH_BYTES; index++) head[index] = (uint8_t)(total >> (8 * (LENGTH_BYTES - 1 - index)));
    return at;
}

// All or, as far as the file goes, nothing.
static bool append(struct recording *recording, const void *head, size_t head_length, const void *bytes, size_t length) {
    struct iovec parts[2] = {{(void *)(uintptr_t)head, head_length}, {(void *)(uintptr_t)bytes, length}};
    struct iovec *part = parts;
    size_t left = head_length + length;
    while (left > 0) {
        ssize_t written = writev(recording->fd, part, (int)(parts + 2 - part));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            if (ftruncate(recording->fd, (off_t)recording->length) != 0) { /* the reader names what is cut short */ }
            return false;
        }
        left -= (size_t)written;
        for (; part < parts + 2 && (size_t)written >= part->iov_len; part++) written -= (ssize_t)part->iov_len;
        if (part == parts + 2) break;
        part->iov_base = (char *)part->iov_base + written;
        part->iov_len -= (size_t)written;
    }
    recording->length += head_length + length;
    return true;
}

static bool put(struct recording *recording, enum recorded_kind kind, const void *bytes, size_t length) {
    uint8_t head[LONGEST_HEAD];
    // A seal has no time of its own: nothing would vouch for it.
    const uint64_t now = kind == RECORDED_SEAL ? recording->last_us : now_us();
    const size_t head_length = put_head(head, kind, now - recording->last_us, length);
    if (!append(recording, head, head_length, bytes, length)) return false;
    recording->last_us = now;
    if (kind == RECORDED_SEAL) return true;
    sha256_add(&recording->block, head, head_length);
    sha256_add(&recording->block, bytes, length);
    recording->block_length += head_length + length;
    return true;
}

// What the file would be sealed with now.
static void hash_of(const struct recording *recording, uint8_t hash[SHA256_BYTES]) {
    struct sha256 copy = recording->block;
    if (recording->block_length == 0) memcpy(hash, recording->sealed, SHA256_BYTES);
    else sha256_end(&copy, hash);
}

static bool seal(struct recording *recording) {
    uint8_t hash[SHA256_BYTES];
    if (recording->block_length == 0) return true;
    hash_of(recording, hash);
    if (!put(recording, RECORDED_SEAL, hash, sizeof hash)) return false;
    memcpy(recording->sealed, hash, sizeof hash);
    begin_block(recording);
    return true;
}

static bool stop(struct recording *recording, enum cut cut) {
    const uint8_t why = (uint8_t)cut;
    recording->stopped = true;
    recording->cut = cut;
    // There is room for it; where the disk has gone bad, the outcome says it alone.
    if (put(recording, RECORDED_CUT, &why, sizeof why)) seal(recording);
    return !recording->must;
}

static bool add_piece(struct recording *recording, enum recorded_kind kind, const void *bytes, size_t length) {
    const size_t needed = LONGEST_HEAD + length;
    if (recording->length + needed + SLACK > recording->limit) return stop(recording, CUT_LIMIT);
    if (!reserve(recording, needed) || !put(recording, kind, bytes, length)) return stop(recording, CUT_UNWRITABLE);
    return recording->block_length < SEAL_AFTER || seal(recording) || stop(recording, CUT_UNWRITABLE);
}

static bool add_all(struct recording *recording, enum recorded_kind kind, const uint8_t *at, size_t length) {
    do {
        if (recording->stopped) return !recording->must;
        const size_t piece = length < LARGEST_PIECE ? length : LARGEST_PIECE;
        if (!add_piece(recording, kind, at, piece)) return false;
        at += piece;
        length -= piece;
    } while (length > 0);
    return true;
}

bool recording_add(struct recording *recording, enum recorded_kind kind, const void *bytes, size_t length) {
    if (recording->fd < 0) return true;
    const struct rlimit before = lift_limit();
    const bool goes_on = add_all(recording, kind, bytes, length);
    restore_limit(&before);
    recording->hides = false;
    return goes_on;
}

bool recording_hide(struct recording *recording) {
    if (recording->hides) return true;
    const bool goes_on = recording_add(recording, RECORDED_HIDDEN, "", 0);
    recording->hides = true;
    return goes_on;
}

static void put_number(uint8_t bytes[4], int value) {
    for (unsigned index = 0; index < 4; index++) bytes[index] = (uint8_t)((uint32_t)value >> (8 * (3 - index)));
}

void recording_end(struct recording *recording, int status, int error, struct recorded *recorded) {
    uint8_t end[8];
    if (recording->fd < 0) return;
    const struct rlimit before = lift_limit();
    put_number(end, status);
    put_number(end + 4, error);
    if (!put(recording, RECORDED_END, end, sizeof end) || !seal(recording)) recording->cut = recording->cut == CUT_NONE ? CUT_UNWRITABLE : recording->cut;
    // Gives back what was set aside.
    if (ftruncate(recording->fd, (off_t)recording->length) != 0) { /* harmless */ }
    if (fdatasync(recording->fd) != 0 && recording->cut == CUT_NONE) recording->cut = CUT_UNWRITABLE;
    restore_limit(&before);
    hash_of(recording, recorded->hash);
    recorded->present = true;
    recorded->length = recording->length;
    recorded->duration_us = recording->last_us - recording->begun_us;
    recorded->cut = recording->cut;
    recording_close(recording);
}

void recording_close(struct recording *recording) {
    if (recording->fd >= 0) close(recording->fd);
    recording->fd = -1;
}
