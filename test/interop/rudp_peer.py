#!/usr/bin/env python3
"""A second, minimal RUDP peer, written from docs/rudp.md alone. It shares no code with Hamlet, only the document.

    rudp_peer.py serve [--loss P] [--lose-at OFFSET] [--encrypt]     prints its port, and answers each stream until it is killed
    rudp_peer.py ask PORT BODY_BYTES REPLY_BYTES [--loss P] [--lose-at OFFSET] [--visits N] [--streams N] [--encrypt]

The application protocol: a stream carries a number N as eight digits and a body, then ends; the answer is the SHA-256 of the body in
hexadecimal and N bytes of a pattern. `ask` checks the answer and prints one line per stream.
--loss drops packets in both directions, with a fixed seed.
--lose-at drops every packet, in and out, that contains the byte at this offset of a stream, even when it is sent again: only a
  PARITY (§7) can restore it.
--encrypt allows encrypted connections only (§13), and accepts any identity: trust is each peer's own policy.
This peer keeps 16 packets in flight, acknowledges every packet at once, and has neither pacing nor long datagrams: §10 and §11 leave
those to each peer.
"""
import argparse
import hashlib
import random
import select
import socket
import struct
import sys
import time
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rudp_peer_wire import (
    ACK, CONNECTION_CLOSE, HELLO, MAX_DATA, MAX_STREAM_DATA, NEW_TOKEN, PARAMETERS, PARITY, PARITY_STREAM_BYTES, PATH_CHALLENGE, PATH_RESPONSE, PING, RESET, RESET_TOKEN, RETRY,
    SETTLED, SHORT, STREAM, TOKEN, WELCOME, Reader, ack_frame, columns, decode, decode_frames, encode, frame, parity_frame, seal, stream_frame, token_frame,
)

ENCRYPTED_VERSION = 0x48520102
DATAGRAM_BYTES = 1200
PARITY_BYTES = 1000
WINDOW_PACKETS = 16
BUFFER_BYTES = 1 << 20
PROBE_S = 0.25


# §13: encryption

class Encrypted:
    """Takes the place of the frames in an encrypted packet: the unencrypted fields, and the ciphertext."""

    def __init__(self, data, authenticated_at, content_at, **fields):
        self.authenticated, self.content = data[authenticated_at:content_at], data[content_at:]
        self.__dict__.update(fields)


def decode_encrypted(data):
    """Returns kind, destination, source, number, Encrypted. Raises ValueError for anything that is not an encrypted packet."""
    if len(data) > 29 and data[0] == 0x60:
        destination, number = struct.unpack('>QI', data[1:13])
        return SHORT, destination, 0, number, Encrypted(data, 1, 13)
    form, version, checksum, destination, source, number = struct.unpack('>BIIQQI', data[:29])
    if form & 0xcf != 0xc0 or version != ENCRYPTED_VERSION or checksum != zlib.crc32(data[:5] + data[9:]):
        raise ValueError('form, version or checksum')
    kind = form >> 4 & 3
    if kind == WELCOME:
        return kind, destination, source, number, Encrypted(data, 9, 29)
    if kind == RESET and len(data) == 46:
        return kind, destination, source, number, Encrypted(data, 9, 46, code=data[29], reset_token=data[30:46])
    length_at = 65 if kind == HELLO else 97
    if kind == RESET or len(data) <= length_at:
        raise ValueError('too short')
    end = length_at + 1 + data[length_at]
    if len(data) < (128 if kind == HELLO and data[65] == 0 else end):
        raise ValueError('too short')
    prekey_number, token = int.from_bytes(data[29:33], 'big'), data[length_at + 1:end]
    if kind == HELLO:
        return kind, destination, source, number, Encrypted(data, 9, end, share=data[33:65], prekey_number=prekey_number, token=token)
    return kind, destination, source, number, Encrypted(data, 9, end, acceptor=(prekey_number, data[33:65], data[65:97]), token=token)


def encode_long(kind, destination, source, number, rest):
    return seal(struct.pack('>BIIQQI', 0xc0 | kind << 4, ENCRYPTED_VERSION, 0, destination, source, number) + rest, 5)


def hkdf(secret, salt, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def agree(private, public):
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def public_of(private):
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Protection:
    def __init__(self, is_initiator, agreements, initiator_id, share, acceptor, token):
        prekey_number, prekey, identity = acceptor
        info = struct.pack('>Q', initiator_id) + share + identity + struct.pack('>I', prekey_number) + prekey + token
        keys = hkdf(agreements, b'Hamlet RUDP 48520102', info, 56)
        initiators, acceptors = (keys[:16], keys[16:28]), (keys[28:44], keys[44:])
        self.own, self.peers = (initiators, acceptors) if is_initiator else (acceptors, initiators)

    @staticmethod
    def nonce(iv, number):
        return iv[:8] + bytes(a ^ b for a, b in zip(iv[8:], struct.pack('>I', number)))

    def encrypt(self, number, content, authenticated):
        return AESGCM(self.own[0]).encrypt(self.nonce(self.own[1], number), content, authenticated)

    def open(self, number, packet):
        """Decrypts the frames. Raises ValueError if authentication fails."""
        try:
            content = AESGCM(self.peers[0]).decrypt(self.nonce(self.peers[1], number), packet.content, packet.authenticated)
        except InvalidTag:
            raise ValueError('authentication failed')
        return list(decode_frames(Reader(content, 0)))


class Stream:
    """§7: both halves of a stream, without explicit states: unacknowledged data is kept, received data is reassembled."""

    def __init__(self):
        self.out, self.sent, self.ended = b'', 0, False
        self.peer_limit = 16_384
        self.pieces, self.arrived, self.size, self.limit = {}, b'', None, BUFFER_BYTES
        self.parity, self.may_restore = None, True

    def take(self, offset, data, fin):
        if fin:
            self.size = offset + len(data)
        self.pieces[offset] = max(self.pieces.get(offset, b''), data, key=len)
        for start in sorted(self.pieces):
            if start > len(self.arrived):
                break
            self.arrived += self.pieces.pop(start)[len(self.arrived) - start:]

    def restore(self):
        """§7: restores the missing bytes, if no column lacks more than one and the checksum matches."""
        if self.parity is None or self.complete or not self.may_restore:
            return
        checksum, parity = self.parity
        whole = bytearray(self.size)
        missing = set(range(len(self.arrived), self.size))
        for start, data in [(0, self.arrived), *self.pieces.items()]:
            whole[start:start + len(data)] = data
            missing.difference_update(range(start, start + len(data)))
        if len({offset % len(parity) for offset in missing}) < len(missing):
            return
        for column, byte in enumerate(columns(whole, len(parity))):  # missing bytes count as zeros
            parity[column] ^= byte
        for offset in missing:
            whole[offset] = parity[offset % len(parity)]
        self.may_restore = False
        if zlib.crc32(whole) == checksum:
            self.arrived, self.pieces = bytes(whole), {}

    @property
    def complete(self):
        return self.size is not None and len(self.arrived) == self.size


class Connection:
    lose_at = None

    def __init__(self, peer, send, is_initiator):
        self.peer, self.send_datagram, self.is_initiator = peer, send, is_initiator
        self.local_id, self.remote_id = random.SystemRandom().randrange(1, 1 << 52), 0
        self.token = self.new_token = None
        self.share = self.acceptor = self.protection = self.reset_token = None  # §13
        self.next_number = 0
        self.flight = {}  # number: (time sent, frames that must arrive)
        self.waiting = []  # frames to send or retransmit
        self.parities = []  # PARITY frames of streams whose end was just sent
        self.seen, self.settled, self.owes_ack = set(), 0, False
        self.streams, self.done = {}, set()
        self.peer_data, self.stream_limit, self.sent_data, self.consumed = 16_384, 16_384, 0, 0
        self.closed = None
        self.last_progress = time.monotonic()

    # sending

    def packet(self, frames, asks):
        number, self.next_number = self.next_number, self.next_number + 1
        own = [frame(PARAMETERS, 4 * BUFFER_BYTES, BUFFER_BYTES, 100, 30_000, DATAGRAM_BYTES, 10)]
        if self.remote_id == 0:
            kind, extra = HELLO, ([token_frame(TOKEN, self.token)] if self.token else []) + own
        else:
            kind, extra = (WELCOME if own[0] in frames else SHORT), []
        if asks:
            self.flight[number] = (time.monotonic(), frames)
        if self.is_lost(decode_frames(Reader(b''.join(frames), 0))):
            return
        if self.share is None and self.protection is None:
            self.send_datagram(encode(kind, self.remote_id, self.local_id, number, extra + frames), self.peer)
        else:
            self.send_datagram(self.encrypted(kind, number, b''.join(extra[-1:] + frames)), self.peer)

    def is_lost(self, frames):
        return self.lose_at is not None and any(kind == STREAM and values[1] <= self.lose_at < values[1] + len(values[2]) for kind, *values in frames)

    def encrypted(self, kind, number, content):
        if kind == SHORT:
            head = struct.pack('>QI', self.remote_id, number)
            return b'\x60' + head + self.protection.encrypt(number, content, head)
        if kind == WELCOME:
            fields = b''
        elif self.protection is None:
            return encode_long(HELLO, 0, self.local_id, number, (bytes(4) + public_of(self.share)).ljust(99, b'\0'))
        else:
            fields = struct.pack('>I', self.acceptor[0]) + public_of(self.share) + bytes([len(self.token)]) + self.token
        authenticated = struct.pack('>QQI', self.remote_id, self.local_id, number) + fields
        return encode_long(kind, self.remote_id, self.local_id, number, fields + self.protection.encrypt(number, content, authenticated))

    def learn(self, acceptor, token):
        """The acceptor's keys are known, and the token that belongs to them."""
        self.acceptor, self.token = acceptor, token
        agreements = agree(self.share, acceptor[2]) + agree(self.share, acceptor[1])
        self.protection = Protection(True, agreements, self.local_id, public_of(self.share), acceptor, token)

    def transmit(self):
        """Sends everything that may be sent: queued frames first, then new stream data, one stream after the other."""
        if self.is_initiator and self.remote_id == 0 and self.token is None:
            return
        while len(self.flight) < WINDOW_PACKETS:
            if self.parities:
                self.packet([self.parities.pop(0)], True)
                self.flight[self.next_number - 1] = (time.monotonic(), [])  # not retransmitted if lost
                continue
            frames, room = [], 1000
            if self.owes_ack:
                frames.append(self.take_ack())
            asking = []
            while self.waiting and len(self.waiting[0]) <= room:
                asking.append(self.waiting.pop(0))
                room -= len(asking[-1])
            if room > 200 and not self.waiting:
                piece = self.next_piece(room - 40)
                asking += [piece] if piece else []
            if not asking:
                if frames:
                    self.packet(frames, False)
                return
            self.packet(frames + asking, True)
            self.flight[self.next_number - 1] = (time.monotonic(), asking)
        if self.owes_ack:  # the window never blocks an ACK: both peers would wait for each other
            self.packet([self.take_ack()], False)

    def take_ack(self):
        self.owes_ack = False
        return ack_frame(self.seen)

    def next_piece(self, room):
        for number, stream in self.streams.items():
            length = min(room, len(stream.out) - stream.sent, stream.peer_limit - stream.sent, self.peer_data - self.sent_data)
            ends = stream.ended and stream.sent + max(length, 0) == len(stream.out) and number not in self.done
            if length > 0 or ends:
                data = stream.out[stream.sent:stream.sent + max(length, 0)]
                piece = stream_frame(number, stream.sent, data, ends)
                stream.sent += len(data)
                self.sent_data += len(data)
                if ends:
                    self.done.add(number)
                    if 3 * PARITY_BYTES < len(stream.out) <= PARITY_STREAM_BYTES:
                        self.parities.append(parity_frame(number, stream.out, PARITY_BYTES))
                return piece
        return None

    def timeout(self):
        now = time.monotonic()
        if self.flight and now - max(at for at, _ in self.flight.values()) > PROBE_S:
            oldest = min(self.flight)  # §9: a probe; this peer simply counts the oldest packet as lost
            _, frames = self.flight.pop(oldest)
            self.packet(frames or [frame(PING)], True)
        elif self.remote_id == 0 and not self.flight and now - self.last_progress > PROBE_S:
            self.last_progress = now
            self.packet([], False)
        return now

    # receiving

    def receive(self, kind, source, number, frames):
        if (self.share or self.protection) and not isinstance(frames, Encrypted):
            return  # an unencrypted packet for an encrypted connection
        if isinstance(frames, Encrypted):
            if kind == RETRY and self.wants_token:
                self.learn(frames.acceptor, frames.token)
                self.new_token = None
                self.start_over()
                return
            if kind == RESET and frames.reset_token == self.reset_token:
                self.closed = frames.code
            if kind in (RETRY, RESET) or self.protection is None:
                return
            try:
                frames = self.protection.open(number, frames)
            except ValueError:
                return
        if kind == RETRY:
            if self.wants_token:
                self.token, self.new_token = frames[0][1], None
                self.start_over()
            return
        if kind == RESET:
            self.closed = frames[0][1]
            return
        if kind == WELCOME:
            self.remote_id = source
        if number in self.seen or number < self.settled or self.is_lost(frames):
            return
        self.seen.add(number)
        for kind, *values in frames:
            self.on_frame(kind, values)
            if kind not in (ACK, SETTLED, CONNECTION_CLOSE):
                self.owes_ack = True

    @property
    def wants_token(self):
        """§5: there is no token yet, or only that of an earlier visit. A second RETRY, or one after WELCOME, is ignored."""
        return self.remote_id == 0 and (self.token is None or self.token == self.new_token)

    def start_over(self):
        for _, lost in self.flight.values():
            self.waiting += lost
        self.flight = {}
        self.packet([frame(PING)], True)

    def on_frame(self, kind, values):
        if kind == ACK:
            self.on_ack(values[0])
        elif kind == SETTLED:
            self.settled = max(self.settled, values[0])
            self.seen = {number for number in self.seen if number >= self.settled} or {max(self.seen)}
        elif kind == STREAM:
            number, offset, data, fin = values
            stream = self.stream(number)
            before = len(stream.arrived)
            stream.take(offset, data, fin)
            stream.restore()
            self.consumed += len(stream.arrived) - before
            if stream.limit - len(stream.arrived) < BUFFER_BYTES * 3 // 4 and stream.size is None:
                stream.limit = len(stream.arrived) + BUFFER_BYTES
                self.waiting += [frame(MAX_STREAM_DATA, number, stream.limit), frame(MAX_DATA, self.consumed + 4 * BUFFER_BYTES)]
        elif kind == PARITY:
            number, final_size, checksum, data = values
            stream = self.stream(number)
            before = len(stream.arrived)
            stream.size, stream.parity = final_size, (checksum, bytearray(data))
            stream.restore()
            self.consumed += len(stream.arrived) - before
        elif kind == PARAMETERS:
            self.peer_data = max(self.peer_data, values[0][0])
            self.stream_limit = values[0][1]
            for stream in self.streams.values():
                stream.peer_limit = max(stream.peer_limit, values[0][1])
        elif kind == MAX_DATA:
            self.peer_data = max(self.peer_data, values[0])
        elif kind == MAX_STREAM_DATA:
            self.stream(values[0]).peer_limit = max(self.stream(values[0]).peer_limit, values[1])
        elif kind == NEW_TOKEN:
            self.new_token = values[0]
        elif kind == RESET_TOKEN:
            self.reset_token = values[0]
        elif kind == PATH_CHALLENGE:
            self.packet([bytes([PATH_RESPONSE]) + values[0]], False)
        elif kind == CONNECTION_CLOSE:
            self.closed = values[0]

    def on_ack(self, ranges):
        largest = ranges[0][1]
        for first, last in ranges:
            for number in [number for number in self.flight if first <= number <= last]:
                del self.flight[number]
        for number in [number for number in self.flight if number + 3 <= largest]:
            self.waiting = self.flight.pop(number)[1] + self.waiting

    def stream(self, number):
        if number not in self.streams:
            self.streams[number] = Stream()
            self.streams[number].peer_limit = self.stream_limit
        return self.streams[number]

    def close(self):
        self.packet([frame(CONNECTION_CLOSE, 0)], False)


class Socket:
    def __init__(self, loss, encrypts):
        self.encrypts = encrypts
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', 0))
        self.loss, self.chance = loss, random.Random(1)

    def send(self, datagram, peer):
        assert len(datagram) <= DATAGRAM_BYTES
        if self.chance.random() >= self.loss:
            self.udp.sendto(datagram, peer)

    def receive(self, wait_s):
        """Yields the packets that arrive within that time; damaged ones are dropped."""
        while select.select([self.udp], [], [], wait_s)[0]:
            data, peer = self.udp.recvfrom(65_536)
            wait_s = 0
            if self.chance.random() < self.loss:
                continue
            try:
                yield peer, (decode_encrypted if self.encrypts else decode)(data)
            except (ValueError, struct.error):
                pass


def pattern(length):
    return bytes((index * 7 + (index >> 8)) & 255 for index in range(length))


def answer(request):
    return hashlib.sha256(request[8:]).hexdigest().encode() + pattern(int(request[:8]))


def serve(loss, encrypts):
    """§5: keeps no state for a peer without a token; each token is accepted once."""
    endpoint = Socket(loss, encrypts)
    identity, prekey = (X25519PrivateKey.generate(), X25519PrivateKey.generate()) if encrypts else (None, None)
    acceptor = (1, public_of(prekey), public_of(identity)) if encrypts else None
    reset_key = random.SystemRandom().randbytes(32)
    print(f'listening on {endpoint.udp.getsockname()[1]}', flush=True)
    issued, connections, by_hello = {}, {}, {}
    while True:
        for peer, (kind, destination, source, number, frames) in endpoint.receive(0.02):
            if kind == HELLO:
                connection = by_hello.get((peer, source))
                shown = frames.token if encrypts else next((values[0] for frame_kind, *values in frames if frame_kind == TOKEN), None)
                if connection is None and issued.pop(shown, None) == peer[0]:
                    connection = Connection(peer, endpoint.send, False)
                    if encrypts:
                        try:
                            agreements = agree(identity, frames.share) + agree(prekey, frames.share)
                            connection.protection = Protection(False, agreements, source, frames.share, acceptor, shown)
                            connection.protection.open(number, frames)
                        except ValueError:
                            continue
                        connection.waiting.append(bytes([RESET_TOKEN]) + hkdf(reset_key, None, struct.pack('>Q', connection.local_id), 16))
                    connection.remote_id = source
                    token = random.SystemRandom().randbytes(16)
                    issued[token] = peer[0]
                    connection.waiting += [frame(PARAMETERS, 4 * BUFFER_BYTES, BUFFER_BYTES, 100, 30_000, DATAGRAM_BYTES, 10), token_frame(NEW_TOKEN, token)]
                    connections[connection.local_id] = by_hello[peer, source] = connection
                elif connection is None:
                    token = random.SystemRandom().randbytes(16)
                    issued[token] = peer[0]
                    if encrypts:
                        endpoint.send(encode_long(RETRY, source, 0, number, struct.pack('>I', 1) + acceptor[1] + acceptor[2] + bytes([len(token)]) + token), peer)
                    else:
                        endpoint.send(encode(RETRY, source, 0, number, [token_frame(TOKEN, token)]), peer)
            else:
                connection = connections.get(destination)
                if connection is None and kind == SHORT and encrypts:
                    endpoint.send(encode_long(RESET, 0, destination, 0, b'\2' + hkdf(reset_key, None, struct.pack('>Q', destination), 16)), peer)
                elif connection is None and kind == SHORT:
                    endpoint.send(encode(RESET, 0, destination, 0, [frame(CONNECTION_CLOSE, 2)]), peer)
            if connection is not None:
                connection.receive(kind, source, number, frames)
        for connection in list(connections.values()):
            for stream in connection.streams.values():
                if stream.complete and not stream.ended:
                    stream.out, stream.ended = answer(stream.arrived), True
            connection.timeout()
            connection.transmit()
            if connection.closed is not None:
                del connections[connection.local_id]
                by_hello = {key: value for key, value in by_hello.items() if value is not connection}


def ask(port, body_bytes, reply_bytes, loss, visits, streams, encrypts):
    token = acceptor = None
    for _ in range(visits):
        endpoint = Socket(loss, encrypts)
        connection = Connection(('127.0.0.1', port), endpoint.send, True)
        connection.token = connection.new_token = token
        if encrypts:
            connection.share = X25519PrivateKey.generate()
            if token is not None:
                connection.learn(acceptor, token)
        request = f'{reply_bytes:08}'.encode() + pattern(body_bytes)
        for number in range(0, 2 * streams, 2):
            connection.stream(number).out, connection.stream(number).ended = request, True
        if token is None:
            connection.packet([], False)
        give_up_at = time.monotonic() + 60
        while not all(stream.complete for stream in connection.streams.values()):
            connection.transmit()
            for _, (kind, _, source, number, frames) in endpoint.receive(0.02):
                connection.receive(kind, source, number, frames)
            if connection.timeout() > give_up_at or connection.closed is not None:
                sys.exit(f'no answer: closed {connection.closed}')
        for stream in connection.streams.values():
            if stream.arrived != answer(request):
                sys.exit('a wrong answer')
            print(f'got {len(stream.arrived)} bytes', flush=True)
        connection.transmit()
        connection.close()
        token, acceptor = connection.new_token, connection.acceptor


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    serving, asking = commands.add_parser('serve'), commands.add_parser('ask')
    for command in (serving, asking):
        command.add_argument('--loss', type=float, default=0)
        command.add_argument('--lose-at', type=int)
        command.add_argument('--encrypt', action='store_true')
    for name in ('port', 'body_bytes', 'reply_bytes'):
        asking.add_argument(name, type=int)
    asking.add_argument('--visits', type=int, default=1)
    asking.add_argument('--streams', type=int, default=1)
    options = parser.parse_args()
    Connection.lose_at = options.lose_at
    if options.command == 'serve':
        serve(options.loss, options.encrypt)
    else:
        ask(options.port, options.body_bytes, options.reply_bytes, options.loss, options.visits, options.streams, options.encrypt)
