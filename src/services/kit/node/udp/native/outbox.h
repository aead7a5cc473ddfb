/**
 * Sending datagrams, many with one system call. Knows sockets and nothing of JavaScript.
 *
 * What the system has no room for at the moment (EAGAIN) is kept, in order and up to a limit, until the socket is writable again. What
 * the network refuses (no route, a firewall, nobody there) is lost, as datagrams are, and never keeps the next one from leaving.
 */
#ifndef HAMLET_OUTBOX_H
#define HAMLET_OUTBOX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Datagrams that one system call takes at most. */
#define BATCH_MAX 64
/** The largest payload that UDP over IPv4 carries: 65,535 less the headers of IP and UDP. */
#define DATAGRAM_BYTES_MAX 65507
/** Bytes that may wait for room in the system, for each socket. */
#define WAITING_BYTES_MAX (1024 * 1024)

/**
 * The way of a datagram: twelve words, which ways.ts reads and writes. All zero is "unknown", or "as the system chooses".
 *
 *     word 0      1            2 … 5          6          7             8 … 11
 *     ┌──────────┬────────────┬──────────────┬──────────┬─────────────┬─────────────────────────────┐
 *     │fam. port │IPv4 address│ IPv6 address │ scope    │ interface   │ local address: IPv4 in 8,   │
 *     │          │or flow info│              │ (zone)   │ index       │ or IPv6                     │
 *     └──────────┴────────────┴──────────────┴──────────┴─────────────┴─────────────────────────────┘
 *      the peer, as struct sockaddr_in or sockaddr_in6   arrived by, and was sent to
 */
struct way {
  union {
    sa_family_t family;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } peer;
  uint32_t interface_index;
  union {
    struct in_addr v4;
    struct in6_addr v6;
  } local;
};
_Static_assert(sizeof(struct way) == 48, "ways.ts reads twelve words");

/** One datagram to send, or with segment_bytes > 0 a train: cut into datagrams of that size by the system (UDP_SEGMENT). */
struct outgoing {
  const struct way *way;
  const uint8_t *bytes;
  uint32_t length;
  uint16_t segment_bytes;
};

struct waiting;

struct outbox {
  int fd;
  bool connected;
  /** The system cuts trains: Linux 4.18 and newer. */
  bool cuts;
  /** Many datagrams of one length to one peer leave as a train. */
  bool joins;
  struct waiting *first, *last;
  size_t waiting_bytes;
};

void outbox_init(struct outbox *outbox, int fd);
/** Sends up to BATCH_MAX. Returns 0, or the errno by which one was lost. */
int outbox_send(struct outbox *outbox, const struct outgoing *outgoing, unsigned count);
/** Cuts bytes into datagrams of segment_bytes (1 to DATAGRAM_BYTES_MAX), the last of which may be shorter. Returns as outbox_send. */
int outbox_send_train(struct outbox *outbox, const struct way *way, const uint8_t *bytes, size_t length, uint16_t segment_bytes);
/** The socket is writable: sends what waits, as far as there is room. */
void outbox_resume(struct outbox *outbox);
/** Forgets what waits. */
void outbox_clear(struct outbox *outbox);

#endif
