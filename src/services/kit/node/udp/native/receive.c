/* Takes datagrams from the kernel to the receiver, and its in-place replies back: see socket.h. */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/** recvmmsg calls per turn of the event loop, so that timers and other sockets get theirs. */
#define ROUNDS_MAX 4

/** Reports the pending exception as uncaught, as for any other event of Node. */
static void throw_uncaught(napi_env env) {
  napi_value thrown;
  bool throws = false;
  if (napi_is_exception_pending(env, &throws) != napi_ok || !throws) return; /* the environment is shutting down and runs nothing any more */
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

/** Calls the receiver. Returns false if it threw, closed the socket or transferred the slab away. */
static bool deliver(struct socket *socket, int32_t count_or_errno) {
  struct addon *addon = socket->addon;
  napi_env env = addon->env;
  napi_value receiver, self, argument, result;
  if (napi_get_reference_value(env, socket->receiver, &receiver) != napi_ok || napi_get_global(env, &self) != napi_ok || napi_create_int32(env, count_or_errno, &argument) != napi_ok) return false;
  const napi_status status = napi_make_callback(env, addon->context, self, receiver, 1, &argument, &result);
  if (status != napi_ok) throw_uncaught(env);
  return status == napi_ok && socket->poll != NULL && slab_of(addon) != NULL;
}

/** Reads a datagram's ancillary data: where it arrived. Returns the size of the datagrams that the system joined, or 0. */
static uint32_t read_control(struct msghdr *header, struct path *path) {
  int segment_bytes = 0;
  for (struct cmsghdr *entry = CMSG_FIRSTHDR(header); entry != NULL; entry = CMSG_NXTHDR(header, entry)) {
    if (entry->cmsg_level == IPPROTO_UDP && entry->cmsg_type == UDP_GRO) {
      memcpy(&segment_bytes, CMSG_DATA(entry), sizeof segment_bytes);
    } else if (entry->cmsg_level == IPPROTO_IP && entry->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(entry), sizeof info);
      path->interface_index = (uint32_t)info.ipi_ifindex;
      path->local.v4 = info.ipi_spec_dst; /* for a broadcast: the address to reply from */
    } else if (entry->cmsg_level == IPPROTO_IPV6 && entry->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(entry), sizeof info);
      path->interface_index = info.ipi6_ifindex;
      if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) path->local.v6 = info.ipi6_addr;
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

/** Sends the in-place replies, each back along the path its datagram came by. */
static void send_replies(struct socket *socket, const struct slab *slab, unsigned count) {
  struct outgoing outgoing[BATCH_MAX];
  unsigned replies = 0;
  for (unsigned slot = 0; slot < count; slot++) {
    const uint32_t length = slab->reply_lengths[slot];
    if (length == 0 || length > REPLY_BYTES_MAX) continue;
    outgoing[replies++] = (struct outgoing){.path = &slab->received_paths[slot], .bytes = slab->replies + slot * REPLY_BYTES_MAX, .length = length};
  }
  if (replies > 0) outbox_send(&socket->outbox, outgoing, replies);
}

/** Each datagram is in the slot of its number, and may be answered in place. Returns as `deliver`. */
static bool deliver_single(struct socket *socket, struct slab *slab, unsigned count) {
  struct addon *addon = socket->addon;
  for (unsigned slot = 0; slot < count; slot++) {
    if (socket->packet_info) read_control(&addon->messages[slot].msg_hdr, &slab->received_paths[slot]);
    slab->slots[slot] = slot;
    slab->offsets[slot] = slot * SLOT_BYTES;
    slab->lengths[slot] = addon->messages[slot].msg_len;
    slab->reply_lengths[slot] = 0;
  }
  const bool keep_going = deliver(socket, (int32_t)count);
  if (keep_going) send_replies(socket, slab, count);
  return keep_going;
}

/** A slot may hold many datagrams of one sender that the system joined; each is delivered separately. Returns as `deliver`. */
static bool deliver_coalesced(struct socket *socket, struct slab *slab, unsigned count) {
  struct addon *addon = socket->addon;
  unsigned delivered = 0;
  for (unsigned slot = 0; slot < count; slot++) {
    const uint32_t joined_bytes = addon->messages[slot].msg_len;
    const uint32_t segment_bytes = read_control(&addon->messages[slot].msg_hdr, &slab->received_paths[slot]);
    uint32_t at = 0;
    do {
      const uint32_t left = joined_bytes - at;
      slab->slots[delivered] = slot;
      slab->offsets[delivered] = slot * SLOT_BYTES + at;
      slab->lengths[delivered] = segment_bytes > 0 && segment_bytes < left ? segment_bytes : left;
      at += slab->lengths[delivered];
      if (++delivered < DELIVERED_MAX) continue;
      delivered = 0;
      if (!deliver(socket, DELIVERED_MAX)) return false;
    } while (at < joined_bytes);
  }
  return delivered == 0 || deliver(socket, (int32_t)delivered);
}

/** Receives and delivers up to BATCH_MAX datagrams. Returns false if no more are waiting, or if it is time to stop. */
static bool receive_round(struct socket *socket) {
  struct addon *addon = socket->addon;
  struct slab *slab = slab_of(addon);
  if (slab == NULL) {
    socket_close(socket);
    napi_throw_error(addon->env, NULL, "the slab of the batch add-on was transferred away: its socket is closed");
    throw_uncaught(addon->env);
    return false;
  }
  memset(slab->received_paths, 0, sizeof slab->received_paths);
  const int received = recvmmsg(socket->outbox.fd, addon->messages, BATCH_MAX, 0, NULL);
  if (received < 0) {
    if (errno == EAGAIN) return false;
    return errno == EINTR || deliver(socket, -errno); /* a pending ICMP error; datagrams may be queued behind it */
  }
  const unsigned count = (unsigned)received;
  const bool keep_going = socket->coalesces ? deliver_coalesced(socket, slab, count) : deliver_single(socket, slab, count);
  make_ready(addon, count);
  return keep_going && count == BATCH_MAX;
}

void receive(struct socket *socket) {
  napi_env env = socket->addon->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  for (int round = 0; round < ROUNDS_MAX && receive_round(socket); round++) {}
  napi_close_handle_scope(env, scope);
}
