"""IP, TCP and UDP packets by struct packing, and what a TUN device reads and writes. Shares nothing with the C++ code."""
import socket
import struct
from dataclasses import dataclass, replace

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
NONE, TCP4, TCP6, UDP = 0, 1, 4, 5  # VIRTIO_NET_HDR_GSO_*


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data):
    return ~ones_sum(data) & 0xFFFF


@dataclass
class Packet:
    """A whole packet. `extra` goes between IP header and transport: IPv4 options, or IPv6 extension headers."""
    payload: bytes = b""
    protocol: int = 6
    src: str = "10.0.0.1"
    dst: str = "10.0.0.2"
    sport: int = 443
    dport: int = 50000
    seq: int = 1000
    ack: int = 77
    flags: int = ACK
    reserved: int = 0  # the low four bits beside the data offset
    window: int = 512
    urgent: int = 0
    options: bytes = b""
    tos: int = 0
    ttl: int = 64
    ident: int = 7
    fragment: int = 0x4000
    flow_label: int = 0
    extra: bytes = b""
    extra_type: int = 0  # IPv6: number of the first extension header
    no_checksum: bool = False  # UDP over IPv4

    @property
    def is_v6(self):
        return ":" in self.src

    def addresses(self):
        family = socket.AF_INET6 if self.is_v6 else socket.AF_INET
        return socket.inet_pton(family, self.src) + socket.inet_pton(family, self.dst)

    def pseudo(self, length):
        if self.is_v6:
            return self.addresses() + struct.pack(">IHBB", length, 0, 0, self.protocol)
        return self.addresses() + struct.pack(">BBH", 0, self.protocol, length)

    def transport(self, partial=False):
        """Header and payload; `partial` leaves the folded pseudo-header sum in the checksum field."""
        if self.protocol == 6:
            head = struct.pack(">HHIIBBHHH", self.sport, self.dport, self.seq & 0xFFFFFFFF, self.ack,
                               (5 + len(self.options) // 4) << 4 | self.reserved, self.flags, self.window, 0, self.urgent)
            head += self.options
            at = 16
        else:
            head = struct.pack(">HHHH", self.sport, self.dport, 8 + len(self.payload), 0)
            at = 6
        segment = head + self.payload
        value = ones_sum(self.pseudo(len(segment)))
        if not partial:
            value = checksum(self.pseudo(len(segment)) + segment)
            if self.protocol == 17:
                value = 0 if self.no_checksum else value or 0xFFFF
        return segment[:at] + struct.pack(">H", value) + segment[at + 2:]

    def encode(self, partial=False):
        segment = self.extra + self.transport(partial)
        if self.is_v6:
            first = 6 << 28 | self.tos << 20 | self.flow_label
            return struct.pack(">IHBB", first, len(segment), self.extra_type if self.extra else self.protocol,
                               self.ttl) + self.addresses() + segment
        size = 20 + len(self.extra)
        head = struct.pack(">BBHHHBBH", 4 << 4 | size // 4, self.tos, 20 + len(segment), self.ident & 0xFFFF, self.fragment,
                           self.ttl, self.protocol, 0) + self.addresses() + self.extra
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + segment[len(self.extra):]

    @property
    def ip_size(self):
        return (40 if self.is_v6 else 20) + len(self.extra)

    @property
    def headers_size(self):
        return self.ip_size + (20 + len(self.options) if self.protocol == 6 else 8)

    def gso_type(self):
        return UDP if self.protocol == 17 else TCP6 if self.is_v6 else TCP4

    def super_packet(self, gso_size, gso_type=None, flags=1, hdr_len=None, offset=None):
        """As a TUN device gives and takes it: virtio header and packet with a partial checksum. Little-endian."""
        head = struct.pack("<BBHHHH", flags, self.gso_type() if gso_type is None else gso_type,
                           self.headers_size if hdr_len is None else hdr_len, gso_size, self.ip_size,
                           (16 if self.protocol == 6 else 6) if offset is None else offset)
        return head + self.encode(partial=True)

    def cut(self, size):
        """The segments of this super-packet, by the table of data-plane section 2.3."""
        pieces = [self.payload[i:i + size] for i in range(0, len(self.payload), size)] or [b""]
        out = []
        for i, piece in enumerate(pieces):
            flags = self.flags
            if i != len(pieces) - 1:
                flags &= ~(FIN | PSH)
            if i != 0:
                flags &= ~CWR
            out.append(replace(self, payload=piece, seq=self.seq + i * size, ident=self.ident + i, flags=flags))
        return [p.encode() for p in out]


def parse(data):
    """A Packet from bytes; IPv6 extension headers are hop-by-hop only."""
    p = Packet()
    if data[0] >> 4 == 6:
        first, _, following, p.ttl = struct.unpack(">IHBB", data[:8])
        p.tos, p.flow_label = first >> 20 & 0xFF, first & 0xFFFFF
        p.src, p.dst = (socket.inet_ntop(socket.AF_INET6, data[i:i + 16]) for i in (8, 24))
        at = 40
        if following == 0:
            p.extra_type, size = 0, (data[41] + 1) * 8
            following, p.extra, at = data[40], data[40:40 + size], 40 + size
        p.protocol = following
    else:
        size = (data[0] & 15) * 4
        p.tos, _, p.ident, p.fragment, p.ttl, p.protocol = struct.unpack(">xBHHHBB", data[:10])
        p.src, p.dst = (socket.inet_ntop(socket.AF_INET, data[i:i + 4]) for i in (12, 16))
        p.extra, at = data[20:size], size
    t = data[at:]
    if p.protocol == 6:
        p.sport, p.dport, p.seq, p.ack, offset, p.flags, p.window, _, p.urgent = struct.unpack(">HHIIBBHHH", t[:20])
        p.reserved, p.options, p.payload = offset & 15, t[20:offset // 16 * 4], t[offset // 16 * 4:]
    else:
        p.sport, p.dport = struct.unpack(">HH", t[:4])
        p.payload = t[8:]
    return p
