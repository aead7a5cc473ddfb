/* Shared by the load generators: datagrams in batches, so that a generator needs less CPU than any server, and latency statistics. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, ANSWER_BYTES_MAX = 1500, BUCKETS = 1000000, SOCKET_BUFFER_BYTES = 4 << 20 };
static const int64_t SECOND_NS = 1000000000, DRAIN_NS = 300000000;
static uint32_t latency_us[BUCKETS + 1];
static long timed;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void die(const char *what) {
  fprintf(stderr, "load: %s\n", what);
  exit(2);
}

/* Sends `count` datagrams, at most BATCH. */
static void send_batch(int fd, struct iovec *datagrams, int count) {
  struct mmsghdr messages[BATCH];
  for (int i = 0; i < count; i++) messages[i].msg_hdr = (struct msghdr){ .msg_iov = &datagrams[i], .msg_iovlen = 1 };
  for (int sent = 0; sent < count;) {
    int taken = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
    if (taken < 0 && errno != ECONNREFUSED && errno != EINTR) die(strerror(errno));
    if (taken > 0) sent += taken;
  }
}

/* Passes on what has arrived. Waits for the first datagram up to the socket's timeout, unless `flags` say not to wait. */
static void receive_batch(int fd, int flags, void (*take)(int fd, const unsigned char *bytes, size_t length, int64_t now)) {
  static unsigned char slab[BATCH][ANSWER_BYTES_MAX];
  static struct iovec in[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    in[i] = (struct iovec){ slab[i], ANSWER_BYTES_MAX };
    messages[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
  }
  int count = recvmmsg(fd, messages, BATCH, flags, NULL);
  if (count < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR) die(strerror(errno));
  int64_t now = now_ns();
  for (int i = 0; i < count; i++) take(fd, slab[i], messages[i].msg_len, now);
}

static void took(int64_t ns) {
  int64_t us = ns / 1000;
  latency_us[us < BUCKETS ? us : BUCKETS]++;
  timed++;
}

static int percentile_us(double share) {
  long wanted = (long)(share * (double)timed), seen = 0;
  for (int us = 0; us <= BUCKETS; us++) {
    seen += latency_us[us];
    if (seen > wanted) return us;
  }
  return BUCKETS;
}
