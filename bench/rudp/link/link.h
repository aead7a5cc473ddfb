/*
 * What the parts of the link emulator share: main.c opens the ends, moves packets and obeys; stamp.c tells when a packet was sent;
 * passage.c is what happens to it on its way. main.c tells what it is for.
 */
#ifndef LINK_H
#define LINK_H
#include <stdint.h>

enum { PACKET_BYTES_MAX = 2048, FULL_PACKET_BYTES = 1500, ON_THE_WAY_MAX = 16384, FLOWS_MAX = 256, BUCKET_US = 10, BUCKETS = 500000 };
enum { UP, DOWN }; /* The direction that begins at end 0, the client's, and the one that begins at the server's. */
enum { TCP = 6, UDP = 17 };
static const int64_t SECOND_NS = 1000000000, MS_NS = 1000000, US_NS = 1000;

/* Fractions are of packets, 0 to 1. Packets are IP packets, headers and all. main.c tells each. */
struct conditions {
  double rate_bps, queue_bytes, delay_ms, jitter_ms, loss, loss_run, corrupt, mend_sums, reorder, reorder_ms, duplicate, longest_bytes;
};

struct histogram { /* Of times, in steps of BUCKET_US; the last bucket holds all that is longer. */
  uint32_t count[BUCKETS];
  uint32_t total;
};

struct direction {
  struct conditions conditions;
  uint64_t chance;
  int is_away;           /* in a run of losses, as it was at `looked_ns` */
  int64_t looked_ns;
  int64_t busy_until_ns; /* when the last bit of what is queued will have left */
  int64_t in_order_ns;   /* what keeps its order arrives no sooner than what left before it */
  struct histogram queued;
};

enum counter { PACKETS, BYTES, DROPPED, DROPPED_BYTES, LOST, LOST_BYTES, CORRUPTED, REORDERED, DUPLICATED, DELIVERED, DELIVERED_BYTES, ON_THE_WAY_BYTES, COUNTERS };

struct flow { /* The first of the table is all together. */
  int protocol, client_port, server_port;
  int64_t counts[2][COUNTERS];
};

struct packet {
  int64_t due_ns;
  uint64_t order;
  int direction, flow, length;
  unsigned char bytes[PACKET_BYTES_MAX];
};

extern struct direction directions[2];
extern struct histogram late; /* how long after its time each packet was delivered */
extern struct flow flows[FLOWS_MAX];

/* By the clock that nobody sets. */
int64_t now_ns(void);
/* Forgets what is on the way and all counts; chance begins anew. */
void begin(uint64_t seed);
/* A place for a packet that comes, or NULL where too many are on the way. It is taken by enter(). */
struct packet *place(void);
/* Sends the packet on its way; where it goes no further its place is free again. */
void enter(struct packet *packet, int64_t now_ns);
/* When the next one arrives; INT64_MAX: none is on the way. */
int64_t next_due_ns(void);
/* The next one; its place is free again, and its bytes stay until the next enter(). */
const struct packet *arrive(int64_t now_ns);
/* A socket in the namespace of the moment that hears when what is sent into the device was sent; -1 and errno where there is none. */
int open_stamps(const char *device);
/* When the packet that was just read from the device was sent into it; now, where that is not known. */
int64_t sent_at(int stamps, const struct packet *packet);
/* Where the header of UDP or TCP begins. */
int transport_at(const unsigned char *ip);
/* The time in ms that a part of all did not exceed; 0 where nothing was noted. */
double percentile_ms(const struct histogram *histogram, double part);

#endif
