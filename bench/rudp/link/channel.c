/*
 * What happens to a packet on its way. Its arrival time is known when it enters: it queues behind earlier packets at the link's rate,
 * then travels. So the only data structure is a heap ordered by arrival time.
 */
#include "link.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

static const int64_t NEVER_NS = INT64_MAX;
struct direction directions[2];
struct histogram late;
struct flow flows[FLOWS_MAX];
static struct packet packets[ON_THE_WAY_MAX], *spare[ON_THE_WAY_MAX], *heap[ON_THE_WAY_MAX];
static int spare_count, heap_count;
static uint64_t next_order;

void begin(uint64_t seed) {
  for (spare_count = 0; spare_count < ON_THE_WAY_MAX; spare_count++) spare[spare_count] = &packets[spare_count];
  heap_count = 0;
  for (int i = UP; i <= DOWN; i++) {
    struct conditions conditions = directions[i].conditions;
    memset(&directions[i], 0, sizeof directions[i]);
    directions[i].conditions = conditions;
    directions[i].chance = (seed * 2 + (uint64_t)i + 1) * 0x9e3779b97f4a7c15ULL;
  }
  memset(&late, 0, sizeof late);
  memset(flows, 0, sizeof flows);
}

/* ---- The heap. Packets due at the same time leave in the order in which they entered. ---- */

static int is_before(const struct packet *one, const struct packet *other) {
  return one->due_ns < other->due_ns || (one->due_ns == other->due_ns && one->order < other->order);
}

static void put(struct packet *packet) {
  packet->order = next_order++;
  int at = heap_count++;
  for (; at > 0 && is_before(packet, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = packet;
}

static struct packet *take_first(void) {
  struct packet *first = heap[0], *last = heap[--heap_count];
  int at = 0;
  for (int child; (child = 2 * at + 1) < heap_count; at = child) {
    if (child + 1 < heap_count && is_before(heap[child + 1], heap[child])) child++;
    if (!is_before(heap[child], last)) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return first;
}

/* ---- Counting. ---- */

static void count(const struct packet *packet, enum counter counter, int64_t amount) {
  flows[0].counts[packet->direction][counter] += amount;
  if (packet->flow > 0) flows[packet->flow].counts[packet->direction][counter] += amount;
}

static void note(struct histogram *histogram, int64_t ns) {
  int64_t bucket = ns / (BUCKET_US * US_NS);
  histogram->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
  histogram->total++;
}

double percentile_ms(const struct histogram *histogram, double part) {
  uint32_t left = (uint32_t)ceil(histogram->total * part);
  int bucket = 0;
  while (left > histogram->count[bucket]) left -= histogram->count[bucket++];
  return bucket * (BUCKET_US / 1000.0);
}

/* ---- The link. ---- */

/* xorshift64*: a random number in [0, 1). */
static double fraction(struct direction *direction) {
  direction->chance ^= direction->chance >> 12;
  direction->chance ^= direction->chance << 25;
  direction->chance ^= direction->chance >> 27;
  return (double)(direction->chance * 0x2545f4914f6cdd1dULL >> 11) / 9007199254740992.0;
}

static int happens(struct direction *direction, double chance) {
  return chance > 0 && fraction(direction) < chance;
}

/* When the last bit leaves the queue; NEVER_NS if the queue is full. */
static int64_t leave(struct direction *direction, int length, int64_t now) {
  double rate_bps = direction->conditions.rate_bps;
  if (rate_bps == 0) return now;
  int64_t from = direction->busy_until_ns > now ? direction->busy_until_ns : now;
  if ((double)(from - now) * rate_bps / 8e9 + length > direction->conditions.queue_bytes) return NEVER_NS;
  note(&direction->queued, from - now);
  return direction->busy_until_ns = from + llround(length * 8e9 / rate_bps);
}

/*
 * A Markov chain of good and bad states (Gilbert), in which a bad state lasts `loss_run` full packets on average. It advances once per
 * packet, and while nothing is sent, once for each packet that could have passed: a radio outage does not wait for a sender.
 */
static int vanishes(struct direction *direction, int64_t now) {
  double loss = direction->conditions.loss, run = direction->conditions.loss_run, rate_bps = direction->conditions.rate_bps;
  if (run <= 1 || loss >= 1) return happens(direction, loss);
  double steps = fmax(1, (double)(now - direction->looked_ns) * rate_bps / (8e9 * FULL_PACKET_BYTES));
  direction->looked_ns = now;
  return direction->is_away = happens(direction, loss + (direction->is_away - loss) * pow(1 - 1 / run / (1 - loss), steps));
}

int transport_at(const unsigned char *ip) {
  return (ip[0] & 15) * 4;
}

/* Flips a bit of the payload, and repairs the checksum if asked to (RFC 1624). @returns 0 without a payload */
static int corrupt(unsigned char *ip, int length, double chance, int mend) {
  int at = transport_at(ip), sum_at = at + (ip[9] == TCP ? 16 : 6);
  int payload_at = at + (ip[9] == TCP ? (ip[at + 12] >> 4) * 4 : 8);
  if ((ip[9] != TCP && ip[9] != UDP) || payload_at >= length) return 0;
  int bit = (int)(chance * 8 * (length - payload_at)), byte = payload_at + bit / 8;
  int before = ip[byte];
  ip[byte] ^= 1 << bit % 8;
  int sum = ip[sum_at] << 8 | ip[sum_at + 1];
  if (!mend || (ip[9] == UDP && sum == 0)) return 1;
  int shift = (byte - at) % 2 == 0 ? 8 : 0;
  uint32_t mended = (uint32_t)(~sum & 0xffff) + (uint32_t)(~(before << shift) & 0xffff) + (uint32_t)(ip[byte] << shift);
  while (mended > 0xffff) mended = (mended & 0xffff) + (mended >> 16);
  sum = ~mended & 0xffff;
  if (ip[9] == UDP && sum == 0) sum = 0xffff;
  ip[sum_at] = (unsigned char)(sum >> 8);
  ip[sum_at + 1] = (unsigned char)sum;
  return 1;
}

/* Schedules the arrival of a packet that leaves the queue at `left_ns`. */
static void travel(struct direction *direction, struct packet *packet, int64_t left_ns) {
  const struct conditions *conditions = &direction->conditions;
  int64_t due_ns = left_ns + llround((conditions->delay_ms + (conditions->jitter_ms > 0 ? conditions->jitter_ms * fraction(direction) : 0)) * MS_NS);
  if (happens(direction, conditions->reorder)) {
    count(packet, REORDERED, 1);
    due_ns += llround(conditions->reorder_ms * MS_NS);
  } else {
    if (due_ns < direction->in_order_ns) due_ns = direction->in_order_ns;
    direction->in_order_ns = due_ns;
  }
  packet->due_ns = due_ns;
  count(packet, ON_THE_WAY_BYTES, packet->length);
  put(packet);
}

struct packet *place(void) {
  return spare_count == 0 ? NULL : spare[spare_count - 1];
}

static void tally(const struct packet *packet, enum counter counter, enum counter bytes) {
  count(packet, counter, 1);
  count(packet, bytes, packet->length);
}

void enter(struct packet *packet, int64_t now_ns) {
  struct direction *direction = &directions[packet->direction];
  const struct conditions *conditions = &direction->conditions;
  tally(packet, PACKETS, BYTES);
  int64_t left_ns = leave(direction, packet->length, now_ns);
  if (left_ns == NEVER_NS) return tally(packet, DROPPED, DROPPED_BYTES);
  if (vanishes(direction, now_ns) || (conditions->longest_bytes > 0 && packet->length > conditions->longest_bytes)) return tally(packet, LOST, LOST_BYTES);
  if (happens(direction, conditions->corrupt) && corrupt(packet->bytes, packet->length, fraction(direction), conditions->mend_sums > 0)) count(packet, CORRUPTED, 1);
  spare_count--; /* claims its room: the last spare packet */
  travel(direction, packet, left_ns);
  if (spare_count == 0 || !happens(direction, conditions->duplicate)) return;
  struct packet *twin = spare[--spare_count];
  memcpy(twin, packet, sizeof *packet);
  count(twin, DUPLICATED, 1);
  travel(direction, twin, left_ns);
}

int64_t next_due_ns(void) {
  return heap_count == 0 ? NEVER_NS : heap[0]->due_ns;
}

const struct packet *arrive(int64_t now_ns) {
  struct packet *packet = take_first();
  note(&late, now_ns - packet->due_ns);
  tally(packet, DELIVERED, DELIVERED_BYTES);
  count(packet, ON_THE_WAY_BYTES, -packet->length);
  return spare[spare_count++] = packet;
}
