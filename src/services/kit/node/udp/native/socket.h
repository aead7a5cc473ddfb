/**
 * The batch add-on: UDP sockets that receive and send up to 64 datagrams with one system call, for Node and Electron on Linux.
 *
 *     kernel ── recvmmsg ──▶ slab ── one call of JavaScript ──▶ slab ── sendmmsg ──▶ kernel
 *
 * All sockets of an environment (a Node process, a worker) share one slab of memory, which JavaScript sees as typed arrays: datagrams
 * that came, room to answer each in place, and room for others to send. No object is made for a datagram.
 *
 * Node-API 8 and libuv's uv_poll, nothing else of Node: one binary serves Node 16 and newer, and Electron. The slab is made by
 * napi_create_arraybuffer, as Electron forbids buffers over memory of one's own.
 *
 *     module.c    what JavaScript calls; every argument is checked
 *     socket.c    opening and closing
 *     receive.c   from the kernel to the receiver, and its answers in place back
 *     outbox.c    sending
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

/** Room for an answer in place: REPLY_BYTES_MAX of door.ts. */
#define REPLY_BYTES_MAX 1232
/** Datagrams told to JavaScript at once: more than BATCH_MAX where the system joins them (UDP_GRO). */
#define TOLD_MAX 1024
#define SEND_BYTES (256 * 1024)
/** Room for the largest datagram there is. The system backs only the pages that were touched: one a slot where datagrams are small. */
#define SLOT_BYTES 65536

struct slab {
  struct way came[BATCH_MAX];          /* by slot */
  uint32_t slots[TOLD_MAX];            /* of datagram i: its slot … */
  uint32_t offsets[TOLD_MAX];          /* … where it begins in datagrams … */
  uint32_t lengths[TOLD_MAX];          /* … and its bytes */
  uint32_t reply_lengths[BATCH_MAX];
  struct way goes[BATCH_MAX];
  uint32_t send_offsets[BATCH_MAX];
  uint32_t send_lengths[BATCH_MAX];
  uint8_t replies[BATCH_MAX * REPLY_BYTES_MAX];
  uint8_t send[SEND_BYTES];
  uint8_t datagrams[BATCH_MAX * SLOT_BYTES];
};

struct socket;

/** One for each environment. */
struct addon {
  napi_env env;
  uv_loop_t *loop;
  napi_ref buffer;
  napi_async_context context;
  napi_async_cleanup_hook_handle ending;
  struct socket *sockets; /* open ones */
  unsigned handles;       /* of libuv, that are not closed yet */
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
  int events;      /* that libuv polls for */
  struct outbox outbox;
  sa_family_t family;
  bool tells_interface, coalesces;
  bool rests; /* reads nothing for the time being */
  napi_ref receiver;
  unsigned owners; /* the handle of libuv and the object of JavaScript: the last one frees */
};

/** Options of a socket; batch-add-on.ts has the same. */
enum { BROADCAST = 1, SHARE_PORT = 2, TELL_INTERFACE = 4, COALESCE = 8 };

/**
 * Opens a socket, bound to `local` and, unless NULL, connected to `peer`; it does not listen yet. NULL where the system refuses: then
 * *failed names the call, and errno says why.
 */
struct socket *socket_open(struct addon *addon, const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer, uint32_t options, const char *interface_name, const char **failed);
/** Waits for datagrams unless it rests, and for room where some wait to leave. */
void socket_listen(struct socket *socket);
/** Receives and sends no more. Closing twice is fine. */
void socket_close(struct socket *socket);
/** One owner less; the last one frees. */
void socket_disown(struct socket *socket);
/** Closes all sockets of an environment that ends; its loop may end once libuv has let go of them. */
void addon_end(napi_async_cleanup_hook_handle hook, void *addon);
/** The slab, asked for anew each time: a script could have transferred the buffer away, and the memory with it. NULL then. */
struct slab *slab_of(struct addon *addon);
/** Receives what waits, a few rounds at most, and tells the receiver. */
void receive(struct socket *socket);
/** Makes the messages of the first `count` slots ready for the next datagrams. */
void make_ready(struct addon *addon, unsigned count);

#endif
