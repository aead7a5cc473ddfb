/* Sending datagrams, many with one system call: see outbox.h. */
#define _GNU_SOURCE
#include "outbox.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/** Segments of one train that every kernel with UDP_SEGMENT takes (UDP_MAX_SEGMENTS was 64 before Linux 6.9, and is 128 since). */
#define SEGMENTS_MAX 64
/** Datagrams of one length to one peer that are worth a train. Fewer leave one by one: on loopback a capture shows a train as one packet. */
#define JOINED_MIN 8

struct waiting {
  struct waiting *next;
  struct way way;
  uint32_t length;
  uint16_t segment_bytes;
  uint8_t bytes[];
};

/** Ancillary data of one datagram: where it leaves from, and how it is cut. */
struct control {
  _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

static void add_control(struct msghdr *header, struct control *control, int level, int type, const void *data, size_t length) {
  if (header->msg_control == NULL) {
    memset(control, 0, sizeof *control);
    header->msg_control = control->bytes;
  }
  struct cmsghdr *entry = (struct cmsghdr *)(control->bytes + header->msg_controllen);
  entry->cmsg_level = level;
  entry->cmsg_type = type;
  entry->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(entry), data, length);
  header->msg_controllen += CMSG_SPACE(length);
}

/**
 * The source address, and where the address of the peer does not say which wire it is on (broadcast, multicast, link-local) the
 * interface. Elsewhere the route decides: an answer may well have to leave by another interface than the question came by.
 */
static void add_source(struct msghdr *header, struct control *control, const struct way *way) {
  if (way->peer.family == AF_INET) {
    const uint32_t peer = ntohl(way->peer.v4.sin_addr.s_addr);
    const bool names_no_wire = peer == INADDR_BROADCAST || IN_MULTICAST(peer);
    struct in_pktinfo info = {.ipi_ifindex = names_no_wire ? (int)way->interface_index : 0, .ipi_spec_dst = way->local.v4};
    if (info.ipi_ifindex != 0 || info.ipi_spec_dst.s_addr != 0) add_control(header, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  } else {
    const struct in6_addr *peer = &way->peer.v6.sin6_addr;
    const bool names_no_wire = IN6_IS_ADDR_MULTICAST(peer) || IN6_IS_ADDR_LINKLOCAL(peer);
    struct in6_pktinfo info = {.ipi6_addr = way->local.v6, .ipi6_ifindex = names_no_wire ? way->interface_index : 0};
    if (info.ipi6_ifindex != 0 || !IN6_IS_ADDR_UNSPECIFIED(&info.ipi6_addr)) add_control(header, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  }
}

static bool cannot_be_cut(int error) {
  return error == EINVAL || error == EIO || error == EMSGSIZE || error == EOPNOTSUPP;
}

static void keep(struct outbox *outbox, const struct outgoing *outgoing, unsigned count) {
  for (; count > 0; count--, outgoing++) {
    const size_t size = sizeof(struct waiting) + outgoing->length;
    if (outbox->waiting_bytes + size > WAITING_BYTES_MAX) return;
    struct waiting *waiting = malloc(size);
    if (waiting == NULL) return;
    waiting->next = NULL;
    waiting->way = *outgoing->way;
    waiting->length = outgoing->length;
    waiting->segment_bytes = outgoing->segment_bytes;
    memcpy(waiting->bytes, outgoing->bytes, outgoing->length);
    if (outbox->last == NULL) outbox->first = waiting;
    else outbox->last->next = waiting;
    outbox->last = waiting;
    outbox->waiting_bytes += size;
  }
}

static int send_cut(struct outbox *outbox, const struct outgoing *train);
static unsigned hand_over(struct outbox *outbox, const struct outgoing *outgoing, unsigned count, int *lost);

/**
 * How many of these may leave as one train: to one peer, all as long as the first, only the last perhaps shorter. 1: it leaves alone.
 * A forwarder that asks much from one port gets its answers so, for less than they cost one by one.
 */
static unsigned joinable(const struct outbox *outbox, const struct outgoing *outgoing, unsigned count) {
  const uint32_t length = outgoing->length;
  if (!outbox->joins || count < JOINED_MIN || length == 0 || outgoing->segment_bytes > 0) return 1;
  const unsigned fitting = DATAGRAM_BYTES_MAX / length;
  unsigned joined = 1;
  for (; joined < count && joined < fitting; joined++) {
    const struct outgoing *next = &outgoing[joined];
    if (next->length > length || next->length == 0 || next->segment_bytes > 0 || memcmp(next->way, outgoing->way, sizeof *next->way) != 0) break;
    if (next->length < length) {
      joined++;
      break;
    }
  }
  return joined < JOINED_MIN ? 1 : joined;
}

/** Datagrams that the system would not take as one train leave one by one. Returns as hand_over. */
static unsigned hand_over_singly(struct outbox *outbox, const struct outgoing *outgoing, unsigned count, int *lost) {
  const bool joins = outbox->joins;
  outbox->joins = false;
  const unsigned done = hand_over(outbox, outgoing, count, lost);
  outbox->joins = joins;
  return done;
}

/** Hands datagrams to the system until it has no room. Returns how many are done with, sent or lost; *lost is the errno of the last lost one. */
static unsigned hand_over(struct outbox *outbox, const struct outgoing *outgoing, unsigned count, int *lost) {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec pieces[BATCH_MAX];
  struct control controls[BATCH_MAX];
  unsigned firsts[BATCH_MAX + 1]; /* of each message, its first datagram */
  unsigned message_count = 0;
  for (unsigned index = 0; index < count;) {
    const struct outgoing *first = &outgoing[index];
    const unsigned joined = joinable(outbox, first, count - index);
    struct msghdr *header = &messages[message_count].msg_hdr;
    struct control *control = &controls[message_count];
    *header = (struct msghdr){.msg_iov = &pieces[index], .msg_iovlen = joined};
    if (!outbox->connected) {
      header->msg_name = (void *)&first->way->peer;
      header->msg_namelen = first->way->peer.family == AF_INET ? sizeof first->way->peer.v4 : sizeof first->way->peer.v6;
      add_source(header, control, first->way);
    }
    const uint16_t segment_bytes = joined > 1 ? (uint16_t)first->length : first->segment_bytes;
    if (segment_bytes > 0) add_control(header, control, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof segment_bytes);
    firsts[message_count++] = index;
    for (const unsigned end = index + joined; index < end; index++) pieces[index] = (struct iovec){.iov_base = (void *)outgoing[index].bytes, .iov_len = outgoing[index].length};
  }
  firsts[message_count] = count;
  for (unsigned done = 0; done < message_count;) {
    const int sent = sendmmsg(outbox->fd, messages + done, message_count - done, 0);
    if (sent > 0) {
      done += (unsigned)sent;
      continue;
    }
    if (errno == EINTR) continue;
    const unsigned first = firsts[done], joined = firsts[done + 1] - first;
    if (errno == EAGAIN) return first;
    if (joined > 1 && cannot_be_cut(errno)) {
      if (errno != EMSGSIZE) outbox->joins = false; /* this system or device will not cut the next one either */
      const unsigned singly = hand_over_singly(outbox, &outgoing[first], joined, lost);
      if (singly < joined) return first + singly;
    } else {
      const int error = outgoing[first].segment_bytes > 0 && cannot_be_cut(errno) ? send_cut(outbox, &outgoing[first]) : errno;
      if (error != 0) *lost = error;
    }
    done++;
  }
  return count;
}

/** A train that the system cannot cut, here and now (an old kernel, a device without checksums, a path for smaller packets): cut by us. */
static int send_cut(struct outbox *outbox, const struct outgoing *train) {
  struct outgoing segments[BATCH_MAX];
  int lost = 0;
  for (uint32_t at = 0; at < train->length;) {
    unsigned count = 0;
    for (; count < BATCH_MAX && at < train->length; count++) {
      const uint32_t left = train->length - at;
      const uint32_t length = left < train->segment_bytes ? left : train->segment_bytes;
      segments[count] = (struct outgoing){.way = train->way, .bytes = train->bytes + at, .length = length};
      at += length;
    }
    const unsigned done = hand_over(outbox, segments, count, &lost);
    keep(outbox, segments + done, count - done);
  }
  return lost;
}

void outbox_init(struct outbox *outbox, int fd) {
  int segment_bytes;
  socklen_t size = sizeof segment_bytes;
  *outbox = (struct outbox){.fd = fd};
  /* Asked first: a kernel that does not know the request to cut would not refuse but ignore it. */
  outbox->cuts = outbox->joins = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, &size) == 0;
}

int outbox_send(struct outbox *outbox, const struct outgoing *outgoing, unsigned count) {
  int lost = 0;
  const unsigned done = outbox->first == NULL ? hand_over(outbox, outgoing, count, &lost) : 0; /* those that wait come first */
  keep(outbox, outgoing + done, count - done);
  return lost;
}

int outbox_send_train(struct outbox *outbox, const struct way *way, const uint8_t *bytes, size_t length, uint16_t segment_bytes) {
  const size_t fitting = DATAGRAM_BYTES_MAX / segment_bytes;
  const size_t wagon_bytes = segment_bytes * (!outbox->cuts ? 1 : fitting < SEGMENTS_MAX ? fitting : SEGMENTS_MAX);
  int lost = 0;
  for (size_t at = 0; at < length;) {
    struct outgoing wagons[BATCH_MAX];
    unsigned count = 0;
    for (; count < BATCH_MAX && at < length; count++) {
      const size_t left = length - at;
      const uint32_t taken = (uint32_t)(left < wagon_bytes ? left : wagon_bytes);
      wagons[count] = (struct outgoing){.way = way, .bytes = bytes + at, .length = taken, .segment_bytes = taken > segment_bytes ? segment_bytes : 0};
      at += taken;
    }
    const int error = outbox_send(outbox, wagons, count);
    if (error != 0) lost = error;
  }
  return lost;
}

void outbox_resume(struct outbox *outbox) {
  while (outbox->first != NULL) {
    struct waiting *waiting = outbox->first;
    const struct outgoing outgoing = {.way = &waiting->way, .bytes = waiting->bytes, .length = waiting->length, .segment_bytes = waiting->segment_bytes};
    int lost = 0;
    if (hand_over(outbox, &outgoing, 1, &lost) == 0) return;
    outbox->first = waiting->next;
    if (outbox->first == NULL) outbox->last = NULL;
    outbox->waiting_bytes -= sizeof *waiting + waiting->length;
    free(waiting);
  }
}

void outbox_clear(struct outbox *outbox) {
  while (outbox->first != NULL) {
    struct waiting *waiting = outbox->first;
    outbox->first = waiting->next;
    free(waiting);
  }
  outbox->last = NULL;
  outbox->waiting_bytes = 0;
}
