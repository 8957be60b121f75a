"""Datagrams that no friend would send: run inside a namespace, prints one JSON object.

    noise.py garbage ADDRESS PORT COUNT      random bytes of every size, and every type with random content
    noise.py initiations ADDRESS PORT KEY    handshake initiations with a right MAC1 and nothing else right, until SIGTERM
"""
import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import sys
import time

SEED = 20260101  # the same noise each run
BURST, PAUSE = 512, 0.05  # 10,000 a second: fills queues of handshakes, but leaves room in the socket's buffer


def destination(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.connect((address, int(port)))
    return udp


def garbage(udp, count):
    rng = random.Random(SEED)
    sizes = [0, 1, 3, 4, 15, 16, 31, 32, 63, 64, 65, 91, 92, 93, 147, 148, 149, 1452, 9000, 65000]
    for number in range(int(count)):
        size = rng.choice(sizes) if number % 2 else rng.randrange(1500)
        content = bytearray(rng.randbytes(size))
        if number % 3 and size >= 4:
            content[:4] = bytes([rng.randrange(6), 0, 0, 0])  # looks like a message up to its type
        with contextlib.suppress(OSError):  # too long, or refused: what the far side thinks is the test's question
            udp.send(content)
    return {"sent": int(count)}


def initiation(key):
    """Type 1, random content, MAC1 as in the WireGuard paper, section 5.4.4."""
    body = b"\x01\0\0\0" + os.urandom(112)
    mac_key = hashlib.blake2s(b"mac1----" + base64.b64decode(key)).digest()
    return body + hashlib.blake2s(body, key=mac_key, digest_size=16).digest() + bytes(16)


def initiations(udp, key):
    udp.setblocking(False)
    sent, answers, ended = 0, {}, []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            for _ in range(BURST):
                udp.send(initiation(key))
                sent += 1
        time.sleep(PAUSE)
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                answer = udp.recv(2048)
                kind = f"{answer[0]}/{len(answer)}"
                answers[kind] = answers.get(kind, 0) + 1
    return {"sent": sent, "answers": answers}


def main():
    kind, address, port, *rest = sys.argv[1:]
    result = {"garbage": garbage, "initiations": initiations}[kind](destination(address, port), *rest)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
