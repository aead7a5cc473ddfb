/**
 * Sends datagrams, many per system call. Knows sockets and nothing of JavaScript.
 *
 * Datagrams that the system has no room for right now (EAGAIN) are queued, in order and up to a limit, until the socket is writable
 * again. Those that the network refuses (no route, a firewall, nobody listening) are lost, as datagrams are, and never block the next.
 */
#ifndef HAMLET_OUTBOX_H
#define HAMLET_OUTBOX_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The most datagrams per system call. */
#define BATCH_MAX 64
/** The largest UDP payload over IPv4: 65,535 minus the IP and UDP headers. */
#define DATAGRAM_BYTES_MAX 65507
/** The most bytes that a socket may queue while the system's buffer is full. */
#define WAITING_BYTES_MAX (1024 * 1024)

/**
 * The path of a datagram: twelve words, which native-paths.ts reads and writes. All zeros mean "unknown" or "the system chooses".
 *
 *     word 0      1            2 … 5          6          7             8 … 11
 *     ┌──────────┬────────────┬──────────────┬──────────┬─────────────┬─────────────────────────────┐
 *     │fam. port │IPv4 address│ IPv6 address │ scope    │ interface   │ local address: IPv4 in      │
 *     │          │or flow info│              │ (zone)   │ index       │ word 8, or IPv6             │
 *     └──────────┴────────────┴──────────────┴──────────┴─────────────┴─────────────────────────────┘
 *      the peer, as struct sockaddr_in or sockaddr_in6   where it arrived, and its destination
 */
struct path {
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
_Static_assert(sizeof(struct path) == 48, "native-paths.ts reads twelve words");

/** One datagram to send, or, if segment_bytes > 0, a train that the system cuts into datagrams of that size (UDP_SEGMENT). */
struct outgoing {
  const struct path *path;
  const uint8_t *bytes;
  uint32_t length;
  uint16_t segment_bytes;
};

struct waiting;

struct outbox {
  int fd;
  bool connected;
  /** The system segments trains: Linux 4.18 and later. */
  bool cuts;
  /** Many datagrams of one length to one peer are joined into a train. */
  bool joins;
  struct waiting *first, *last;
  size_t waiting_bytes;
};

void outbox_init(struct outbox *outbox, int fd);
/** Sends up to BATCH_MAX datagrams. Returns 0, or the errno of a lost one. */
int outbox_send(struct outbox *outbox, const struct outgoing *outgoing, unsigned count);
/** Sends bytes as datagrams of segment_bytes (1 to DATAGRAM_BYTES_MAX) each; the last may be shorter. Returns as outbox_send. */
int outbox_send_train(struct outbox *outbox, const struct path *path, const uint8_t *bytes, size_t length, uint16_t segment_bytes);
/** Call when the socket is writable: sends what is queued, as far as there is room. */
void outbox_resume(struct outbox *outbox);
/** Drops what is queued. */
void outbox_clear(struct outbox *outbox);

#endif
