#!/usr/bin/python3
"""A steady exchange through a tunnel, and what of it crosses the wire directly. Pulse runs the program:

    pulse.py echo PORT            answers
    pulse.py send ADDRESS PORT    asks every 10 ms for ever; prints one line an event, with CLOCK_MONOTONIC seconds:
        answer TIME    an answer came back through the tunnel
        out TIME       a question left this host inside one UDP datagram: the direct path
        in TIME        an answer came in the same way
"""
import pathlib
import select
import socket
import sys
import time

import harness

PORT = 7100
STEADY = 2.0  # seconds of answers without a hole after which a path counts as found again
HOLE = 0.2  # seconds
PATIENCE = 90.0  # seconds
INTERVAL = 0.01
PAYLOAD = 596
# A question or answer on the wire over IPv4: 28 of IP and UDP inside, a multiple of 16 with them, so WireGuard pads
# nothing; 32 of WireGuard; 28 of IP and UDP outside. Handshakes, disco and STUN have other lengths.
WIRE = PAYLOAD + 28 + 32 + 28
EVERY_PROTOCOL = 0x0003  # ETH_P_ALL
UDP = 17
BROKEN = (OSError,)  # no route, no device yet: asked again 10 ms later


def echo(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", port))
        while True:
            data, sender = sock.recvfrom(2048)
            try:
                sock.sendto(data, sender)
            except BROKEN:
                pass


def kind_on_wire(packet, way):
    if len(packet) >= 20 and packet[0] >> 4 == 4 and packet[9] == UDP and int.from_bytes(packet[2:4], "big") == WIRE:
        return "out" if way == socket.PACKET_OUTGOING else "in"
    return None


def send(address, port):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY_PROTOCOL))
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for sock in (wire, asking):
        sock.setblocking(False)
    due = time.monotonic()
    while True:
        ready, _, _ = select.select([wire, asking], [], [], max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if wire in ready:
            packet, (_, _, way, *_) = wire.recvfrom(64)
            kind = kind_on_wire(packet, way)
            if kind:
                print(f"{kind} {now:.4f}", flush=True)
        if asking in ready:
            try:
                asking.recv(2048)
                print(f"answer {now:.4f}", flush=True)
            except BROKEN:
                pass
        if now >= due:
            due = now + INTERVAL
            try:
                asking.sendto(bytes(PAYLOAD), (address, port))
            except BROKEN:
                pass


class Pulse:
    """Questions from one host to another's address in the tunnel, every 10 ms from now on."""

    def __init__(self, asking, answering, address):
        program = pathlib.Path(__file__).resolve()
        self.processes = [answering.start(harness.PYTHON, program, "echo", PORT),
                          asking.start(harness.PYTHON, program, "send", address, PORT)]

    def times(self, kind="answer", since=0.0):
        lines = self.processes[1].output().split("\n")[:-1]
        return [at for what, at in ((line.split()[0], float(line.split()[1])) for line in lines) if what == kind and at >= since]

    def is_steady(self, kind="answer", seconds=STEADY):
        now = time.monotonic()
        recent = [now - seconds, *self.times(kind, now - seconds), now]
        return max(later - earlier for earlier, later in zip(recent, recent[1:])) < HOLE

    def wait_until_direct(self):
        harness.wait_until(lambda: self.is_steady("in") and self.is_steady("out"), "a steady direct path", PATIENCE)

    def silence(self, since):
        """Seconds of the longest hole between answers, once they come steadily again."""
        time.sleep(0.5)  # answers on their way are still coming
        harness.wait_until(self.is_steady, "steady answers", PATIENCE)
        times = self.times("answer", since - 0.5)
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def stop(self):
        for process in self.processes:
            process.end()


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(int(sys.argv[2]))
    send(sys.argv[2], int(sys.argv[3]))
