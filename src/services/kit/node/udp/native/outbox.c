/* Sends datagrams, many per system call: see outbox.h. */
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

/** Segments per train that every kernel with UDP_SEGMENT accepts (UDP_MAX_SEGMENTS was 64 before Linux 6.9 and is 128 since). */
#define SEGMENTS_MAX 64
/** Datagrams of one length to one peer are joined into a train from this many on. Fewer leave one by one: a loopback capture shows a train as one packet. */
#define JOINED_MIN 8

struct waiting {
  struct waiting *next;
  struct path path;
  uint32_t length;
  uint16_t segment_bytes;
  uint8_t bytes[];
};

/** Ancillary data of one datagram: its source address, and the segment size it is cut into. */
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
 * Sets the source address, and the interface if the peer's address does not determine it (broadcast, multicast, link-local). Otherwise
 * the route decides: a response may well have to leave by another interface than the one its request arrived on.
 */
static void add_source(struct msghdr *header, struct control *control, const struct path *path) {
  if (path->peer.family == AF_INET) {
    const uint32_t peer = ntohl(path->peer.v4.sin_addr.s_addr);
    const bool needs_interface = peer == INADDR_BROADCAST || IN_MULTICAST(peer);
    struct in_pktinfo info = {.ipi_ifindex = needs_interface ? (int)path->interface_index : 0, .ipi_spec_dst = path->local.v4};
    if (info.ipi_ifindex != 0 || info.ipi_spec_dst.s_addr != 0) add_control(header, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  } else {
    const struct in6_addr *peer = &path->peer.v6.sin6_addr;
    const bool needs_interface = IN6_IS_ADDR_MULTICAST(peer) || IN6_IS_ADDR_LINKLOCAL(peer);
    struct in6_pktinfo info = {.ipi6_addr = path->local.v6, .ipi6_ifindex = needs_interface ? path->interface_index : 0};
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
    waiting->path = *outgoing->path;
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
 * How many of these datagrams can leave as one train: all to one peer and as long as the first, except that the last may be shorter. 1: the
 * first leaves alone. A forwarder that sends many queries from one port gets its responses this way, more cheaply than one by one.
 */
static unsigned joinable(const struct outbox *outbox, const struct outgoing *outgoing, unsigned count) {
  const uint32_t length = outgoing->length;
  if (!outbox->joins || count < JOINED_MIN || length == 0 || outgoing->segment_bytes > 0) return 1;
  const unsigned fitting = DATAGRAM_BYTES_MAX / length;
  unsigned joined = 1;
  for (; joined < count && joined < fitting; joined++) {
    const struct outgoing *next = &outgoing[joined];
    if (next->length > length || next->length == 0 || next->segment_bytes > 0 || memcmp(next->path, outgoing->path, sizeof *next->path) != 0) break;
    if (next->length < length) {
      joined++;
      break;
    }
  }
  return joined < JOINED_MIN ? 1 : joined;
}

/** Sends one by one what the system refused as a train. Returns as hand_over. */
static unsigned hand_over_singly(struct outbox *outbox, const struct outgoing *outgoing, unsigned count, int *lost) {
  const bool joins = outbox->joins;
  outbox->joins = false;
  const unsigned done = hand_over(outbox, outgoing, count, lost);
  outbox->joins = joins;
  return done;
}

/** Hands datagrams to the system until its buffer is full. Returns how many are done, sent or lost; *lost is set to the errno of the last lost one. */
static unsigned hand_over(struct outbox *outbox, const struct outgoing *outgoing, unsigned count, int *lost) {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec pieces[BATCH_MAX];
  struct control controls[BATCH_MAX];
  unsigned firsts[BATCH_MAX + 1]; /* the first datagram of each message */
  unsigned message_count = 0;
  for (unsigned index = 0; index < count;) {
    const struct outgoing *first = &outgoing[index];
    const unsigned joined = joinable(outbox, first, count - index);
    struct msghdr *header = &messages[message_count].msg_hdr;
    struct control *control = &controls[message_count];
    *header = (struct msghdr){.msg_iov = &pieces[index], .msg_iovlen = joined};
    if (!outbox->connected) {
      header->msg_name = (void *)&first->path->peer;
      header->msg_namelen = first->path->peer.family == AF_INET ? sizeof first->path->peer.v4 : sizeof first->path->peer.v6;
      add_source(header, control, first->path);
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
      if (errno != EMSGSIZE) outbox->joins = false; /* this system or device will not segment the next one either */
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

/** Cuts a train in user space, where the system cannot (an old kernel, a device without checksum offload, a path with a smaller MTU). */
static int send_cut(struct outbox *outbox, const struct outgoing *train) {
  struct outgoing segments[BATCH_MAX];
  int lost = 0;
  for (uint32_t at = 0; at < train->length;) {
    unsigned count = 0;
    for (; count < BATCH_MAX && at < train->length; count++) {
      const uint32_t left = train->length - at;
      const uint32_t length = left < train->segment_bytes ? left : train->segment_bytes;
      segments[count] = (struct outgoing){.path = train->path, .bytes = train->bytes + at, .length = length};
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
  /* Probe first: a kernel without UDP_SEGMENT would not refuse the ancillary data but ignore it. */
  outbox->cuts = outbox->joins = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, &size) == 0;
}

int outbox_send(struct outbox *outbox, const struct outgoing *outgoing, unsigned count) {
  int lost = 0;
  const unsigned done = outbox->first == NULL ? hand_over(outbox, outgoing, count, &lost) : 0; /* those already queued go first */
  keep(outbox, outgoing + done, count - done);
  return lost;
}

int outbox_send_train(struct outbox *outbox, const struct path *path, const uint8_t *bytes, size_t length, uint16_t segment_bytes) {
  const size_t fitting = DATAGRAM_BYTES_MAX / segment_bytes;
  const size_t part_bytes = segment_bytes * (!outbox->cuts ? 1 : fitting < SEGMENTS_MAX ? fitting : SEGMENTS_MAX);
  int lost = 0;
  for (size_t at = 0; at < length;) {
    struct outgoing parts[BATCH_MAX];
    unsigned count = 0;
    for (; count < BATCH_MAX && at < length; count++) {
      const size_t left = length - at;
      const uint32_t taken = (uint32_t)(left < part_bytes ? left : part_bytes);
      parts[count] = (struct outgoing){.path = path, .bytes = bytes + at, .length = taken, .segment_bytes = taken > segment_bytes ? segment_bytes : 0};
      at += taken;
    }
    const int error = outbox_send(outbox, parts, count);
    if (error != 0) lost = error;
  }
  return lost;
}

void outbox_resume(struct outbox *outbox) {
  while (outbox->first != NULL) {
    struct waiting *waiting = outbox->first;
    const struct outgoing outgoing = {.path = &waiting->path, .bytes = waiting->bytes, .length = waiting->length, .segment_bytes = waiting->segment_bytes};
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
