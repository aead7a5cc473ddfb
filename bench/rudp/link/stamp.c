/*
 * When a packet was sent, by the kernel's clock. A TUN device delivers packets without timestamps, and its reader has to be woken first,
 * which takes longer than most packets spend on a link. So a packet socket listens on the same device: it sees each packet just before
 * the device does, in the same order, and with its timestamp.
 */
#define _GNU_SOURCE
#include "link.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD_BYTES = 64, QUEUE_BYTES = 8 << 20 };

int open_stamps(const char *device) {
  /* Only the beginnings of outgoing packets, not what this program itself delivers. */
  struct sock_filter only_outgoing[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, HEAD_BYTES),
    BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = { sizeof only_outgoing / sizeof *only_outgoing, only_outgoing };
  struct sockaddr_ll all_of_device = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(device) };
  int on = 1, queue_bytes = QUEUE_BYTES, stamps = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (stamps < 0 || setsockopt(stamps, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) return -1;
  if (setsockopt(stamps, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 || setsockopt(stamps, SOL_SOCKET, SO_RCVBUFFORCE, &queue_bytes, sizeof queue_bytes) < 0) return -1;
  return bind(stamps, (struct sockaddr *)&all_of_device, sizeof all_of_device) < 0 ? -1 : stamps;
}

int64_t sent_at(int stamps, const struct packet *packet) {
  unsigned char head[HEAD_BYTES];
  union { struct cmsghdr aligned; char bytes[CMSG_SPACE(sizeof(struct timespec))]; } control;
  struct iovec place = { head, sizeof head };
  struct msghdr message = { .msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  for (ssize_t length; (length = recvmsg(stamps, &message, 0)) >= 0; message.msg_controllen = sizeof control) {
    /* A timestamp without its packet: the device had no room for that one. */
    if (length != (packet->length < HEAD_BYTES ? packet->length : HEAD_BYTES) || memcmp(head, packet->bytes, (size_t)length) != 0) continue;
    const struct cmsghdr *control_message = CMSG_FIRSTHDR(&message);
    if (control_message == NULL || control_message->cmsg_type != SCM_TIMESTAMPNS) break;
    /* The timestamp is wall-clock time; only its age is used. */
    struct timespec stamp, now;
    memcpy(&stamp, CMSG_DATA(control_message), sizeof stamp);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ago_ns = (now.tv_sec - stamp.tv_sec) * SECOND_NS + now.tv_nsec - stamp.tv_nsec;
    return now_ns() - (ago_ns >= 0 && ago_ns < SECOND_NS ? ago_ns : 0);
  }
  return now_ns();
}
