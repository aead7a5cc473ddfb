/*
 * A link between two network namespaces, emulated in user space: a TUN device at each end, and between them what cables, radios and
 * faulty routers do to packets, in the same order and with the same meaning as in src/services/kit/link.ts:
 *
 *     TUN ─▶ queue (drop-tail) ─▶ rate ─▶ loss ─▶ corruption ─▶ delay, jitter, reordering ─▶ duplication ─▶ TUN
 *
 *     link CLIENT_NAMESPACE SERVER_NAMESPACE          creates the device `wire` in both; ends with its stdin
 *
 * Each line on stdin is a command, answered by one line of JSON on stdout:
 *
 *     set up|down|both KEY=VALUE …    replaces all conditions (see KEYS); keys not named are 0. up: from the client to the server
 *     begin SEED                      forgets packets in flight and all counters, and reseeds the random generator
 *     settle                          forgets the queueing times so far
 *     report                          counters since `begin`, in total and per flow; how long packets queued; how late this program was
 *
 * In addition, {"flow":…} announces the first packet of each flow: protocol, client's port, server's port.
 */
#define _GNU_SOURCE
#include "link.h"
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, LINE_BYTES_MAX = 1024 };
/* A sleeping processor takes a while to wake up. So this program wakes early from a long sleep, and spins for the rest. */
static const int64_t LONG_SLEEP_NS = 300000, EARLY_NS = 80000;
static const char *const DIRECTIONS[] = { "up", "down" };
static const struct { const char *name; size_t at; } KEYS[] = {
  { "rate", offsetof(struct conditions, rate_bps) },         /* bits per second; 0: unlimited */
  { "queue", offsetof(struct conditions, queue_bytes) },     /* bytes that may wait; more is dropped */
  { "delay", offsetof(struct conditions, delay_ms) },        /* one way */
  { "jitter", offsetof(struct conditions, jitter_ms) },      /* added at random, 0 up to this; never reorders by itself */
  { "loss", offsetof(struct conditions, loss) },             /* are dropped */
  { "run", offsetof(struct conditions, loss_run) },          /* mean length of a run of losses, in full packets; up to 1: independent losses */
  { "corrupt", offsetof(struct conditions, corrupt) },       /* arrive with one bit of the payload flipped */
  { "mend", offsetof(struct conditions, mend_sums) },        /* 1: with the UDP or TCP checksum repaired, as a faulty router would */
  { "reorder", offsetof(struct conditions, reorder) },       /* are held back, so that later ones overtake */
  { "by", offsetof(struct conditions, reorder_ms) },         /* by this long */
  { "duplicate", offsetof(struct conditions, duplicate) },   /* arrive twice */
  { "longest", offsetof(struct conditions, longest_bytes) }, /* longer ones are dropped silently: a black hole. 0: none */
};

static const char *const COUNTER_NAMES[COUNTERS] = { "packets", "bytes", "dropped", "droppedBytes", "lost", "lostBytes", "corrupted", "reordered", "duplicated", "delivered", "deliveredBytes", "onTheWayBytes" };

static int flow_count = 1, tuns[2], stamps[2];
static int64_t began_ns;

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(2);
}

/* ---- Packets. ---- */

static int flow_of(const unsigned char *ip, int length, int direction) {
  int at = transport_at(ip), protocol = ip[9];
  if ((protocol != TCP && protocol != UDP) || length < at + 8) return 0;
  int source = ip[at] << 8 | ip[at + 1], destination = ip[at + 2] << 8 | ip[at + 3];
  int client_port = direction == UP ? source : destination, server_port = direction == UP ? destination : source;
  for (int i = flow_count - 1; i > 0; i--) {
    if (flows[i].client_port == client_port && flows[i].server_port == server_port && flows[i].protocol == protocol) return i;
  }
  if (flow_count == FLOWS_MAX) return 0;
  flows[flow_count] = (struct flow){ .protocol = protocol, .client_port = client_port, .server_port = server_port };
  printf("{\"flow\":{\"protocol\":\"%s\",\"clientPort\":%d,\"serverPort\":%d}}\n", protocol == TCP ? "tcp" : "udp", client_port, server_port);
  return flow_count++;
}

/* Reads packets that were sent into one end. */
static void receive(int end) {
  struct packet *packet;
  for (int i = 0; i < BATCH && (packet = place()) != NULL; i++) {
    ssize_t length = read(tuns[end], packet->bytes, PACKET_BYTES_MAX);
    if (length < 0) return;
    if (length < 20 || packet->bytes[0] >> 4 != 4) continue; /* Skip IPv6, which sends its own packets on every new device. */
    packet->length = (int)length;
    packet->direction = end;
    packet->flow = flow_of(packet->bytes, packet->length, end);
    enter(packet, sent_at(stamps[end], packet));
  }
}

static void deliver(void) {
  for (int64_t now = now_ns(); next_due_ns() <= now; now = now_ns()) {
    const struct packet *packet = arrive(now);
    if (write(tuns[1 - packet->direction], packet->bytes, (size_t)packet->length) != packet->length) perror("write to a TUN device");
  }
}

/* ---- Commands. ---- */

static int set(char *words) {
  char *rest, *which = strtok_r(words, " ", &rest);
  struct conditions conditions = { 0 };
  if (which == NULL) return 0;
  for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
    size_t key = 0, keys = sizeof KEYS / sizeof *KEYS, length = strcspn(word, "=");
    while (key < keys && (strlen(KEYS[key].name) != length || strncmp(KEYS[key].name, word, length) != 0)) key++;
    if (key == keys || word[length] != '=') return 0;
    *(double *)((char *)&conditions + KEYS[key].at) = atof(word + length + 1);
  }
  for (int i = UP; i <= DOWN; i++) if (strcmp(which, "both") == 0 || strcmp(which, DIRECTIONS[i]) == 0) directions[i].conditions = conditions;
  return 1;
}

static void begin_anew(uint64_t seed) {
  begin(seed);
  flow_count = 1;
  began_ns = now_ns();
}

static void print_flow(const struct flow *flow) {
  for (int direction = UP; direction <= DOWN; direction++) {
    printf("%s\"%s\":{", direction == UP ? "" : ",", DIRECTIONS[direction]);
    for (int i = 0; i < COUNTERS; i++) printf("%s\"%s\":%lld", i == 0 ? "" : ",", COUNTER_NAMES[i], (long long)flow->counts[direction][i]);
    printf("}");
  }
}

static void report(void) {
  printf("{\"seconds\":%.3f,\"lateMs\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f},\"queueMs\":{", (double)(now_ns() - began_ns) / 1e9, percentile_ms(&late, 0.5), percentile_ms(&late, 0.99), percentile_ms(&late, 1));
  for (int i = UP; i <= DOWN; i++) printf("%s\"%s\":{\"p50\":%.2f,\"p90\":%.2f}", i == UP ? "" : ",", DIRECTIONS[i], percentile_ms(&directions[i].queued, 0.5), percentile_ms(&directions[i].queued, 0.9));
  printf("},\"all\":{");
  print_flow(&flows[0]);
  printf("},\"flows\":[");
  for (int i = 1; i < flow_count; i++) {
    printf("%s{\"protocol\":\"%s\",\"clientPort\":%d,\"serverPort\":%d,", i == 1 ? "" : ",", flows[i].protocol == TCP ? "tcp" : "udp", flows[i].client_port, flows[i].server_port);
    print_flow(&flows[i]);
    printf("}");
  }
  printf("]}\n");
}

static void execute(char *line) {
  if (strncmp(line, "set ", 4) == 0) puts(set(line + 4) ? "{}" : "{\"error\":\"set: up, down or both, then KEY=VALUE …\"}");
  else if (strncmp(line, "begin ", 6) == 0) begin_anew(strtoull(line + 6, NULL, 10)), puts("{}");
  else if (strcmp(line, "settle") == 0) memset(&directions[UP].queued, 0, sizeof late), memset(&directions[DOWN].queued, 0, sizeof late), puts("{}");
  else if (strcmp(line, "report") == 0) report();
  else puts("{\"error\":\"no such command\"}");
}

/* Executes the lines received so far. @returns 0 at the end of stdin */
static int listen_to_stdin(void) {
  static char lines[LINE_BYTES_MAX];
  static size_t length;
  ssize_t came = read(STDIN_FILENO, lines + length, sizeof lines - length);
  if (came <= 0) return 0;
  length += (size_t)came;
  for (char *end; (end = memchr(lines, '\n', length)) != NULL;) {
    *end = 0;
    execute(lines);
    length -= (size_t)(end + 1 - lines);
    memmove(lines, end + 1, length);
  }
  return length < sizeof lines;
}

/* ---- The ends. ---- */

/* @param stamps receives the socket that timestamps packets */
static int open_tun(const char *namespace, int *stamps) {
  char path[128];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int there = open(path, O_RDONLY | O_CLOEXEC);
  struct ifreq request = { .ifr_name = "wire", .ifr_flags = IFF_TUN | IFF_NO_PI };
  if (there < 0 || setns(there, CLONE_NEWNET) < 0) die(path);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC); /* belongs to the current namespace */
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) die("/dev/net/tun");
  if ((*stamps = open_stamps(request.ifr_name)) < 0) die("a packet socket");
  close(there);
  return tun;
}

int main(int argc, char **argv) {
  if (argc != 3) return fputs("usage: link CLIENT_NAMESPACE SERVER_NAMESPACE\n", stderr), 2;
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  for (int end = 0; end < 2; end++) tuns[end] = open_tun(argv[1 + end], &stamps[end]);
  begin_anew(1);
  /* A network does not wait for its users: real-time priority, precise timers, no page faults. */
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 10 });
  prctl(PR_SET_TIMERSLACK, 1);
  mlockall(MCL_CURRENT | MCL_FUTURE);
  puts("{\"ready\":true}");
  struct pollfd ready[] = { { .fd = tuns[0], .events = POLLIN }, { .fd = tuns[1], .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
  for (;;) {
    deliver();
    int64_t due_ns = next_due_ns(), now = now_ns(), wait_ns = due_ns <= now ? 0 : due_ns - now < SECOND_NS ? due_ns - now : SECOND_NS;
    int wakes_early = wait_ns > LONG_SLEEP_NS;
    if (wakes_early) wait_ns -= EARLY_NS;
    struct timespec wait = { wait_ns / SECOND_NS, wait_ns % SECOND_NS };
    if (ppoll(ready, 3, &wait, NULL) <= 0) {
      if (wakes_early && due_ns - now_ns() <= EARLY_NS) while (now_ns() < due_ns);
      continue;
    }
    if (ready[2].revents != 0 && !listen_to_stdin()) return 0;
    for (int end = 0; end < 2; end++) if (ready[end].revents != 0) receive(end);
  }
}
