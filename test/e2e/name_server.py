"""A name server that is none of ours: answers A questions by a table, and says on stdout what it was asked.

    python3 name_server.py ADDRESS:PORT NAME=ADDRESS…

What is not in the table does not exist. One thread, UDP only: as much as a test's network needs."""
import ipaddress
import socket
import struct
import sys

NXDOMAIN = 3
A = 1


def read_name(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 1


def answer(query, table):
    identity, flags = struct.unpack("!HH", query[:4])
    name, end = read_name(query, 12)
    (kind,) = struct.unpack("!H", query[end:end + 2])
    print(f"asked for {name} {kind}", flush=True)
    address = table.get(name)
    records = b""
    if address and kind == A:
        records = struct.pack("!HHHIH", 0xC00C, A, 1, 5, 4) + ipaddress.ip_address(address).packed
    code = 0 if address else NXDOMAIN
    head = struct.pack("!HHHHHH", identity, 0x8080 | (flags & 0x0100) | code, 1, 1 if records else 0, 0, 0)
    return head + query[12:end + 4] + records


def main():
    table = dict(word.lower().split("=") for word in sys.argv[2:])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address, _, port = sys.argv[1].partition(":")
    server.bind((address, int(port)))
    print("serving", flush=True)
    while True:
        query, client = server.recvfrom(4096)
        server.sendto(answer(query, table), client)


if __name__ == "__main__":
    main()
