#!/usr/bin/env python3
"""Writes src/crypto/testdata/.

usage: crypto_vectors.py WYCHEPROOF

WYCHEPROOF is a checkout of Project Wycheproof (github.com/C2SP/wycheproof, Apache-2.0); the same files are in the Go
module github.com/c2sp/wycheproof. BLAKE2s comes from Python's hashlib, which has the reference implementation of the
BLAKE2 authors; it is checked against the self-test of RFC 7693 appendix E first.

Lines are fields in hexadecimal, '-' for an empty one.
"""

import hashlib
import hmac
import json
import pathlib
import sys

OUT = pathlib.Path(__file__).resolve().parents[2] / "src/crypto/testdata"
WYCHEPROOF_NOTE = "Project Wycheproof (github.com/C2SP/wycheproof), testvectors_v1/{}, Apache-2.0, reduced."


def write(name, comments, rows):
    lines = [f"# {c}" for c in comments + ["Written by tools/vectors/crypto_vectors.py."]]
    lines += [" ".join(str(field) or "-" for field in row) for row in rows]
    (OUT / name).write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(rows)} cases")


def wycheproof(root, name):
    for group in json.loads((root / "testvectors_v1" / name).read_text())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def aead(root, source, target, comment, wanted):
    rows = [
        (t["tcId"], t["result"], t["key"], t["iv"], t["aad"], t["msg"], t["ct"] + t["tag"])
        for g, t in wycheproof(root, source)
        if g["keySize"] == 256 and g["tagSize"] == 128 and wanted(g, t)
    ]
    write(target, [WYCHEPROOF_NOTE.format(source), comment, "id result key nonce aad plaintext ciphertext+tag"], rows)


def x25519(root):
    source = "x25519_test.json"
    rows = [
        (t["tcId"], "zero" if "ZeroSharedSecret" in t["flags"] else "valid", t["private"], t["public"], t["shared"])
        for _, t in wycheproof(root, source)
        if t["flags"] not in (["EdgeCaseMultiplication"], ["EdgeCaseMultiplication", "Twist"])
    ]
    note = "Without the edge cases of field arithmetic; 'zero' is what must be refused."
    write("wycheproof_x25519.txt", [WYCHEPROOF_NOTE.format(source), note, "id result private public shared"], rows)


def rfc7693_sequence(length, seed):
    out = bytearray()
    a, b = (0xDEAD4BAD * seed) & 0xFFFFFFFF, 1
    for _ in range(length):
        t = (a + b) & 0xFFFFFFFF
        a, b = b, t
        out.append(t >> 24)
    return bytes(out)


def check_rfc7693():
    grand = hashlib.blake2s()
    for outlen in (16, 20, 28, 32):
        for inlen in (0, 3, 64, 65, 255, 1024):
            data, key = rfc7693_sequence(inlen, inlen), rfc7693_sequence(outlen, outlen)
            grand.update(hashlib.blake2s(data, digest_size=outlen).digest())
            grand.update(hashlib.blake2s(data, digest_size=outlen, key=key).digest())
    assert grand.hexdigest() == "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe"  # appendix E
    assert hashlib.blake2s(b"abc").hexdigest().startswith("508c5e8c327c14e2")  # appendix B


def blake2s():
    check_rfc7693()
    rows = []
    for size in (0, 1, 3, 63, 64, 65, 127, 128, 129, 255, 1024):
        data = rfc7693_sequence(size, size)
        rows.append(("hash", size, 0, hashlib.blake2s(data).hexdigest()))
        for key_size in (1, 16, 20, 32):
            key = rfc7693_sequence(key_size, key_size)
            rows.append(("mac16", size, key_size, hashlib.blake2s(data, digest_size=16, key=key).hexdigest()))
        for key_size in (0, 32, 63, 64, 65, 200):
            key = rfc7693_sequence(key_size, key_size)
            rows.append(("hmac", size, key_size, hmac.new(key, data, hashlib.blake2s).hexdigest()))
    comment = "Input and key are selftest_seq(size, size) of RFC 7693 appendix E."
    write("blake2s.txt", [comment, "function input_size key_size digest (sizes decimal)"], rows)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    OUT.mkdir(exist_ok=True)
    aead(root, "chacha20_poly1305_test.json", "wycheproof_chacha20_poly1305.txt",
         "The cases whose nonce begins with four zero bytes.",
         lambda g, t: g["ivSize"] == 96 and t["iv"].startswith("00000000"))
    aead(root, "xchacha20_poly1305_test.json", "wycheproof_xchacha20_poly1305.txt",
         "The cases with a nonce of 24 bytes and at most 128 bytes of plaintext.",
         lambda g, t: g["ivSize"] == 192 and len(t["msg"]) <= 256)
    x25519(root)
    blake2s()


if __name__ == "__main__":
    main()
