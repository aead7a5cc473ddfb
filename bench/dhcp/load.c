/*
 * The load generator: a relay agent that runs DISCOVER, OFFER, REQUEST and ACK for many clients, as fast as the server
 * can answer, with at most WINDOW exchanges in flight, for SECONDS or until EXCHANGES have been started.
 *
 *     load SERVER OWN-ADDRESS SECONDS EXCHANGES WINDOW MAC CLIENTS
 *
 * The clients' hardware addresses count up from MAC; after CLIENTS of them the first comes back. An exchange counts as
 * done if the ACK leases the address of the OFFER to the client that asked, and no other client was leased that address
 * in this run. It is lost if there is no reply within a second. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/resource.h>
#include "../load.h"

enum { MESSAGE_BYTES = 300, WINDOW_MAX = 4096, SERVER_PORT = 67, POOL_BITS = 20 };
enum { XID = 4, YIADDR = 16, GIADDR = 24, CHADDR = 28, OPTIONS = 240 };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5 };

/*
 * A slot of the window. The low bits of an xid are the slot, the rest is the client's number, so a reply identifies
 * both.
 */
struct exchange {
  uint32_t xid, yiaddr;
  bool open, offered;
  int64_t asked_ns;
};

static struct exchange exchanges[WINDOW_MAX];
static int window;
static unsigned char out[BATCH][MESSAGE_BYTES];
static int out_count;
static uint32_t holders[1 << POOL_BITS]; /* by the low bits of an address: the number of its client plus one */
static uint32_t next_client, clients, own_address;
static uint64_t first_mac;
static long open_count, asked, done, wrong, lost, exchanges_max;

static void put32(unsigned char *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static uint32_t get32(const unsigned char *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return ntohl(value);
}

static uint32_t client_of(uint32_t xid) {
  return xid / WINDOW_MAX % clients;
}

static void transmit(int fd) {
  struct iovec datagrams[BATCH];
  for (int i = 0; i < out_count; i++) datagrams[i] = (struct iovec){ out[i], MESSAGE_BYTES };
  send_batch(fd, datagrams, out_count);
  out_count = 0;
}

/* Begins a message of a client. The caller adds the options after the message type. */
static unsigned char *begin_message(int fd, uint32_t xid, unsigned char type) {
  if (out_count == BATCH) transmit(fd);
  unsigned char *message = out[out_count++];
  memset(message, 0, MESSAGE_BYTES);
  memcpy(message, (unsigned char[]){ 1, 1, 6, 1 }, 4);
  put32(message + XID, xid);
  put32(message + GIADDR, own_address);
  uint64_t mac = first_mac + client_of(xid);
  for (int at = 0; at < 6; at++) message[CHADDR + at] = (unsigned char)(mac >> (40 - 8 * at));
  memcpy(message + OPTIONS - 4, (unsigned char[]){ 99, 130, 83, 99, 53, 1, type }, 7);
  return message + OPTIONS + 3;
}

/*
 * The same options that perfdhcp requests: mask, broadcast address, time offset, router, domain, DNS servers, host
 * name.
 */
static void end_message(unsigned char *options) {
  memcpy(options, (unsigned char[]){ 55, 7, 1, 28, 2, 3, 15, 6, 12, 255 }, 10);
}

static void discover(int fd, int slot) {
  uint32_t xid = next_client++ * WINDOW_MAX + (uint32_t)slot;
  exchanges[slot] = (struct exchange){ .xid = xid, .open = true, .asked_ns = now_ns() };
  open_count++;
  asked++;
  end_message(begin_message(fd, xid, DISCOVER));
}

static void request(int fd, const struct exchange *exchange, uint32_t server_identifier) {
  unsigned char *options = begin_message(fd, exchange->xid, REQUEST);
  memcpy(options, (unsigned char[]){ 54, 4, 0, 0, 0, 0, 50, 4 }, 8);
  put32(options + 2, server_identifier);
  put32(options + 8, exchange->yiaddr);
  end_message(options + 12);
}

/* The value of an option of at least `length` bytes; NULL if there is none. */
static const unsigned char *option(const unsigned char *message, size_t size, unsigned char code, unsigned char length) {
  for (size_t at = OPTIONS; at + 2 <= size && message[at] != 255; at += message[at] == 0 ? 1 : 2 + message[at + 1])
    if (message[at] == code) return message[at + 1] >= length && at + 2 + length <= size ? message + at + 2 : NULL;
  return NULL;
}

static void close_exchange(struct exchange *exchange) {
  exchange->open = false;
  open_count--;
}

static void acknowledged(struct exchange *exchange, uint32_t yiaddr, int64_t now) {
  uint32_t *holder = &holders[yiaddr & ((1 << POOL_BITS) - 1)], client = client_of(exchange->xid) + 1;
  close_exchange(exchange);
  if (yiaddr != exchange->yiaddr || (*holder != 0 && *holder != client)) {
    wrong++;
    return;
  }
  *holder = client;
  done++;
  took(now - exchange->asked_ns);
}

static void take_reply(int fd, const unsigned char *message, size_t size, int64_t now) {
  const unsigned char *type = size < OPTIONS ? NULL : option(message, size, 53, 1), *server = size < OPTIONS ? NULL : option(message, size, 54, 4);
  struct exchange *exchange = size < OPTIONS ? NULL : &exchanges[get32(message + XID) % WINDOW_MAX];
  if (type == NULL || server == NULL || !exchange->open || exchange->xid != get32(message + XID)) {
    wrong++;
  } else if (*type == OFFER && !exchange->offered) {
    exchange->offered = true;
    exchange->yiaddr = get32(message + YIADDR);
    request(fd, exchange, get32(server));
  } else if (*type == ACK && exchange->offered) {
    acknowledged(exchange, get32(message + YIADDR), now);
  } else {
    wrong++;
    close_exchange(exchange);
  }
}

static void give_up_older_than(int64_t limit_ns) {
  for (int slot = 0; slot < window; slot++) {
    if (!exchanges[slot].open || exchanges[slot].asked_ns > limit_ns) continue;
    close_exchange(&exchanges[slot]);
    lost++;
  }
}

static void flood(int fd, int64_t until_ns) {
  int64_t swept_ns = now_ns();
  for (;;) {
    int64_t now = now_ns();
    if (now >= until_ns || (open_count == 0 && asked >= exchanges_max)) return;
    for (int slot = 0; open_count < window && asked < exchanges_max; slot++) if (!exchanges[slot].open) discover(fd, slot);
    transmit(fd);
    receive_batch(fd, MSG_WAITFORONE, take_reply);
    if (now - swept_ns < SECOND_NS / 4) continue;
    swept_ns = now;
    give_up_older_than(now - SECOND_NS);
  }
}

static struct sockaddr_in address(const char *text) {
  struct sockaddr_in result = { .sin_family = AF_INET, .sin_port = htons(SERVER_PORT) };
  if (inet_pton(AF_INET, text, &result.sin_addr) != 1) die("an address cannot be read");
  return result;
}

static uint64_t mac_of(const char *text) {
  unsigned bytes[6];
  uint64_t mac = 0;
  if (sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5]) != 6) die("a hardware address cannot be read");
  for (int at = 0; at < 6; at++) mac = mac << 8 | (bytes[at] & 255);
  return mac;
}

int main(int argc, char **argv) {
  if (argc != 8) die("usage: load SERVER OWN-ADDRESS SECONDS EXCHANGES WINDOW MAC CLIENTS");
  struct sockaddr_in server = address(argv[1]), own = address(argv[2]);
  exchanges_max = atol(argv[4]);
  window = atoi(argv[5]);
  if (window < 1 || window > WINDOW_MAX) die("the window is out of range");
  first_mac = mac_of(argv[6]);
  clients = (uint32_t)atol(argv[7]);
  if (clients < (uint32_t)window) die("there must be at least as many clients as the window has slots");
  own_address = ntohl(own.sin_addr.s_addr);

  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int buffer_bytes = SOCKET_BUFFER_BYTES;
  struct timeval wait = { 0, 50000 };
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die(strerror(errno));

  int64_t began_ns = now_ns();
  flood(fd, began_ns + (int64_t)(atof(argv[3]) * (double)SECOND_NS));
  double seconds = (double)(now_ns() - began_ns) / (double)SECOND_NS;
  long in_time = done;
  for (int64_t until_ns = now_ns() + DRAIN_NS; open_count > 0 && now_ns() < until_ns;) {
    receive_batch(fd, MSG_WAITFORONE, take_reply);
    transmit(fd);
  }
  give_up_older_than(now_ns());

  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu_seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"seconds\":%.3f,\"asked\":%ld,\"doneInTime\":%ld,\"done\":%ld,\"wrong\":%ld,\"lost\":%ld,\"p50Us\":%d,\"p99Us\":%d,\"cpuSeconds\":%.3f}\n",
    seconds, asked, in_time, done, wrong, lost, percentile_us(0.50), percentile_us(0.99), cpu_seconds);
  return 0;
}
