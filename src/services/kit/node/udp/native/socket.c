/* Opens and closes sockets, and polls them in both directions: see socket.h. */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/** The receive buffer to ask for; without privileges the system grants at most net.core.rmem_max. */
#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)

static socklen_t size_of(const struct sockaddr_in6 *address) {
  return address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

/** Returns NULL, or the name of the call that failed, with errno set. */
static const char *set_up(int fd, const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer, uint32_t options, const char *interface_name) {
  const bool ipv4 = local->sin6_family == AF_INET;
  const int buffer_bytes = RECEIVE_BUFFER_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
  if (!ipv4) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options & SHARE_PORT) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (options & BROADCAST) set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
  if (options & COALESCE) set_option(fd, IPPROTO_UDP, UDP_GRO, 1); /* kernels before 5.0 ignore it, which does no harm */
  if (options & PACKET_INFO) {
    if (ipv4) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    else set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  if (*interface_name != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface_name, (socklen_t)strlen(interface_name)) != 0) return "setsockopt";
  if (bind(fd, (const struct sockaddr *)local, size_of(local)) != 0) return "bind";
  if (peer != NULL && connect(fd, (const struct sockaddr *)peer, size_of(peer)) != 0) return "connect";
  return NULL;
}

/** Wraps a descriptor in a socket that libuv can poll. Returns NULL, with errno set, if memory or libuv fails. */
static struct socket *watch(struct addon *addon, int fd) {
  struct socket *socket = calloc(1, sizeof *socket);
  uv_poll_t *poll = malloc(uv_handle_size(UV_POLL));
  const int error = socket == NULL || poll == NULL ? -ENOMEM : uv_poll_init(addon->loop, poll, fd);
  if (error != 0) {
    free(socket);
    free(poll);
    errno = -error;
    return NULL;
  }
  uv_handle_set_data((uv_handle_t *)poll, socket);
  outbox_init(&socket->outbox, fd);
  socket->addon = addon;
  socket->poll = poll;
  socket->owners = 1;
  socket->next = addon->sockets;
  socket->link = &addon->sockets;
  if (socket->next != NULL) socket->next->link = &socket->next;
  addon->sockets = socket;
  addon->handles++;
  return socket;
}

struct socket *socket_open(struct addon *addon, const struct sockaddr_in6 *local, const struct sockaddr_in6 *peer, uint32_t options, const char *interface_name, const char **failed) {
  *failed = "socket";
  const int fd = socket(local->sin6_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return NULL;
  *failed = set_up(fd, local, peer, options, interface_name);
  struct socket *opened = *failed == NULL ? watch(addon, fd) : NULL;
  if (opened == NULL) {
    const int error = errno;
    close(fd);
    errno = error;
    if (*failed == NULL) *failed = "uv_poll_init";
    return NULL;
  }
  opened->family = local->sin6_family;
  opened->packet_info = options & PACKET_INFO;
  opened->coalesces = options & COALESCE;
  opened->outbox.connected = peer != NULL;
  return opened;
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  struct socket *socket = uv_handle_get_data((uv_handle_t *)poll);
  if (status >= 0 && events & UV_WRITABLE) outbox_resume(&socket->outbox);
  /* After an ICMP error libuv reports "bad file descriptor" and stops polling. The descriptor is fine: reading it fetches the error. */
  if (status < 0) socket->events = 0;
  if (status < 0 || events & UV_READABLE) receive(socket);
  if (socket->poll != NULL) socket_listen(socket);
}

/* Only on a change: libuv treats each start as new, which costs a system call. With no events it stops polling. */
void socket_listen(struct socket *socket) {
  const int events = (socket->paused ? 0 : UV_READABLE) | (socket->outbox.first == NULL ? 0 : UV_WRITABLE);
  if (events == socket->events) return;
  uv_poll_start(socket->poll, events, on_ready);
  socket->events = events;
}

void socket_disown(struct socket *socket) {
  if (--socket->owners == 0) free(socket);
}

static void end_if_all_closed(struct addon *addon) {
  if (addon->ending != NULL && addon->handles == 0) napi_remove_async_cleanup_hook(addon->ending);
}

static void on_closed(uv_handle_t *handle) {
  struct socket *socket = uv_handle_get_data(handle);
  struct addon *addon = socket->addon;
  free(handle);
  socket_disown(socket);
  addon->handles--;
  end_if_all_closed(addon);
}

void socket_close(struct socket *socket) {
  uv_poll_t *poll = socket->poll;
  if (poll == NULL) return;
  socket->poll = NULL;
  *socket->link = socket->next;
  if (socket->next != NULL) socket->next->link = socket->link;
  if (socket->receiver != NULL) napi_delete_reference(socket->addon->env, socket->receiver);
  outbox_clear(&socket->outbox);
  uv_close((uv_handle_t *)poll, on_closed); /* stops polling, so the descriptor may be closed at once */
  close(socket->outbox.fd);
}

void addon_end(napi_async_cleanup_hook_handle hook, void *data) {
  struct addon *addon = data;
  addon->ending = hook;
  while (addon->sockets != NULL) socket_close(addon->sockets);
  napi_async_destroy(addon->env, addon->context);
  end_if_all_closed(addon);
}
