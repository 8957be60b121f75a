"""A tunnel between two machines, each implementation at each end: what users do with it all day.

    initiator ---- responder      outside 10.9.0.0/24 and fd09::/64, inside 10.7.0.0/24 and fd07::/64
"""
import hashlib
import os

import pytest

import harness
import peers

MEGABYTE = 1 << 20


def publish(host, lab, size):
    """A web server with one random file; returns the file's hash."""
    directory = lab.directory / host.label
    directory.mkdir()
    content = os.urandom(size)
    (directory / "file").write_bytes(content)
    host.serve(directory)
    return hashlib.sha256(content).hexdigest()


def fetch_hash(host, url):
    return hashlib.sha256(host.fetch(url)).hexdigest()


@pytest.mark.parametrize("outer", [4, 6])
def test_carries_ping_and_tcp_both_ways(pair, lab, outer):
    both = pair(outer=outer).start()
    ends = (both.initiator, both.responder)
    for here, there in (ends, ends[::-1]):
        digest = publish(there.host, lab, MEGABYTE)
        for version, url in ((4, "http://{}:8080/file"), (6, "http://[{}]:8080/file")):
            here.host.wait_for_ping(there.address(version))
            assert fetch_hash(here.host, url.format(there.address(version))) == digest
    assert both.responder.status(both.initiator).endpoint == peers.endpoint(both.outside[0])


def test_preshared_key(pair):
    key = peers.preshared_key()
    both = pair(preshared_key=key, responder={"preshared_key": key}).start()
    both.initiator.host.wait_for_ping(both.responder.address())
    both.responder.host.wait_for_ping(both.initiator.address(6))


def test_wrong_preshared_key_carries_nothing_until_it_is_mended(pair, lab):
    key = peers.preshared_key()
    both = pair(preshared_key=key, responder={"preshared_key": peers.preshared_key()}).start()
    assert not both.initiator.host.pings(both.responder.address())
    assert both.responder.status(both.initiator).handshake == 0 or both.initiator.status(both.responder).handshake == 0

    right = lab.directory / "right.psk"
    right.write_text(key)
    both.responder.set("peer", both.initiator.public_key, "preshared-key", str(right))
    both.initiator.host.wait_for_ping(both.responder.address())


def test_unknown_key_gets_no_answer(pair):
    both = pair()
    stranger = both.initiator.public_key
    both.responder.peers[0].public_key = peers.wg("pubkey", text=peers.wg("genkey"))
    both.start()
    before = both.responder.host.udp_counters()
    both.initiator.host.pings(both.responder.address())
    harness.wait_until(lambda: both.responder.host.udp_counters()["received"] > before["received"], "an initiation to arrive")
    assert not both.initiator.host.pings(both.responder.address())
    assert both.responder.host.udp_counters()["sent"] == before["sent"]
    assert both.responder.process.is_running()

    both.responder.set("peer", stranger, "allowed-ips", "10.7.0.1/32")
    both.initiator.host.wait_for_ping(both.responder.address())


@pytest.mark.parametrize("mtu", [1280, 1420, 8920, 9000])
def test_mtu_fills_packets_and_carries_streams(pair, lab, mtu):
    both = pair(mtu=mtu, link_mtu=max(1500, mtu + 80)).start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())
    here.host.wait_for_ping(there.address(), "-M", "do", "-s", mtu - 28)  # IPv4 20 + ICMP 8
    here.host.wait_for_ping(there.address(6), "-M", "do", "-s", mtu - 48)  # IPv6 40 + ICMPv6 8
    assert not here.host.pings(there.address(), "-M", "do", "-s", mtu - 27)
    digest = publish(there.host, lab, 32 * MEGABYTE)
    assert fetch_hash(here.host, f"http://{there.address()}:8080/file") == digest
    assert fetch_hash(here.host, f"http://[{there.address(6)}]:8080/file") == digest


@pytest.mark.parametrize("options", [
    ("--no-tun-offloads",),
    ("--no-udp-gso",),
    ("--no-udp-gro",),
    ("--no-tun-offloads", "--no-udp-gso", "--no-udp-gro"),
    ("--cipher", "evp"),
], ids=" ".join)
def test_carries_the_same_without_offloads(ours, lab, options):
    """One end with and one without, so that each form of what is sent meets each form of receiving it."""
    both = ours()
    both.responder.options = options
    both.start()
    for here, there in ((both.initiator, both.responder), (both.responder, both.initiator)):
        here.host.wait_for_ping(there.address())
        digest = publish(there.host, lab, 16 * MEGABYTE)
        assert fetch_hash(here.host, f"http://{there.address()}:8080/file") == digest
        assert fetch_hash(here.host, f"http://[{there.address(6)}]:8080/file") == digest
        here.host.run("ping", "-n", "-c", "1", "-W", "5", "-s", "20000", there.address())  # inner fragments
