#!/usr/bin/env python3
"""Records what Linux hands to a reader of a TUN device: super-packets and packets with a partial checksum.

Two network namespaces, a TUN device in each, this script between them. Needs root and Linux 6.2. The namespaces have
no name: they are gone when the script ends. Writes lines "NAME HEX", HEX being virtio header and packet as read:

    sudo tools/vectors/record_tun.py > src/tunnel/testdata/tun_reads.txt
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
OFFLOADS = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40  # CSUM TSO4 TSO6 TSO_ECN USO4 USO6
SOL_UDP, UDP_SEGMENT, TCP_MAXSEG = 17, 103, 2
libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """A namespace with a TUN device that has 10.9.0.N and fd00:9::N."""

    def __init__(self, number):
        self.number = number
        if libc.unshare(CLONE_NEWNET) != 0:
            sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
        self.namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(self.tun, TUNSETOFFLOAD, OFFLOADS)
        with open("/proc/sys/net/ipv4/tcp_ecn", "w") as f:
            f.write("1")
        for command in (f"addr add 10.9.0.{number}/24 dev tun0", f"addr add fd00:9::{number}/64 dev tun0 nodad",
                        "link set tun0 mtu 1280 up", "link set lo up"):
            subprocess.run(["ip"] + command.split(), check=True)

    def enter(self):
        libc.setns(self.namespace, CLONE_NEWNET)

    def socket(self, *args):
        self.enter()
        return socket.socket(*args)


def mark_ce(packet):
    """Sets CE in an IPv4 packet behind a virtio header."""
    b = bytearray(packet)
    b[11] |= 3
    b[20:22] = b"\0\0"
    total = sum(struct.unpack(">10H", b[10:30]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    b[20:22] = struct.pack(">H", ~total & 0xFFFF)
    return bytes(b)


class Relay(threading.Thread):
    def __init__(self, a, b):
        super().__init__(daemon=True)
        self.pairs = {a.tun: b.tun, b.tun: a.tun}
        self.a = a
        self.seen = []
        self.mark_next_data = False
        self.pause = threading.Lock()

    def run(self):
        while True:
            for fd in select.select(list(self.pairs), [], [])[0]:
                packet = os.read(fd, 70000)
                with self.pause:
                    pass
                if fd == self.a.tun:
                    self.seen.append(packet)
                    if self.mark_next_data and packet[10] >> 4 == 4 and len(packet) > 150:
                        self.mark_next_data = False
                        packet = mark_ce(packet)
                os.write(self.pairs[fd], packet)


def connect(a, b, family, address, segment):
    listener = b.socket(family, socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen()
    client = a.socket(family, socket.SOCK_STREAM)
    client.setsockopt(socket.IPPROTO_TCP, TCP_MAXSEG, segment)
    client.connect(listener.getsockname()[:2])
    server, _ = listener.accept()
    listener.close()
    return client, server


def receive(connection, size):
    connection.settimeout(5)
    while size > 0:
        size -= len(connection.recv(size))


def take(relay, name, wanted):
    """Prints what was seen since the last call and is wanted."""
    time.sleep(0.1)
    kept = [p for p in relay.seen if wanted(p)]
    relay.seen.clear()
    if not kept:
        sys.exit(f"{name}: nothing recorded")
    print(name, kept[0].hex())


def is_gso(packet):
    return packet[1] != 0


def record_tcp(relay, a, b, family, address, name, timestamps):
    a.enter()
    with open("/proc/sys/net/ipv4/tcp_timestamps", "w") as f:
        f.write(str(timestamps))
    client, server = connect(a, b, family, address, 180)
    relay.seen.clear()
    client.send(bytes(range(200)) * 3)
    receive(server, 600)
    take(relay, name, is_gso)
    with relay.pause:  # more than the congestion window holds, so that FIN joins the queued data
        client.send(bytes(range(250)) * 13)
        client.shutdown(socket.SHUT_WR)
    receive(server, 3250)
    take(relay, name + "_fin", lambda p: is_gso(p) and p[p[6] + 10 + 13] & 1)


def record_cwr(relay, a, b):
    client, server = connect(a, b, socket.AF_INET, "10.9.0.2", 180)
    relay.mark_next_data = True
    client.send(bytes(400))
    receive(server, 400)
    time.sleep(0.1)
    relay.seen.clear()
    client.send(bytes(range(250)) * 2)
    receive(server, 500)
    take(relay, "tcp4_cwr", lambda p: is_gso(p) and p[1] & 0x80)


def record_udp(relay, a, b, family, address, name):
    server = b.socket(family, socket.SOCK_DGRAM)
    server.bind((address, 0))
    client = a.socket(family, socket.SOCK_DGRAM)
    client.connect(server.getsockname()[:2])
    relay.seen.clear()
    client.send(b"one datagram, odd")
    take(relay, name + "_single", lambda p: p[8] == 6 and not is_gso(p))
    client.setsockopt(SOL_UDP, UDP_SEGMENT, 101)
    client.send(bytes(range(251)) + b"tail")
    take(relay, name, is_gso)
    client.send(bytes(303))
    take(relay, name + "_equal_tail", is_gso)


def main():
    a, b = Host(1), Host(2)
    relay = Relay(a, b)
    relay.start()
    print("# Recorded by tools/vectors/record_tun.py on Linux", os.uname().release.split("-")[0])
    v4, v6 = (socket.AF_INET, "10.9.0.2"), (socket.AF_INET6, "fd00:9::2")
    record_tcp(relay, a, b, *v4, "tcp4_timestamps", 1)
    record_tcp(relay, a, b, *v4, "tcp4", 0)
    record_tcp(relay, a, b, *v6, "tcp6_timestamps", 1)
    record_tcp(relay, a, b, *v6, "tcp6", 0)
    record_cwr(relay, a, b)
    record_udp(relay, a, b, *v4, "udp4")
    record_udp(relay, a, b, *v6, "udp6")
    client, server = connect(a, b, *v4, 180)
    take(relay, "tcp4_syn", lambda p: not is_gso(p) and p[10 + 33] == 0x02 | 0xC0 or p[10 + 33] == 2)
    server.send(b"x")
    receive(client, 1)
    take(relay, "tcp4_ack", lambda p: p[0] & 1 and not is_gso(p))


main()
