#!/usr/bin/env python3
"""Expectations for the coalescer: which packets merge by data-plane section 2.5, and the exact bytes that are written.

    tools/vectors/coalesce_packets.py > src/tunnel/testdata/coalesce.txt
"""
from dataclasses import replace

from packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Packet

DATA = bytes(i * 13 & 0xFF for i in range(2000))
TIMESTAMPS = bytes.fromhex("0101080a0000000100000002")
TIMESTAMPS_LATER = bytes.fromhex("0101080a0000000200000002")
SIX = {"src": "fd00:9::1", "dst": "fd00:9::2"}


def merged(group):
    first, last = group[0], group[-1]
    flags = first.flags | last.flags & PSH if first.protocol == 6 else first.flags
    return replace(first, payload=b"".join(p.payload for p in group), flags=flags).super_packet(len(first.payload))


def show(name, packets, writes, raw=None):
    """`writes` lists indexes of packets, a list for a merged write. `raw` replaces encoded packets by index."""
    encoded = [p.encode() for p in packets]
    for index, data in (raw or {}).items():
        encoded[index] = data
    print("case", name)
    for data in encoded:
        print("packet", data.hex())
    for group in writes:
        data = merged([packets[i] for i in group]) if isinstance(group, list) else bytes(10) + encoded[group]
        print("write", data.hex())


def stream(first, sizes):
    """Consecutive packets of one flow."""
    out, at = [], 0
    for i, size in enumerate(sizes):
        out.append(replace(first, payload=DATA[at:at + size], seq=first.seq + at, ident=first.ident + i))
        at += size
    return out


def all_kept():
    tcp, tcp6 = Packet(), Packet(**SIX, options=TIMESTAMPS, flow_label=0x12345, tos=2)
    show("tcp4_three", stream(tcp, [100, 100, 100]), [[0, 1, 2]])
    show("tcp4_short_tail_closes", stream(tcp, [100, 100, 1, 50]), [[0, 1, 2], 3])
    packets = stream(replace(tcp, options=TIMESTAMPS, tos=0xB9), [100, 100, 100, 100])
    packets[1].flags |= PSH
    show("tcp4_psh_closes", packets, [[0, 1], [2, 3]])
    packets[0].flags |= PSH
    show("tcp4_psh_on_the_first_is_alone", packets, [0, 1, [2, 3]])
    show("tcp4_sequence_wraps", stream(replace(tcp, seq=0xFFFFFFFF - 120), [100, 100, 100]), [[0, 1, 2]])
    clear = replace(tcp, fragment=0, ident=0xFFFF)
    show("tcp4_df_clear_ids_follow", stream(clear, [100, 100, 99]), [[0, 1, 2]])
    same = [replace(p, ident=9) for p in stream(tcp, [100, 100])]
    show("tcp4_df_set_any_id", same, [[0, 1]])
    show("tcp6_three", stream(tcp6, [77, 77, 76]), [[0, 1, 2]])
    show("larger_opens_anew", stream(tcp, [50, 51, 51]), [0, [1, 2]])
    show("lone_packet", stream(tcp, [50]), [0])
    udp, udp6 = Packet(protocol=17), Packet(protocol=17, **SIX)
    show("udp4_three", stream(udp, [100, 100, 99]), [[0, 1, 2]])
    show("udp6_two", stream(udp6, [100, 100]), [[0, 1]])
    a, b = stream(tcp, [100, 100]), stream(replace(tcp6, sport=1), [60, 60])
    show("two_flows", [a[0], b[0], a[1], b[1]], [[0, 2], [1, 3]])
    show("two_ports", [a[0], *stream(replace(tcp, dport=2), [100, 100]), a[1]], [[0, 3], [1, 2]])


def broken_tcp():
    """Each rule broken once by the second packet: two writes, in order."""
    def case(name, first=None, **change):
        packets = stream(Packet(options=TIMESTAMPS) if first is None else first, [100, 100])
        show("tcp_" + name, [packets[0], replace(packets[1], **change)], [0, 1])

    clear = Packet(fragment=0)
    six = Packet(**SIX)
    case("sequence_gap", seq=1101)
    case("sequence_behind", seq=1099)
    case("sequence_repeated", seq=1000)
    case("ack", ack=78)
    case("window", window=513)
    case("tos", tos=4)
    case("ecn_ce", tos=3)
    case("ttl", ttl=63)
    case("df", fragment=0, ident=8)
    case("df_clear_id_gap", clear, ident=9)
    case("df_clear_id_equal", clear, ident=7)
    case("reserved_ip_bit", fragment=0xC000)
    case("first_fragment", fragment=0x2000)
    case("options_length", options=b"")
    case("options_bytes", options=TIMESTAMPS_LATER)
    case("urgent_pointer", urgent=1)
    case("reserved_bit", reserved=2)
    case("ae", reserved=1)
    case("ip_options", extra=bytes.fromhex("01010100"))
    case("no_payload", payload=b"")
    case("flow_label", six, flow_label=1)
    case("hop_limit", six, ttl=63)
    case("traffic_class", six, tos=8)
    case("extension_header", six, extra=bytes.fromhex("0600050200000000"))
    for name, flag in (("fin", FIN), ("syn", SYN), ("rst", RST), ("urg", URG), ("ece", ECE), ("cwr", CWR)):
        case(name, flags=ACK | flag)
    case("no_ack", flags=0)
    case("later_fragment", fragment=0x2001)


def broken_otherwise():
    udp = Packet(protocol=17)
    packets = stream(udp, [100, 101])
    show("udp_larger", packets, [0, 1])
    packets = stream(udp, [100, 100])
    show("udp_no_checksum", [packets[0], replace(packets[1], no_checksum=True)], [0, 1])
    show("udp_tos", [packets[0], replace(packets[1], tos=1)], [0, 1])
    show("udp_empty", [packets[0], replace(packets[1], payload=b"")], [0, 1])
    packets = stream(Packet(), [100, 100, 100])
    for index, writes in ((0, [0, [1, 2]]), (1, [0, 1, 2]), (2, [[0, 1], 2])):
        damaged = bytearray(packets[index].encode())
        damaged[-1] ^= 1
        show(f"corrupt_payload_{index}", packets, writes, {index: bytes(damaged)})
    damaged = bytearray(packets[1].encode())
    damaged[10] ^= 1
    show("corrupt_ip_header", packets, [0, 1, 2], {1: bytes(damaged)})
    short = packets[1].encode()
    show("length_field_is_less", packets, [0, 1, 2], {1: short[:2] + b"\0\x8b" + short[4:]})
    icmp = bytes.fromhex("4500001d0000400040010000" "0a0000010a000002" "0800f7ff0000000001")
    show("other_protocol_passes_at_once", packets[:2], [0, 1], {0: icmp})
    show("not_ip", packets[:2], [0, 1], {0: b"\x00garbage"})


all_kept()
broken_tcp()
broken_otherwise()
