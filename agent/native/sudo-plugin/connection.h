// The socket to belayd. Every call ends by its deadline, except while a human is being waited for elsewhere.
#ifndef BELAY_CONNECTION_H
#define BELAY_CONNECTION_H

#include <stdbool.h>

#include "frames.h"

#ifndef BELAY_SOCKET_PARENT
#define BELAY_SOCKET_PARENT "/run"
#endif
#define BELAY_SOCKET_FOLDER BELAY_SOCKET_PARENT "/belay"
#define BELAY_SOCKET BELAY_SOCKET_FOLDER "/belayd.sock"

// An answer that needs no human comes within 2 s; later is silence.
enum { CONNECTION_TIMEOUT_MS = 3000, PROTOCOL_VERSION = 1 };

struct connection {
    int fd;         // -1: closed
    int timeout_ms; // for each step; 0: CONNECTION_TIMEOUT_MS
};

// Connects and checks that the other side is root. False: closed again.
bool connection_open(struct connection *connection);
// Waits for belayd's Hello: from then on it knows who this process is. False: closed.
bool connection_greeted(struct connection *connection, struct hello *hello);
void connection_close(struct connection *connection);
// Sends a frame and wipes and frees it. False: closed.
bool connection_send(struct connection *connection, struct wire_writer *frame);
// Waits for one frame. False: closed. The caller frees the frame.
bool connection_receive(struct connection *connection, struct server_frame *frame);
// A copy of belayd's descriptor `number`, close-on-exec, or -1.
int connection_take_descriptor(const struct connection *connection, int number);

#endif
