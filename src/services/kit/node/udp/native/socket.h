/**
 * The batch add-on: UDP sockets that receive and send up to 64 datagrams per system call, for Node and Electron on Linux.
 *
 *     kernel ── recvmmsg ──▶ slab ── one call of JavaScript ──▶ slab ── sendmmsg ──▶ kernel
 *
 * All sockets of an environment (a Node process or a worker) share one slab of memory, which JavaScript sees as typed arrays: received
 * datagrams, space to reply to each in place, and space for datagrams to send. No object is created per datagram.
 *
 * It uses Node-API 8 and libuv's uv_poll and nothing else of Node, so one binary serves Node 16 and later, and Electron. The slab comes
 * from napi_create_arraybuffer, since Electron forbids array buffers over memory allocated elsewhere.
 *
 *     module.c    the functions that JavaScript calls; every argument is checked
 *     socket.c    opens, polls and closes
 *     receive.c   from the kernel to the receiver, and its in-place replies back
 *     outbox.c    sends
 */
#ifndef HAMLET_SOCKET_H
#define HAMLET_SOCKET_H

#include <netinet/in.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "outbox.h"
#include "uv-poll.h"

/** The longest in-place reply: REPLY_BYTES_MAX of door.ts. */
#define REPLY_BYTES_MAX 1232
/** The most datagrams per call of the receiver: more than BATCH_MAX, since the system may join them (UDP_GRO). */
#define DELIVERED_MAX 1024
#define SEND_BYTES (256 * 1024)
/** Fits the largest datagram. The system backs only the pages that were touched: one per slot where datagrams are small. */
#define SLOT_BYTES 65536

struct slab {
  struct path received_paths[BATCH_MAX]; /* by slot */
  uint32_t slots[DELIVERED_MAX];         /* of datagram i: its slot … */
  uint32_t offsets[DELIVERED_MAX];       /* … its offset in `datagrams` … */
  uint32_t lengths[DELIVERED_MAX];       /* … and its length */
  uint32_t reply_lengths[BATCH_MAX];
  struct path send_paths[BATCH_MAX];
  uint32_t send_offsets[BATCH_MAX];
  uint32_t send_lengths[BATCH_MAX];
  uint8_t replies[BATCH_MAX * REPLY_BYTES_MAX];
  uint8_t send_bytes[SEND_BYTES];
  uint8_t datagrams[BATCH_MAX * SLOT_BYTES];
};

struct socket;

/** One per environment. */
struct addon {
  napi_env env;
  uv_loop_t *loop;
  napi_ref buffer;
  napi_async_context context;
  napi_async_cleanup_hook_handle ending;
  struct socket *sockets; /* the open ones */
  unsigned handles;       /* libuv handles that are not closed yet */
  struct mmsghdr messages[BATCH_MAX];
  struct iovec pieces[BATCH_MAX];
  struct {
    _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
  } controls[BATCH_MAX];
};

struct socket {
  struct addon *addon;
  struct socket *next, **link;
  uv_poll_t *poll; /* NULL once closed */
  int events;      /* what libuv polls for */
  struct outbox outbox;
  sa_family_t family;
  bool packet_info, coalesces;
  bool paused; /* reads nothing for now */
  napi_ref receiver;
  unsigned owners; /* libuv's handle and JavaScript's object: the last one frees the socket */
};

/** Socket options, the same as in batch-add-on.ts. */
enum { BROADCAST = 1, SHARE_PORT = 2, PACKET_INFO = 4, COALESCE = 8 };

/**
 * Opens a socket, bound to `local` and, unless NULL, connected to `peer`; it is not polled yet. Returns NULL if the system refuses: then
 * *failed names the call and errno says why.
 */
struct socket *socket_open(struct addon *addon, const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer, uint32_t options, const char *interface_name, const char **failed);
/** Polls for datagrams unless paused, and for writability while datagrams are queued. */
void socket_listen(struct socket *socket);
/** Closes the socket. Closing twice is allowed. */
void socket_close(struct socket *socket);
/** Drops one owner; the last one frees the socket. */
void socket_disown(struct socket *socket);
/** Closes all sockets of an environment that is shutting down; its loop may end once libuv has released them. */
void addon_end(napi_async_cleanup_hook_handle hook, void *addon);
/** The slab, looked up each time: NULL if a script has transferred the buffer, and its memory, away. */
struct slab *slab_of(struct addon *addon);
/** Receives what is waiting, in a few rounds at most, and delivers it to the receiver. */
void receive(struct socket *socket);
/** Resets the messages of the first `count` slots for the next datagrams. */
void make_ready(struct addon *addon, unsigned count);

#endif
