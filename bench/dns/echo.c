/*
 * The floor: the cost of a DNS answer without any lookup. Receives up to 64 datagrams with one recvmmsg, appends one A record to
 * each query, and sends them back with one sendmmsg. No server can be cheaper than this over the same system calls.
 *
 *     echo PORT            answers on 127.0.0.1 until it is killed
 *
 * It answers every name alike, so it also serves as the benchmark's upstream for cache misses. Its answers have no EDNS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT_BYTES = 1024, HEADER_BYTES = 12, RECEIVE_BUFFER_BYTES = 4 << 20 };

/* c00c: the owner is the name at offset 12. A, IN, TTL 60, four octets: 198.51.100.80. */
static const unsigned char A_RECORD[16] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 80 };

static int fail(const char *what) {
  perror(what);
  return 1;
}

/* Where the question ends; 0 if there is none. Without additional records that is the end of the datagram. */
static size_t question_end(const unsigned char *query, size_t length) {
  if (length < HEADER_BYTES + 5) return 0;
  if (query[10] == 0 && query[11] == 0) return length;
  size_t at = HEADER_BYTES;
  while (at < length && query[at] != 0) at += query[at] + 1;
  return at + 5 <= length ? at + 5 : 0;
}

/* Turns the query into its answer, in place. Returns the length; 0 if there is nothing to answer. */
static size_t answer(unsigned char *message, size_t length) {
  size_t end = question_end(message, length);
  if (end == 0 || (message[2] & 0x80) != 0) return 0;
  int is_a = message[end - 3] == 1;
  message[2] = 0x84 | (message[2] & 1); /* QR, AA; RD from the query */
  message[3] = 0x80;                    /* RA, NOERROR */
  memset(message + 6, 0, 6);
  if (!is_a) return end;
  message[7] = 1;
  memcpy(message + end, A_RECORD, sizeof A_RECORD);
  return end + sizeof A_RECORD;
}

int main(int argc, char **argv) {
  if (argc != 2) return fputs("usage: echo PORT\n", stderr), 2;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int buffer_bytes = RECEIVE_BUFFER_BYTES;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) return fail("bind");

  static unsigned char slab[BATCH][SLOT_BYTES];
  static struct sockaddr_in peers[BATCH];
  static struct iovec in[BATCH], out[BATCH];
  static struct mmsghdr received[BATCH], replies[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      in[i] = (struct iovec){ slab[i], SLOT_BYTES - sizeof A_RECORD };
      received[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &in[i], .msg_iovlen = 1 };
    }
    int count = recvmmsg(fd, received, BATCH, MSG_WAITFORONE, NULL);
    if (count < 0) return fail("recvmmsg");
    int due = 0;
    for (int i = 0; i < count; i++) {
      size_t length = answer(slab[i], received[i].msg_len);
      if (length == 0) continue;
      out[due] = (struct iovec){ slab[i], length };
      replies[due].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &out[due], .msg_iovlen = 1 };
      due++;
    }
    for (int sent = 0; sent < due;) {
      int taken = sendmmsg(fd, replies + sent, (unsigned)(due - sent), 0);
      sent += taken > 0 ? taken : 1; /* A datagram that the system refuses is dropped. */
    }
  }
}
