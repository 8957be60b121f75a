#!/usr/bin/env python3
"""Expectations for the splitter: super-packets recorded from a TUN device (record_tun.py) and built ones.

    tools/vectors/split_packets.py < src/tunnel/testdata/tun_reads.txt > src/tunnel/testdata/split.txt
"""
import struct
import sys
from dataclasses import replace

from packets import ACK, CWR, ECE, FIN, PSH, Packet, parse

ADDRESSES6 = {"src": "fd00:9::1", "dst": "fd00:9::2", "ident": 0}
TIMESTAMPS = bytes.fromhex("0101080a0000000100000002")


def show(name, read, segments):
    print("case", name)
    print("read", read.hex())
    for segment in segments:
        print("segment", segment.hex())


def recorded():
    for line in sys.stdin:
        if line.startswith("#"):
            continue
        name, data = line.split()
        read = bytes.fromhex(data)
        gso_size = struct.unpack("<H", read[4:6])[0]
        packet = parse(read[10:])
        assert packet.encode(partial=True) == read[10:], name  # understood to the last byte
        show("recorded_" + name, read, packet.cut(gso_size) if read[1] else [packet.encode()])


def built():
    data = bytes(i * 7 & 0xFF for i in range(1000))
    tcp = Packet(payload=data[:230], flags=ACK | PSH)
    show("sequence_wraps", replace(tcp, seq=0xFFFFFFC0).super_packet(100), replace(tcp, seq=0xFFFFFFC0).cut(100))
    show("id_wraps", replace(tcp, ident=0xFFFF).super_packet(100), replace(tcp, ident=0xFFFF).cut(100))
    for hint in (0, 1, 250, 65535):
        show(f"wrong_hdr_len_{hint}", tcp.super_packet(100, hdr_len=hint), tcp.cut(100))
    odd = replace(tcp, payload=data[:201])
    show("one_byte_tail", odd.super_packet(100), odd.cut(100))
    show("odd_size", odd.super_packet(67), odd.cut(67))
    show("equal_tail", replace(tcp, payload=data[:300]).super_packet(100), replace(tcp, payload=data[:300]).cut(100))
    show("one_segment", tcp.super_packet(300), tcp.cut(300))
    no_payload = replace(tcp, payload=b"")
    show("no_payload", no_payload.super_packet(100), no_payload.cut(100))
    marked = replace(tcp, flags=ACK | CWR | ECE | FIN | PSH, tos=2)
    show("cwr_first_fin_last", marked.super_packet(100, gso_type=0x81), marked.cut(100))
    optioned = replace(tcp, extra=bytes.fromhex("01010100"), options=TIMESTAMPS)
    show("ip_and_tcp_options", optioned.super_packet(90), optioned.cut(90))
    six = replace(tcp, **ADDRESSES6, flow_label=0xABCDE, tos=0xB9, options=TIMESTAMPS)
    show("tcp6", six.super_packet(90), six.cut(90))
    hop = replace(six, extra=bytes.fromhex("0600050200000000"))
    show("tcp6_hop_by_hop", hop.super_packet(90), hop.cut(90))
    udp = Packet(payload=data[:101], protocol=17, sport=53)
    show("udp4", udp.super_packet(33), udp.cut(33))
    show("udp6", replace(udp, **ADDRESSES6).super_packet(50), replace(udp, **ADDRESSES6).cut(50))
    # A payload whose UDP checksum comes out as zero: the second byte pair takes up what is missing.
    base = replace(udp, payload=b"\0\0" + data[:40])
    missing = struct.unpack(">H", base.encode()[26:28])[0]
    zero = replace(base, payload=struct.pack(">H", missing) + data[:40])
    assert zero.encode()[26:28] == b"\xff\xff"
    show("udp4_checksum_zero", zero.super_packet(0, gso_type=0), [zero.encode()])
    show("udp4_segment_checksum_zero", zero.super_packet(60), zero.cut(60))
    complete = tcp.encode()
    show("complete", bytes(10) + complete, [complete])
    show("data_valid_is_ignored", b"\x02" + bytes(9) + complete, [complete])
    icmp = bytes.fromhex("4500001d000040004001 0000 0a0000010a000002 0800f7ff0000000001".replace(" ", ""))
    show("no_tcp_no_udp", bytes(10) + icmp, [icmp])


recorded()
built()
