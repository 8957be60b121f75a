"""How two nodes find each other through NATs and a relay, and keep each other through whatever happens.

The network is drawn in world.py. Times are printed (-rP shows them), never asserted.
"""
import time

import pytest

import harness
import internet
import nodes
from nodes import Node, Relay, boot_time
from pulse import Pulse
from world import HARD, World, say


@pytest.fixture(scope="module", autouse=True)
def programs():
    reason = internet.why_missing() or nodes.why_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def world(lab):
    """Makes the world: world(home_b=HARD)."""
    return lambda **settings: World(lab, **settings)


def test_are_relayed_first_and_direct_soon_through_a_carrier_and_two_homes(world):
    pair = world()
    started = pair.start()
    direct = pair.wait_until_direct()
    say("first answer after the start", pair.pulse.times()[0] + boot_time() - time.monotonic() - started)
    say("direct after the start", direct - started)
    for node, peer in pair.pairs():
        first = node.wait_for("path", where=lambda event, peer=peer: event["peer"] == peer.public_key and event["relay"])
        assert first["relay"] == nodes.REGION and first["time"] < direct
    assert pair.a.path_to(pair.b)["direct"] == "192.0.2.2:41641"
    assert pair.b.path_to(pair.a)["direct"].startswith("198.51.100.2:")
    pair.a.host.wait_for_ping(pair.b.inside6)
    before = pair.relayed_bytes()
    pair.transfer()
    assert pair.relayed_bytes() == before
    for node, peer in pair.pairs():
        known = node.status()["peers"][peer.public_key]
        assert known["state"] == "direct" and known["latency"] > 0.01 and known["has_session"]
        assert known["received"] > 0 and known["sent"] > 0


def test_stay_relayed_when_both_nats_are_hard(world):
    pair = world(home_a=HARD, home_b=HARD).start_relayed()
    pair.transfer()
    assert pair.relayed_bytes() > 8 << 20
    assert pair.are_relayed()
    assert not any(event["direct"] for node in pair.nodes for event in node.events("path"))
    assert pair.a.status()["report"]["udp"]


def test_go_on_by_relay_while_udp_is_blocked_and_are_direct_again_after(world):
    pair = world().start_direct()
    blocked = boot_time()
    say("silence when UDP is blocked", pair.silence(lambda: pair.net.block("home-b")))
    for node, peer in pair.pairs():
        harness.wait_until(lambda node=node, peer=peer: node.is_relayed(peer), "the path through the relay alone", 60)
        assert node.wait_until_doubtful(peer, since=blocked)
    allowed = boot_time()
    pair.net.unblock("home-b")
    say("direct after UDP is allowed", pair.wait_until_direct(allowed) - allowed)


def test_survive_another_public_address(world):
    pair = world().start_direct()
    say("silence when the public address changes", pair.silence(lambda: pair.net.set_external("home-b", "192.0.2.3")))
    harness.wait_until(lambda: pair.a.path_to(pair.b)["direct"] == "192.0.2.3:41641", "the new address", 60)
    pair.wait_until_direct()


def test_survive_another_address_of_the_host(world):
    pair = world().start_direct()
    changed = boot_time()
    say("silence when the host's address changes", pair.silence(lambda: pair.net.move("b", "192.168.2.20/24")))
    pair.pulse.wait_until_direct()
    harness.wait_until(lambda: pair.a.is_direct(pair.b) and pair.b.is_direct(pair.a), "the direct path", 60)
    told = pair.b.wait_for("endpoints", since=changed, where=lambda event: "192.168.2.20:41641" in event["endpoints"])
    say("new endpoints known", told["time"] - changed)


def test_survive_a_restart_of_the_relay(world):
    pair = world(home_a=HARD, home_b=HARD).start_relayed()
    pair.relay.stop()
    harness.wait_until(lambda: not pair.pulse.is_steady(seconds=0.5), "silence without a relay")
    pair.relay.start()
    listening = time.monotonic()
    harness.wait_until(lambda: pair.pulse.times(since=listening), "answers through the relay", 60)
    say("back after the relay listens", pair.pulse.times(since=listening)[0] - listening)
    harness.wait_until(pair.pulse.is_steady, "steady answers", 60)


def test_do_not_need_the_relay_once_they_are_direct(world):
    pair = world().start_direct()
    say("silence when the relay ends", pair.silence(pair.relay.stop))
    assert all(node.is_direct(peer) for node, peer in pair.pairs())


def test_survive_the_crash_of_a_node(world):
    pair = world().start_direct()
    pair.b.kill()
    harness.wait_until(lambda: not pair.pulse.is_steady(seconds=0.5), "silence without b")
    started = boot_time()
    pair.b.start()
    pair.b.wait_until_direct(pair.a)
    pair.pulse.wait_until_direct()
    answered = min(pair.pulse.times(since=started + time.monotonic() - boot_time()))
    say("first answer after the restart", answered - time.monotonic() + boot_time() - started)
    say("direct after the restart", pair.b.wait_until_direct(pair.a)["time"] - started)


def test_hear_a_node_that_crashed_soon_though_only_the_other_talks(world):
    """b answers and says nothing else: in its new process it does not know that it is in a conversation."""
    pair = world().start_direct()

    def restart(what, told=lambda: None):
        pair.b.kill()
        harness.wait_until(lambda: not pair.pulse.is_steady(seconds=0.5), "silence without b")
        nodes.connect(pair.nodes, [pair.relay])
        pair.b.start().wait_until_ready()
        ready = time.monotonic()
        told()
        harness.wait_until(lambda: pair.pulse.times(since=ready), "answers of b", 60)
        say(f"first answer after the restart, {what}", pair.pulse.times(since=ready)[0] - ready)

    restart("same disco key")
    pair.pulse.wait_until_direct()
    pair.b.renew_disco_key()
    restart("another disco key, and a was told", pair.a.reload)
    pair.pulse.wait_until_direct()
    pair.b.renew_disco_key()
    restart("another disco key, and a was not told")
    told = time.monotonic()
    pair.a.reload()
    pair.pulse.wait_until_direct()
    say("direct after a was told", pair.pulse.times("in", since=told)[0] - told)


def test_leave_nothing_behind(world):
    pair = world()
    before = pair.a.host.leftovers()
    pair.start_direct()
    pair.pulse.stop()
    assert pair.a.host.leftovers() != before
    assert pair.a.stop() == 0
    assert pair.a.host.leftovers() == before


def test_a_stranger_is_refused_at_the_relay(world):
    pair = world(members=lambda world: [world.a.public_key])
    for node in pair.nodes:
        node.start()
    refused = pair.b.wait_for("relay_failed")
    assert refused["region"] == nodes.REGION and "admitted" in refused["why"]
    harness.wait_until(lambda: pair.a.status()["relay"]["ups"] > 0, "the member's login")
    harness.wait_until(lambda: pair.b.status()["relay"]["refused_logins"] > 0, "the stranger's refusal")
    status = pair.b.status()["relay"]
    assert status["ups"] == 0
    assert pair.a.events("relay_failed") == []


def test_meet_at_the_home_of_one_when_there_are_two_regions(lab):
    """west: relay 901 and a; east: relay 902 and b; 20 ms between them, both homes hard."""
    net = internet.Internet(lab)
    nets = {"west": ("203.0.113.10", "198.51.100.2", 901), "east": ("203.0.113.20", "192.0.2.2", 902)}
    relays, both, servers, hosts = [], [], [], []
    for number, (side, (relay, public, _)) in enumerate(nets.items(), 1):
        net.router(f"country-{side}", link={"delay": "10ms"})
        net.router(f"home-{side}", behind=f"country-{side}", addresses=[f"192.168.{number}.1"], nat={"external": [public], **HARD})
        servers.append(net.host(f"relay-{side}", f"{relay}/24", behind=f"country-{side}"))
        hosts.append(net.host(side, f"192.168.{number}.10/24", behind=f"home-{side}"))
    net.start()
    for number, (server, host, (relay, _, region)) in enumerate(zip(servers, hosts, nets.values()), 1):
        relays.append(Relay(server, relay, region=region).start())
        both.append(Node(host, number, home=region))
    nodes.connect(both, relays)
    for node in both:
        node.start().wait_until_ready()
    for node in both:
        node.wait_for("home", where=lambda event, node=node: event["region"] == node.home)
    pulse = Pulse(hosts[0], hosts[1], both[1].inside)
    harness.wait_until(pulse.is_steady, "answers through the relays", 60)
    for node, peer in zip(both, reversed(both)):
        assert node.is_relayed(peer) and node.path_to(peer)["relay"] in (node.home, peer.home)
        report = node.status()["report"]
        assert report["udp"] and report["mapping_varies"] and len(report["latencies"]) == 2
