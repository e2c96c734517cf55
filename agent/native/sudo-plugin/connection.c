#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif

// Most answers come within two milliseconds. A processor that sleeps so long wakes slowly and with nothing in its caches, and what
// waits for it is the command: so for this long the wait is awake, and any other process that wants the processor goes first.
enum { AWAKE_MS = 3, TAKEN_US = 30 };

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_ms(void) {
    return now_us() / 1000;
}

// True: somebody else has had this processor.
static bool give_way(void) {
    const int64_t before_us = now_us();
    sched_yield();
    return now_us() - before_us > TAKEN_US;
}

// Signals (the user's Ctrl-C, noted by sudo's own handlers) do not cut a wait short: it is short anyway.
static bool wait_for(int fd, short events, int64_t deadline_ms) {
    for (;;) {
        const int64_t left = deadline_ms - now_ms();
        if (left <= 0) return false;
        struct pollfd entry = {.fd = fd, .events = events};
        const int ready = poll(&entry, 1, (int)left);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

static bool is_roots_folder(int fd) {
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0 && (status.st_mode & 022) == 0;
}

// SECURITY(T-10): nobody but root can have put the socket where it is, or could have replaced it before this.
static bool is_roots_path(void) {
    const int parent = open(BELAY_SOCKET_PARENT, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int folder = parent < 0 ? -1 : openat(parent, "belay", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const bool is_roots = is_roots_folder(parent) && is_roots_folder(folder);
    if (folder >= 0) close(folder);
    if (parent >= 0) close(parent);
    return is_roots;
}

static bool is_roots_peer(int fd) {
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
}

static bool connect_socket(int fd, int64_t deadline_ms) {
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = BELAY_SOCKET};
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    while (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EISCONN) break;
        // A full backlog: there is nothing to poll for on a Unix socket.
        if (errno != EAGAIN && errno != EINTR) return false;
        if (now_ms() >= deadline_ms) return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static int64_t deadline_of(const struct connection *connection) {
    return now_ms() + (connection->timeout_ms > 0 ? connection->timeout_ms : CONNECTION_TIMEOUT_MS);
}

bool connection_greeted(struct connection *connection, struct hello *hello) {
    struct server_frame frame;
    if (!connection_receive(connection, &frame)) return false;
    const bool is_hello = frame.kind == FRAME_HELLO && frame.hello.protocol == PROTOCOL_VERSION;
    *hello = frame.hello;
    frame_free(&frame);
    if (!is_hello) connection_close(connection);
    return is_hello;
}

// SECURITY(T-10): looked at once it is connected, as belayd wakes meanwhile, and before anything is sent or believed.
bool connection_open(struct connection *connection) {
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0) return false;
    if (connect_socket(connection->fd, deadline_of(connection)) && is_roots_peer(connection->fd) && is_roots_path()) return true;
    connection_close(connection);
    return false;
}

void connection_close(struct connection *connection) {
    if (connection->fd >= 0) close(connection->fd);
    connection->fd = -1;
}

static bool send_all(int fd, const uint8_t *bytes, size_t length, int64_t deadline_ms) {
    while (length > 0) {
        const ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        } else if (!wait_for(fd, POLLOUT, deadline_ms)) {
            return false;
        }
    }
    return true;
}

bool connection_send(struct connection *connection, struct wire_writer *frame) {
    const bool sent = connection->fd >= 0 &&
                      send_all(connection->fd, frame->bytes, frame->length, deadline_of(connection));
    wire_writer_free(frame);
    if (!sent) connection_close(connection);
    return sent;
}

static bool receive_all(int fd, uint8_t *bytes, size_t length, int64_t deadline_ms) {
    const int64_t awake_until_ms = now_ms() + AWAKE_MS;
    bool alone = true;
    while (length > 0) {
        const ssize_t received = recv(fd, bytes, length, MSG_DONTWAIT);
        if (received > 0) {
            bytes += received;
            length -= (size_t)received;
        } else if (received == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        } else if (alone && now_ms() < awake_until_ms) {
            // If it was belayd, then when it is back from the disk it would wait until the kernel takes the processor from here.
            alone = !give_way();
        } else if (!wait_for(fd, POLLIN, deadline_ms)) {
            return false;
        }
    }
    return true;
}

bool connection_receive(struct connection *connection, struct server_frame *frame) {
    const int64_t deadline_ms = deadline_of(connection);
    uint8_t header[FRAME_HEADER_BYTES];
    uint8_t *body = NULL;
    bool decoded = false;
    memset(frame, 0, sizeof *frame);
    if (connection->fd >= 0 && receive_all(connection->fd, header, sizeof header, deadline_ms)) {
        const size_t length = frame_body_length(header);
        body = length == 0 ? NULL : malloc(length);
        decoded = body != NULL && receive_all(connection->fd, body, length, deadline_ms) && frame_decode(body, length, frame);
    }
    free(body);
    if (!decoded) connection_close(connection);
    return decoded;
}

static int peer_pidfd(int fd) {
    int pidfd = -1;
    socklen_t length = sizeof pidfd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0) return pidfd;
    struct ucred peer;
    length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

int connection_take_descriptor(const struct connection *connection, int number) {
    const int pidfd = connection->fd < 0 ? -1 : peer_pidfd(connection->fd);
    if (pidfd < 0) return -1;
    const int taken = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    close(pidfd);
    return taken;
}
