/*
 * Shared by the parts of the link emulator: main.c opens the ends, moves packets and executes commands; stamp.c finds out when a packet
 * was sent; channel.c decides what happens to it on its way. The overview is in main.c.
 */
#ifndef LINK_H
#define LINK_H
#include <stdint.h>

enum { PACKET_BYTES_MAX = 2048, FULL_PACKET_BYTES = 1500, ON_THE_WAY_MAX = 16384, FLOWS_MAX = 256, BUCKET_US = 10, BUCKETS = 500000 };
enum { UP, DOWN }; /* From the client, which is end 0, and from the server. */
enum { TCP = 6, UDP = 17 };
static const int64_t SECOND_NS = 1000000000, MS_NS = 1000000, US_NS = 1000;

/* Fractions are of packets, 0 to 1. Packets are IP packets, including headers. main.c explains each condition. */
struct conditions {
  double rate_bps, queue_bytes, delay_ms, jitter_ms, loss, loss_run, corrupt, mend_sums, reorder, reorder_ms, duplicate, longest_bytes;
};

struct histogram { /* Times in steps of BUCKET_US; the last bucket holds everything longer. */
  uint32_t count[BUCKETS];
  uint32_t total;
};

struct direction {
  struct conditions conditions;
  uint64_t chance;
  int is_away;           /* whether it was in a run of losses at `looked_ns` */
  int64_t looked_ns;
  int64_t busy_until_ns; /* when the last bit of what is queued will have left */
  int64_t in_order_ns;   /* a packet that keeps its order arrives no earlier than its predecessors */
  struct histogram queued;
};

enum counter { PACKETS, BYTES, DROPPED, DROPPED_BYTES, LOST, LOST_BYTES, CORRUPTED, REORDERED, DUPLICATED, DELIVERED, DELIVERED_BYTES, ON_THE_WAY_BYTES, COUNTERS };

struct flow { /* The first entry of the table is the total. */
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

/* The monotonic clock. */
int64_t now_ns(void);
/* Forgets packets in flight and all counters, and reseeds the random generator. */
void begin(uint64_t seed);
/* Room for the next packet, or NULL if too many are in flight. enter() claims it. */
struct packet *place(void);
/* Sends the packet on its way. If it is dropped, its room is free again. */
void enter(struct packet *packet, int64_t now_ns);
/* When the next packet arrives; INT64_MAX: none is in flight. */
int64_t next_due_ns(void);
/* The next packet to arrive. Its room is free again, but its bytes stay until the next enter(). */
const struct packet *arrive(int64_t now_ns);
/* Opens a socket in the current namespace that timestamps packets sent into the device; -1 and errno on failure. */
int open_stamps(const char *device);
/* When the packet that was just read from the device was sent into it; now, if that is not known. */
int64_t sent_at(int stamps, const struct packet *packet);
/* The offset of the UDP or TCP header. */
int transport_at(const unsigned char *ip);
/* The time in ms that the given part of all samples does not exceed; 0 without samples. */
double percentile_ms(const struct histogram *histogram, double part);

#endif
