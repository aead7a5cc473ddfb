/**
 * The lower bound for every UDP server, and its load generator. `peer echo` prints its port and echoes what arrives, 64 datagrams per
 * system call. `peer load PORT SECONDS BYTES` keeps up to 256 datagrams in flight to that port of 127.0.0.1, and prints how many came back.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, WINDOW = 256, SLOT = 2048 };

static struct mmsghdr messages[BATCH];
static struct iovec pieces[BATCH];
static struct sockaddr_in names[BATCH];
static char slots[BATCH][SLOT];

static int open_socket(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 4 << 20;
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) != 0) exit(1);
  return fd;
}

static void aim(int at, size_t length, int named) {
  pieces[at] = (struct iovec){slots[at], length};
  messages[at].msg_hdr = (struct msghdr){.msg_iov = &pieces[at], .msg_iovlen = 1, .msg_name = named ? &names[at] : NULL, .msg_namelen = named ? sizeof names[at] : 0};
}

static void echo(void) {
  const int fd = open_socket();
  struct sockaddr_in local;
  socklen_t size = sizeof local;
  getsockname(fd, (struct sockaddr *)&local, &size);
  printf("%d\n", ntohs(local.sin_port));
  fflush(stdout);
  for (;;) {
    for (int at = 0; at < BATCH; at++) aim(at, SLOT, 1);
    const int came = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int at = 0; at < came; at++) pieces[at].iov_len = messages[at].msg_len;
    for (int sent = 0; sent < came;) {
      const int now = sendmmsg(fd, messages + sent, came - sent, 0);
      sent += now > 0 ? now : 1;
    }
  }
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static void load(int port, double duration, size_t length) {
  const int fd = open_socket();
  const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (const struct sockaddr *)&peer, sizeof peer) != 0) exit(1);
  long back = 0;
  int in_flight = 0;
  for (const double end = seconds() + duration; seconds() < end;) {
    for (int at = 0; at < BATCH; at++) aim(at, length, 0);
    while (in_flight + BATCH <= WINDOW) {
      const int sent = sendmmsg(fd, messages, BATCH, 0);
      if (sent > 0) in_flight += sent;
    }
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, 20) == 0) in_flight = 0; /* some were lost */
    for (int at = 0; at < BATCH; at++) aim(at, SLOT, 0);
    const int came = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (came > 0) back += came, in_flight -= came < in_flight ? came : in_flight;
  }
  printf("%ld\n", back);
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "echo") == 0) echo();
  else if (count == 5 && strcmp(words[1], "load") == 0) load(atoi(words[2]), atof(words[3]), (size_t)atoi(words[4]));
  else return 2;
  return 0;
}
