/*
 * The load generator: sends A queries to a DNS server on 127.0.0.1 and checks the answers.
 *
 *     load PORT SECONDS flood WINDOW names FILE       as many as the server can take, with at most WINDOW pending
 *     load PORT SECONDS paced RATE   names FILE       RATE per second, on a fixed schedule that slow answers do not delay
 *     load PORT SECONDS flood WINDOW fresh SUFFIX     names that were never queried before: n00000042.SUFFIX
 *
 * An answer is correct if its id matches a pending query, QR is set, the rcode is 0 and there is one answer record. A query without
 * an answer after one second is lost. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sys/prctl.h>
#include "../load.h"

enum { QUERY_BYTES_MAX = 300, NAMES_MAX = 100000, IDS = 65536, FRESH_DIGITS = 8 };
static const int64_t LOST_AFTER_NS = 1000000000, BEHIND_NS_MAX = 10000000;

struct query {
  unsigned char bytes[QUERY_BYTES_MAX];
  size_t length;
};

static struct query *names;
static int name_count, fresh;
static int64_t asked_ns[IDS]; /* By id; 0: not pending. */
static uint32_t next_id, next_name;
static long open_count, asked, right, wrong, lost, answer_bytes;

/* The query for the A record of `name`: a header with RD, and one question. */
static struct query encode_query(const char *name) {
  struct query query = { .bytes = { 0, 0, 1, 0, 0, 1 } };
  size_t at = 12;
  for (const char *label = name; *label != 0;) {
    size_t length = strcspn(label, ".");
    if (length == 0 || length > 63 || at + length + 6 > QUERY_BYTES_MAX) die("a name is too long or has an empty label");
    query.bytes[at++] = (unsigned char)length;
    memcpy(query.bytes + at, label, length);
    at += length;
    label += length + (label[length] == '.');
  }
  memcpy(query.bytes + at, "\0\0\1\0\1", 5);
  query.length = at + 5;
  return query;
}

static void read_names(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("cannot read the file of names");
  names = calloc(NAMES_MAX, sizeof *names);
  char line[256];
  while (name_count < NAMES_MAX && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, " \r\n")] = 0;
    if (line[0] != 0) names[name_count++] = encode_query(line);
  }
  fclose(file);
  if (name_count == 0) die("the file of names is empty");
}

static void make_fresh(const char *suffix) {
  char name[256];
  snprintf(name, sizeof name, "n00000000.%s", suffix);
  names = calloc(BATCH, sizeof *names);
  for (name_count = 0; name_count < BATCH; name_count++) names[name_count] = encode_query(name);
  fresh = 1;
}

/* The next query, with an id that is not pending. */
static struct query *next_query(int64_t now) {
  struct query *query = &names[next_name % (uint32_t)name_count];
  if (fresh) {
    uint32_t number = next_name;
    for (int digit = FRESH_DIGITS; digit > 0; digit--, number /= 10) query->bytes[13 + digit] = (unsigned char)('0' + number % 10);
  }
  next_name++;
  while (asked_ns[next_id] != 0) next_id = (next_id + 1) % IDS;
  query->bytes[0] = (unsigned char)(next_id >> 8);
  query->bytes[1] = (unsigned char)next_id;
  asked_ns[next_id] = now;
  next_id = (next_id + 1) % IDS;
  return query;
}

/* Sends `count` queries, at most BATCH and at most as many as there are names. */
static void ask(int fd, int count) {
  struct iovec out[BATCH];
  if (count > BATCH) count = BATCH;
  if (count > name_count) count = name_count;
  int64_t now = now_ns();
  for (int i = 0; i < count; i++) {
    struct query *query = next_query(now);
    out[i] = (struct iovec){ query->bytes, query->length };
  }
  open_count += count;
  asked += count;
  send_batch(fd, out, count);
}

static void take_answer(int fd, const unsigned char *bytes, size_t length, int64_t now) {
  (void)fd;
  int id = length >= 12 ? bytes[0] << 8 | bytes[1] : 0;
  if (length < 12 || (bytes[2] & 0x80) == 0 || asked_ns[id] == 0) {
    wrong++;
    return;
  }
  int64_t took_ns = now - asked_ns[id];
  asked_ns[id] = 0;
  open_count--;
  if ((bytes[3] & 0x0f) != 0 || bytes[6] != 0 || bytes[7] != 1) {
    wrong++;
    return;
  }
  right++;
  answer_bytes += (long)length;
  took(took_ns);
}

static void give_up_older_than(int64_t limit_ns) {
  for (int id = 0; id < IDS; id++) {
    if (asked_ns[id] == 0 || asked_ns[id] > limit_ns) continue;
    asked_ns[id] = 0;
    open_count--;
    lost++;
  }
}

static void flood(int fd, int64_t until_ns, int window) {
  int64_t swept_ns = now_ns();
  for (;;) {
    int64_t now = now_ns();
    if (now >= until_ns) return;
    if (open_count < window) ask(fd, window - (int)open_count);
    receive_batch(fd, MSG_WAITFORONE, take_answer);
    if (now - swept_ns < LOST_AFTER_NS / 4) continue;
    swept_ns = now;
    give_up_older_than(now - LOST_AFTER_NS);
  }
}

static void paced(int fd, int64_t until_ns, int rate) {
  int64_t gap_ns = SECOND_NS / rate, due_ns = now_ns();
  for (;;) {
    int64_t now = now_ns();
    if (now >= until_ns) return;
    if (now - due_ns > BEHIND_NS_MAX) due_ns = now; /* The loader itself was not scheduled; catching up would be a flood. */
    for (; due_ns <= now; due_ns += gap_ns) ask(fd, 1);
    struct timespec wait = { 0, due_ns - now_ns() };
    if (wait.tv_nsec < 0) wait.tv_nsec = 0;
    struct pollfd readable = { fd, POLLIN, 0 };
    if (ppoll(&readable, 1, &wait, NULL) > 0) receive_batch(fd, MSG_DONTWAIT, take_answer);
  }
}

int main(int argc, char **argv) {
  if (argc != 7) die("usage: load PORT SECONDS flood|paced WINDOW|RATE names|fresh FILE|SUFFIX");
  int amount = atoi(argv[4]);
  if (amount < 1 || amount > IDS / 2) die("the window or rate is out of range");
  if (strcmp(argv[5], "fresh") == 0) make_fresh(argv[6]);
  else read_names(argv[6]);

  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int buffer_bytes = SOCKET_BUFFER_BYTES;
  struct timeval wait = { 0, 50000 };
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  prctl(PR_SET_TIMERSLACK, 1);
  struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die(strerror(errno));

  int64_t began_ns = now_ns();
  int64_t until_ns = began_ns + (int64_t)(atof(argv[2]) * (double)SECOND_NS);
  if (strcmp(argv[3], "paced") == 0) paced(fd, until_ns, amount);
  else flood(fd, until_ns, amount);
  double seconds = (double)(now_ns() - began_ns) / (double)SECOND_NS;
  long in_time = right;
  for (int64_t drained_ns = now_ns() + DRAIN_NS; open_count > 0 && now_ns() < drained_ns;) receive_batch(fd, MSG_WAITFORONE, take_answer);
  give_up_older_than(now_ns());

  printf("{\"seconds\":%.3f,\"asked\":%ld,\"answersInTime\":%ld,\"answers\":%ld,\"wrong\":%ld,\"lost\":%ld,\"answerBytes\":%.1f,\"p50Us\":%d,\"p99Us\":%d}\n",
    seconds, asked, in_time, right, wrong, lost, right > 0 ? (double)answer_bytes / (double)right : 0.0, percentile_us(0.50), percentile_us(0.99));
  return 0;
}
