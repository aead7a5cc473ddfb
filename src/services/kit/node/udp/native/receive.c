/* From the kernel to the receiver, and its answers in place back: see socket.h. */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/** Calls of recvmmsg in one turn of the event loop, so that timers and other sockets have theirs. */
#define ROUNDS_MAX 4

/** Throws into the void, where "uncaughtException" listens: as from any other event of Node. */
static void throw_uncaught(napi_env env) {
  napi_value thrown;
  bool throws = false;
  if (napi_is_exception_pending(env, &throws) != napi_ok || !throws) return; /* the environment ends, and nothing runs any more */
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

/** Calls the receiver. False: it threw, closed the socket or took the slab away. */
static bool tell(struct socket *socket, int32_t count_or_errno) {
  struct addon *addon = socket->addon;
  napi_env env = addon->env;
  napi_value receiver, self, argument, result;
  if (napi_get_reference_value(env, socket->receiver, &receiver) != napi_ok || napi_get_global(env, &self) != napi_ok || napi_create_int32(env, count_or_errno, &argument) != napi_ok) return false;
  const napi_status status = napi_make_callback(env, addon->context, self, receiver, 1, &argument, &result);
  if (status != napi_ok) throw_uncaught(env);
  return status == napi_ok && socket->poll != NULL && slab_of(addon) != NULL;
}

/** What the system says beside a datagram: where it came in, and the size of those that it joined, or 0. */
static uint32_t read_control(struct msghdr *header, struct way *way) {
  int segment_bytes = 0;
  for (struct cmsghdr *entry = CMSG_FIRSTHDR(header); entry != NULL; entry = CMSG_NXTHDR(header, entry)) {
    if (entry->cmsg_level == IPPROTO_UDP && entry->cmsg_type == UDP_GRO) {
      memcpy(&segment_bytes, CMSG_DATA(entry), sizeof segment_bytes);
    } else if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(entry), sizeof info);
      way->interface_index = (uint32_t)info.ipi_ifindex;
      way->local.v4 = info.ipi_spec_dst; /* of a broadcast: the address to answer from */
    } else if (entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(entry), sizeof info);
      way->interface_index = info.ipi6_ifindex;
      if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) way->local.v6 = info.ipi6_addr;
    }
  }
  return segment_bytes > 0 ? (uint32_t)segment_bytes : 0;
}

void make_ready(struct addon *addon, unsigned count) {
  for (unsigned slot = 0; slot < count; slot++) {
    struct msghdr *header = &addon->messages[slot].msg_hdr;
    header->msg_namelen = sizeof(struct sockaddr_in6);
    header->msg_controllen = sizeof addon->controls[slot];
  }
}

/** Sends what the receiver wrote in place, back the ways that the datagrams came. */
static void send_replies(struct socket *socket, const struct slab *slab, unsigned count) {
  struct outgoing outgoing[BATCH_MAX];
  unsigned replies = 0;
  for (unsigned slot = 0; slot < count; slot++) {
    const uint32_t length = slab->reply_lengths[slot];
    if (length == 0 || length > REPLY_BYTES_MAX) continue;
    outgoing[replies++] = (struct outgoing){.way = &slab->came[slot], .bytes = slab->replies + slot * REPLY_BYTES_MAX, .length = length};
  }
  if (replies > 0) outbox_send(&socket->outbox, outgoing, replies);
}

/** Each datagram lies in the slot of its number, and may be answered there. Returns as `tell`. */
static bool tell_single(struct socket *socket, struct slab *slab, unsigned count) {
  struct addon *addon = socket->addon;
  for (unsigned slot = 0; slot < count; slot++) {
    if (socket->tells_interface) read_control(&addon->messages[slot].msg_hdr, &slab->came[slot]);
    slab->slots[slot] = slot;
    slab->offsets[slot] = slot * SLOT_BYTES;
    slab->lengths[slot] = addon->messages[slot].msg_len;
    slab->reply_lengths[slot] = 0;
  }
  const bool goes_on = tell(socket, (int32_t)count);
  if (goes_on) send_replies(socket, slab, count);
  return goes_on;
}

/** A slot may hold many datagrams of one sender, which the system joined: each is told for itself. Returns as `tell`. */
static bool tell_coalesced(struct socket *socket, struct slab *slab, unsigned count) {
  struct addon *addon = socket->addon;
  unsigned told = 0;
  for (unsigned slot = 0; slot < count; slot++) {
    const uint32_t joined_bytes = addon->messages[slot].msg_len;
    const uint32_t segment_bytes = read_control(&addon->messages[slot].msg_hdr, &slab->came[slot]);
    uint32_t at = 0;
    do {
      const uint32_t left = joined_bytes - at;
      slab->slots[told] = slot;
      slab->offsets[told] = slot * SLOT_BYTES + at;
      slab->lengths[told] = segment_bytes > 0 && segment_bytes < left ? segment_bytes : left;
      at += slab->lengths[told];
      if (++told < TOLD_MAX) continue;
      told = 0;
      if (!tell(socket, TOLD_MAX)) return false;
    } while (at < joined_bytes);
  }
  return told == 0 || tell(socket, (int32_t)told);
}

/** Receives up to BATCH_MAX datagrams and tells them. False: nothing more waits, or it is time to stop. */
static bool receive_round(struct socket *socket) {
  struct addon *addon = socket->addon;
  struct slab *slab = slab_of(addon);
  if (slab == NULL) {
    socket_close(socket);
    napi_throw_error(addon->env, NULL, "the slab of the batch add-on was transferred away: its socket is closed");
    throw_uncaught(addon->env);
    return false;
  }
  memset(slab->came, 0, sizeof slab->came);
  const int received = recvmmsg(socket->outbox.fd, addon->messages, BATCH_MAX, 0, NULL);
  if (received < 0) {
    if (errno == EAGAIN) return false;
    return errno == EINTR || tell(socket, -errno); /* an ICMP error that waited: datagrams may wait behind it */
  }
  const unsigned count = (unsigned)received;
  const bool goes_on = socket->coalesces ? tell_coalesced(socket, slab, count) : tell_single(socket, slab, count);
  make_ready(addon, count);
  return goes_on && count == BATCH_MAX;
}

void receive(struct socket *socket) {
  napi_env env = socket->addon->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  for (int round = 0; round < ROUNDS_MAX && receive_round(socket); round++) {}
  napi_close_handle_scope(env, scope);
}
