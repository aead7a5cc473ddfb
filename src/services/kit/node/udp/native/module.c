/* The functions that JavaScript calls: see socket.h. batch-door.ts is the only caller. A wrong argument throws and touches no memory. */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Raised with every change to what JavaScript sees; batch-add-on.ts refuses any other version. */
#define INTERFACE_VERSION 3

static const napi_type_tag SOCKET_TAG = {0x6a3f1c0e9b5d4a27, 0x8e2d7b41f06c4935};

static napi_value throw_type_error(napi_env env, const char *sentence) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", sentence);
  return NULL;
}

static napi_value number(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

static napi_value text(napi_env env, const char *characters) {
  napi_value result = NULL;
  napi_create_string_utf8(env, characters, NAPI_AUTO_LENGTH, &result);
  return result;
}

/** Throws an error shaped like Node's own: "bind EADDRINUSE", with code, errno and syscall. */
static napi_value throw_system_error(napi_env env, int error, const char *system_call) {
  char message[64];
  napi_value thrown;
  const char *code = uv_err_name(-error);
  snprintf(message, sizeof message, "%s %s", system_call, code);
  if (napi_create_error(env, text(env, code), text(env, message), &thrown) != napi_ok) return throw_type_error(env, message);
  napi_set_named_property(env, thrown, "errno", number(env, -error));
  napi_set_named_property(env, thrown, "syscall", text(env, system_call));
  napi_throw(env, thrown);
  return NULL;
}

/** Reads the arguments of a call; missing ones are undefined. */
static struct addon *arguments(napi_env env, napi_callback_info info, napi_value *values, size_t count) {
  void *addon = NULL;
  napi_get_cb_info(env, info, &count, values, NULL, &addon);
  return addon;
}

static bool is_of_type(napi_env env, napi_value value, napi_valuetype wanted) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == wanted;
}

static bool bytes_of(napi_env env, napi_value value, uint8_t **bytes, size_t *length) {
  napi_typedarray_type type;
  void *data;
  bool is_array = false;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return false;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) return false;
  *bytes = data;
  return data != NULL || *length == 0;
}

/** Copies a peer's socket address: the first 28 bytes of a path. */
static bool address_of(napi_env env, napi_value value, struct sockaddr_in6 *address) {
  uint8_t *bytes;
  size_t length;
  if (!bytes_of(env, value, &bytes, &length) || length != sizeof *address) return false;
  memcpy(address, bytes, sizeof *address);
  return address->sin6_family == AF_INET || address->sin6_family == AF_INET6;
}

/** Reads an interface name; '' for none. */
static bool interface_of(napi_env env, napi_value value, char name[IF_NAMESIZE]) {
  size_t length;
  return napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length < IF_NAMESIZE
    && napi_get_value_string_utf8(env, value, name, IF_NAMESIZE, &length) == napi_ok;
}

/** The socket behind a handle, open or closed. Throws and returns NULL if the value is not a handle. */
static struct socket *socket_of(napi_env env, napi_value value) {
  bool is_socket = false;
  void *socket = NULL;
  if (is_of_type(env, value, napi_object) && napi_check_object_type_tag(env, value, &SOCKET_TAG, &is_socket) == napi_ok && is_socket && napi_unwrap(env, value, &socket) == napi_ok) return socket;
  throw_type_error(env, "this is not a socket of the batch add-on");
  return NULL;
}

static struct socket *open_socket_of(napi_env env, napi_value value) {
  struct socket *socket = socket_of(env, value);
  if (socket != NULL && socket->poll == NULL) {
    throw_type_error(env, "the socket is closed");
    return NULL;
  }
  return socket;
}

struct slab *slab_of(struct addon *addon) {
  napi_value buffer = NULL;
  void *bytes = NULL;
  size_t length = 0;
  if (napi_get_reference_value(addon->env, addon->buffer, &buffer) != napi_ok || buffer == NULL) return NULL;
  if (napi_get_arraybuffer_info(addon->env, buffer, &bytes, &length) != napi_ok || length != sizeof(struct slab)) return NULL;
  return bytes;
}

static void on_collected(napi_env env, void *socket, void *hint) {
  (void)env, (void)hint;
  socket_disown(socket);
}

/** open(local, peer | undefined, options, interfaceName, receiver(count or -errno)) → a handle. Throws the system's error. */
static napi_value call_open(napi_env env, napi_callback_info info) {
  napi_value values[5], handle;
  struct addon *addon = arguments(env, info, values, 5);
  struct sockaddr_in6 local, peer;
  uint32_t options;
  char interface_name[IF_NAMESIZE];
  const char *failed;
  const bool connected = !is_of_type(env, values[1], napi_undefined);
  if (addon->ending != NULL) return throw_type_error(env, "the environment is shutting down");
  if (!address_of(env, values[0], &local)) return throw_type_error(env, "the local address must be 28 bytes, IPv4 or IPv6");
  if (connected && (!address_of(env, values[1], &peer) || peer.sin6_family != local.sin6_family)) return throw_type_error(env, "the peer must be 28 bytes, of the same family as the local address");
  if (napi_get_value_uint32(env, values[2], &options) != napi_ok) return throw_type_error(env, "the options must be a number");
  if (!interface_of(env, values[3], interface_name)) return throw_type_error(env, "the interface name must be a string of at most 15 bytes");
  if (!is_of_type(env, values[4], napi_function)) return throw_type_error(env, "the receiver must be a function");

  struct socket *opened = socket_open(addon, &local, connected ? &peer : NULL, options, interface_name, &failed);
  if (opened == NULL) return throw_system_error(env, errno, failed);
  const bool made = napi_create_reference(env, values[4], 1, &opened->receiver) == napi_ok && napi_create_object(env, &handle) == napi_ok
    && napi_type_tag_object(env, handle, &SOCKET_TAG) == napi_ok && napi_wrap(env, handle, opened, on_collected, NULL, NULL) == napi_ok;
  if (!made) {
    socket_close(opened);
    return throw_type_error(env, "the handle could not be created");
  }
  opened->owners++;
  socket_listen(opened);
  return handle;
}

/** port(socket) → the port it is bound to. */
static napi_value call_port(napi_env env, napi_callback_info info) {
  napi_value values[1];
  arguments(env, info, values, 1);
  struct socket *socket = open_socket_of(env, values[0]);
  if (socket == NULL) return NULL;
  struct sockaddr_in6 local;
  socklen_t size = sizeof local;
  if (getsockname(socket->outbox.fd, (struct sockaddr *)&local, &size) != 0) return throw_system_error(env, errno, "getsockname");
  return number(env, ntohs(local.sin6_port)); /* at the same offset in sockaddr_in */
}

/** Ends a send call: waits for the socket to become writable if datagrams had to be queued, and returns the errno of a lost one. */
static napi_value sent(napi_env env, struct socket *socket, int lost) {
  if (socket->outbox.first != NULL) socket_listen(socket);
  return number(env, lost);
}

/** send(socket, count) → 0, or the errno of a lost datagram. Sends the first `count` datagrams of the slab's sending half. */
static napi_value call_send(napi_env env, napi_callback_info info) {
  napi_value values[2];
  uint32_t count;
  struct addon *addon = arguments(env, info, values, 2);
  struct socket *socket = open_socket_of(env, values[0]);
  if (socket == NULL) return NULL;
  const struct slab *slab = slab_of(addon);
  if (slab == NULL) return throw_type_error(env, "the slab was transferred away");
  if (napi_get_value_uint32(env, values[1], &count) != napi_ok || count > BATCH_MAX) return throw_type_error(env, "the count must be a number, at most 64");
  struct outgoing outgoing[BATCH_MAX];
  for (uint32_t index = 0; index < count; index++) {
    const uint32_t offset = slab->send_offsets[index], length = slab->send_lengths[index];
    if (offset > SEND_BYTES || length > SEND_BYTES - offset) return throw_type_error(env, "a datagram reaches beyond the slab");
    if (slab->send_paths[index].peer.family != socket->family) return throw_type_error(env, "a path is not of the socket's address family");
    outgoing[index] = (struct outgoing){.path = &slab->send_paths[index], .bytes = slab->send_bytes + offset, .length = length};
  }
  return sent(env, socket, outbox_send(&socket->outbox, outgoing, count));
}

/** sendTrain(socket, bytes, segmentBytes) → as send. Sends along the first path of the slab's sending half. */
static napi_value call_send_train(napi_env env, napi_callback_info info) {
  napi_value values[3];
  uint8_t *bytes;
  size_t length;
  uint32_t segment_bytes;
  struct addon *addon = arguments(env, info, values, 3);
  struct socket *socket = open_socket_of(env, values[0]);
  if (socket == NULL) return NULL;
  const struct slab *slab = slab_of(addon);
  if (slab == NULL) return throw_type_error(env, "the slab was transferred away");
  if (!bytes_of(env, values[1], &bytes, &length)) return throw_type_error(env, "a train must be a Uint8Array");
  if (napi_get_value_uint32(env, values[2], &segment_bytes) != napi_ok || segment_bytes < 1 || segment_bytes > DATAGRAM_BYTES_MAX) return throw_type_error(env, "the segment size must be 1 to 65,507 bytes");
  if (slab->send_paths[0].peer.family != socket->family) return throw_type_error(env, "the path is not of the socket's address family");
  return sent(env, socket, outbox_send_train(&socket->outbox, &slab->send_paths[0], bytes, length, (uint16_t)segment_bytes));
}

/** pause(socket, paused): a paused socket leaves what arrives in the system's receive buffer. */
static napi_value call_pause(napi_env env, napi_callback_info info) {
  napi_value values[2];
  arguments(env, info, values, 2);
  struct socket *socket = open_socket_of(env, values[0]);
  if (socket == NULL) return NULL;
  if (napi_get_value_bool(env, values[1], &socket->paused) != napi_ok) return throw_type_error(env, "paused must be true or false");
  socket_listen(socket);
  return NULL;
}

/** close(socket). Closing twice is allowed. */
static napi_value call_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  arguments(env, info, values, 1);
  struct socket *socket = socket_of(env, values[0]);
  if (socket != NULL) socket_close(socket);
  return NULL;
}

/** interfaceName(index) → its name, or ''. */
static napi_value call_interface_name(napi_env env, napi_callback_info info) {
  napi_value values[1];
  uint32_t index;
  char name[IF_NAMESIZE];
  arguments(env, info, values, 1);
  if (napi_get_value_uint32(env, values[0], &index) != napi_ok) return throw_type_error(env, "the interface index must be a number");
  return text(env, if_indextoname(index, name) == NULL ? "" : name);
}

/** interfaceIndex(name) → its index, or 0. */
static napi_value call_interface_index(napi_env env, napi_callback_info info) {
  napi_value values[1];
  char name[IF_NAMESIZE];
  arguments(env, info, values, 1);
  if (!is_of_type(env, values[0], napi_string)) return throw_type_error(env, "the interface name must be a string");
  return number(env, interface_of(env, values[0], name) ? (int32_t)if_nametoindex(name) : 0);
}

/* The parts of the slab that JavaScript sees, by their names there. */
#define PART(name, type, field, element_bytes) {name, type, offsetof(struct slab, field), sizeof(((struct slab *)0)->field) / (element_bytes)}
static const struct {
  const char *name;
  napi_typedarray_type type;
  size_t offset, count;
} PARTS[] = {
  PART("receivedPaths", napi_uint32_array, received_paths, 4), PART("slots", napi_uint32_array, slots, 4), PART("offsets", napi_uint32_array, offsets, 4),
  PART("lengths", napi_uint32_array, lengths, 4), PART("replyLengths", napi_uint32_array, reply_lengths, 4), PART("replies", napi_uint8_array, replies, 1),
  PART("sendPaths", napi_uint32_array, send_paths, 4), PART("sendOffsets", napi_uint32_array, send_offsets, 4), PART("sendLengths", napi_uint32_array, send_lengths, 4),
  PART("sendBytes", napi_uint8_array, send_bytes, 1), PART("datagrams", napi_uint8_array, datagrams, 1),
};

static const struct {
  const char *name;
  napi_callback call;
} CALLS[] = {
  {"open", call_open}, {"port", call_port}, {"send", call_send}, {"sendTrain", call_send_train}, {"pause", call_pause}, {"close", call_close},
  {"interfaceName", call_interface_name}, {"interfaceIndex", call_interface_index},
};

/** Allocates the slab and points recvmmsg's messages at its slots. */
static bool make_slab(struct addon *addon, napi_value *buffer) {
  void *bytes;
  if (napi_create_arraybuffer(addon->env, sizeof(struct slab), &bytes, buffer) != napi_ok || napi_create_reference(addon->env, *buffer, 1, &addon->buffer) != napi_ok) return false;
  struct slab *slab = bytes;
  for (unsigned slot = 0; slot < BATCH_MAX; slot++) {
    addon->pieces[slot] = (struct iovec){.iov_base = slab->datagrams + slot * SLOT_BYTES, .iov_len = SLOT_BYTES};
    addon->messages[slot].msg_hdr = (struct msghdr){
      .msg_name = &slab->received_paths[slot].peer, .msg_iov = &addon->pieces[slot], .msg_iovlen = 1, .msg_control = addon->controls[slot].bytes,
    };
  }
  make_ready(addon, BATCH_MAX);
  return true;
}

static void on_unloaded(napi_env env, void *addon, void *hint) {
  (void)env, (void)hint;
  free(addon);
}

static bool set_up(struct addon *addon, napi_value exports) {
  napi_env env = addon->env;
  napi_value buffer, value;
  if (napi_get_uv_event_loop(env, &addon->loop) != napi_ok || napi_async_init(env, NULL, text(env, "HamletDatagrams"), &addon->context) != napi_ok || !make_slab(addon, &buffer)) return false;
  for (size_t index = 0; index < sizeof PARTS / sizeof *PARTS; index++) {
    if (napi_create_typedarray(env, PARTS[index].type, PARTS[index].count, buffer, PARTS[index].offset, &value) != napi_ok) return false;
    napi_set_named_property(env, exports, PARTS[index].name, value);
  }
  for (size_t index = 0; index < sizeof CALLS / sizeof *CALLS; index++) {
    if (napi_create_function(env, CALLS[index].name, NAPI_AUTO_LENGTH, CALLS[index].call, addon, &value) != napi_ok) return false;
    napi_set_named_property(env, exports, CALLS[index].name, value);
  }
  napi_set_named_property(env, exports, "version", number(env, INTERFACE_VERSION));
  return napi_add_async_cleanup_hook(env, addon_end, addon, NULL) == napi_ok;
}

NAPI_MODULE_INIT() {
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL || napi_set_instance_data(env, addon, on_unloaded, NULL) != napi_ok) {
    free(addon);
    return throw_type_error(env, "out of memory for the batch add-on");
  }
  addon->env = env;
  return set_up(addon, exports) ? exports : throw_type_error(env, "the batch add-on could not be initialized");
}
