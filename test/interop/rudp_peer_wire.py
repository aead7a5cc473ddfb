"""Packets, frames and parity of RUDP for rudp_peer.py: docs/rudp.md, §2 to §4 and §7."""
import struct
import zlib

VERSION = 0x48520002
HELLO, WELCOME, RETRY, RESET, SHORT = range(5)
PADDING, PING, ACK, SETTLED, RESET_STREAM, STOP_SENDING, PARAMETERS, NEW_TOKEN, STREAM, PARITY = 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0c
MAX_DATA, MAX_STREAM_DATA, MAX_STREAMS, PATH_CHALLENGE, PATH_RESPONSE, CONNECTION_CLOSE, TOKEN, RESET_TOKEN = 0x10, 0x11, 0x12, 0x1a, 0x1b, 0x1c, 0x21, 0x22
PARITY_STREAM_BYTES = 65_536


# §2: numbers

def varint(value):
    if value < 0x40:
        return bytes([value])
    if value < 0x4000:
        return struct.pack('>H', 0x4000 | value)
    if value < 0x40000000:
        return struct.pack('>I', 0x80000000 | value)
    return struct.pack('>Q', 0xc000000000000000 | value)


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        if len(piece) < count:
            raise ValueError('truncated')
        self.at += count
        return piece

    def varint(self):
        first = self.take(1)[0]
        rest = self.take((1 << (first >> 6)) - 1)
        value = int.from_bytes(bytes([first & 0x3f]) + rest, 'big')
        if value >= 1 << 52:
            raise ValueError('2^52 or more')
        return value

    def varints(self, count):
        return [self.varint() for _ in range(count)]


# §3: packets

def checksum_of(packet, at):
    summed = packet[:1200] if len(packet) > 9000 else packet
    return zlib.crc32(summed[:at] + summed[at + 4:])


def seal(packet, at):
    return packet[:at] + struct.pack('>I', checksum_of(packet, at)) + packet[at + 4:]


def encode(kind, destination, source, number, frames):
    content = b''.join(frames)
    if kind == SHORT:
        return seal(struct.pack('>BIQI', 0x40, 0, destination, number) + content, 1)
    return seal(struct.pack('>BIIQQI', 0xc0 | kind << 4, VERSION, 0, destination, source, number) + content, 5)


def decode(data):
    """Returns kind, destination, source, number, frames. Raises ValueError for anything that is not a packet."""
    if len(data) > 17 and data[0] == 0x40:
        _, checksum, destination, number = struct.unpack('>BIQI', data[:17])
        if checksum != checksum_of(data, 1):
            raise ValueError('checksum')
        return SHORT, destination, 0, number, list(decode_frames(Reader(data, 17)))
    if len(data) > 29 and data[0] & 0xcf == 0xc0:
        form, version, checksum, destination, source, number = struct.unpack('>BIIQQI', data[:29])
        if checksum != checksum_of(data, 5):
            raise ValueError('checksum')
        if version != VERSION:
            raise ValueError('version')
        return form >> 4 & 3, destination, source, number, list(decode_frames(Reader(data, 29)))
    raise ValueError('form')


# §4: frames

def decode_frames(reader):
    while reader.at < len(reader.data):
        kind = reader.take(1)[0]
        if kind in (PADDING, PING):
            yield (kind,)
        elif kind == ACK:
            largest, _delay, more, length = reader.varints(4)
            ranges = [(largest - length, largest)]
            for _ in range(more):
                gap, length = reader.varints(2)
                last = ranges[-1][0] - gap - 2
                ranges.append((last - length, last))
            yield kind, ranges
        elif kind in (SETTLED, MAX_DATA, MAX_STREAMS, CONNECTION_CLOSE):
            yield kind, reader.varint()
        elif kind == RESET_STREAM:
            yield kind, *reader.varints(3)
        elif kind in (STOP_SENDING, MAX_STREAM_DATA):
            yield kind, *reader.varints(2)
        elif kind == PARAMETERS:
            yield kind, reader.varints(6)
        elif kind in (NEW_TOKEN, TOKEN):
            yield kind, reader.take(reader.varint())
        elif STREAM <= kind < STREAM + 4:
            stream, offset = reader.varints(2)
            length = reader.varint() if kind & 2 else len(reader.data) - reader.at
            yield STREAM, stream, offset, reader.take(length), bool(kind & 1)
        elif kind == PARITY:
            (stream, final_size), checksum = reader.varints(2), int.from_bytes(reader.take(4), 'big')
            data = reader.take(len(reader.data) - reader.at)
            if final_size > PARITY_STREAM_BYTES or not 0 < len(data) <= final_size:
                raise ValueError('parity')
            yield kind, stream, final_size, checksum, data
        elif kind in (PATH_CHALLENGE, PATH_RESPONSE):
            yield kind, reader.take(8)
        elif kind == RESET_TOKEN:
            yield kind, reader.take(16)
        else:
            raise ValueError('frame')


def frame(kind, *values):
    return bytes([kind]) + b''.join(map(varint, values))


def token_frame(kind, token):
    return bytes([kind]) + varint(len(token)) + token


def stream_frame(stream, offset, data, fin):
    return bytes([STREAM | 2 | fin]) + varint(stream) + varint(offset) + varint(len(data)) + data


def columns(data, count):
    """§7: the XOR of all bytes whose offsets have the same remainder modulo `count`."""
    parity = bytearray(count)
    for offset, byte in enumerate(data):
        parity[offset % count] ^= byte
    return parity


def parity_frame(stream, data, count):
    return bytes([PARITY]) + varint(stream) + varint(len(data)) + struct.pack('>I', zlib.crc32(data)) + columns(data, count)


def ack_frame(numbers):
    ordered = sorted(numbers, reverse=True)
    ranges = [[ordered[0], ordered[0]]]
    for number in ordered[1:]:
        if number == ranges[-1][0] - 1:
            ranges[-1][0] = number
        else:
            ranges.append([number, number])
    ranges = ranges[:200]
    content = frame(ACK, ranges[0][1], 0, len(ranges) - 1, ranges[0][1] - ranges[0][0])
    for above, (first, last) in zip(ranges, ranges[1:]):
        content += varint(above[0] - last - 2) + varint(last - first)
    return content
