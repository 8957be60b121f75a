"""The measurements of bench/paths: one pair of nodes of one kind, in a new network and new processes.

All are taken from outside the programs: answers through the tunnel, and datagrams of their length on the wire.
"""
import time

import harness
import internet
import measures
import ours
import path_networks
import strangers
from pulse import PATIENCE, Pulse

KINDS = ("stock", "ours")
SETTLE = 5.0  # seconds on the direct path before the next disturbance
DOWN = 2.0  # seconds that the relay stays away


class Pair:
    """The two nodes of a kind, on hosts a and b of a network, with the relay and whatever else they need."""

    def __init__(self, kind, its_network):
        self.network = its_network
        relay_class = strangers.StockRelay if kind == "stock" else ours.Relay
        self.relay = relay_class(self.network.relay, self.network.relay_address).start()
        hosts = (self.network.a, self.network.b)
        if kind == "stock":
            self.control = strangers.StockControl(self.network.relay, self.network.control_address, self.relay.address)
            self.nodes = [strangers.StockNode(host, self.control) for host in hosts]
        else:
            self.nodes = [ours.Node(host, number) for number, host in enumerate(hosts, 1)]
            for node, peer in zip(self.nodes, reversed(self.nodes)):
                node.configure([peer], [self.relay.address])

    def start(self):
        for node in self.nodes:
            node.start()
        return time.monotonic()

    def wait_until_up(self):
        for node in self.nodes:
            harness.wait_until(node.is_up, f"the node on {node.host.label} to see its peer", 30)

    def get_acquainted(self):
        """Lets nodes that need it log in once, and forget the paths they found: a start is not a first login."""
        self.start()
        self.wait_until_up()
        self.address = self.nodes[1].address()
        for node in self.nodes:
            node.stop()
        self.network.forget()


def why_missing(kind):
    """Says why a kind can't be measured here, or None."""
    if kind == "stock":
        return internet.why_missing() or strangers.why_missing()
    return internet.why_missing() or ours.why_missing(ours.Relay.program, ours.Node.program)


class Session:
    """A pair that was started and exchanges packets over the direct path; knows how long that took."""

    def __init__(self, kind, lab):
        self.pair = Pair(kind, path_networks.Homes(lab))
        self.pair.get_acquainted()
        self.pulse = Pulse(self.pair.network.a, self.pair.network.b, self.pair.address)
        started = self.pair.start()
        harness.wait_until(lambda: self.pulse.times("answer"), "the first answer", PATIENCE)
        self.starts = {"first answer after the start": self.pulse.times("answer")[0] - started,
                       "direct after the start": self.first_direct(started) - started}
        self.pulse.wait_until_direct()
        time.sleep(SETTLE)

    def first_direct(self, since):
        """When both ways had gone directly once."""
        def both():
            ways = [self.pulse.times(way, since) for way in ("in", "out")]
            return max(way[0] for way in ways) if all(ways) else None
        return harness.wait_until(both, "the direct path", PATIENCE)

    def silence(self, disturb):
        since = time.monotonic()
        disturb()
        return self.pulse.silence(since)


def without_udp(kind, lab, _):
    """UDP ends, the relay ends and comes back, UDP comes back."""
    session = Session(kind, lab)
    network, relay, pulse = session.pair.network, session.pair.relay, session.pulse
    figures = {**session.starts, "silence, UDP is blocked": session.silence(network.block_udp)}
    relay.process.end()
    time.sleep(DOWN)
    relay.start()
    listening = time.monotonic()
    harness.wait_until(lambda: pulse.times("answer", listening), "answers over the relay again", PATIENCE)
    figures["back after the relay listens again"] = pulse.times("answer", listening)[0] - listening
    harness.wait_until(pulse.is_steady, "steady answers", PATIENCE)
    network.allow_udp()
    allowed = time.monotonic()
    figures["direct after UDP is allowed"] = session.first_direct(allowed) - allowed
    return figures


def other_public_address(kind, lab, _):
    session = Session(kind, lab)
    return {**session.starts, "silence, the public address changes": session.silence(session.pair.network.change_public_address)}


def other_own_address(kind, lab, _):
    session = Session(kind, lab)
    return {**session.starts, "silence, its own address changes": session.silence(session.pair.network.change_own_address)}


class Ends:
    """What measures.iperf wants: client, server, and the server's address."""

    def __init__(self, pair):
        self.client, self.server, self.address = pair.network.a, pair.network.b, pair.address


def relayed_tcp(kind, lab, seconds):
    """One TCP stream from a to b that have only the relay; CPU by program, for each GiB that the far device delivered."""
    pair = Pair(kind, path_networks.RelayOnly(lab))
    pair.start()
    pair.wait_until_up()
    pair.address = pair.nodes[1].address()
    pair.network.a.wait_for_ping(pair.address, seconds=30)
    parts = {"node a, which sends": pair.nodes[0].pids(), "the relay": [pair.relay.process.pid],
             "node b, which receives": pair.nodes[1].pids()}

    def cpu():
        return {name: sum(map(measures.cpu_seconds, pids)) for name, pids in parts.items()}

    before, received = cpu(), received_bytes(pair)
    end = measures.iperf(Ends(pair), seconds, "-P", "1")
    after, delivered = cpu(), (received_bytes(pair) - received) / measures.GIB
    costs = {name: (after[name] - before[name]) / delivered for name in parts}
    return {"relayed tcp": end["sum_received"]["bits_per_second"] / 1e9,
            "relayed tcp, cpu of all three": sum(costs.values()),
            **{f"relayed tcp, cpu of {name}": cost for name, cost in costs.items()}}


def received_bytes(pair):
    device = pair.nodes[1].device
    return int(pair.network.b.run("cat", f"/sys/class/net/{device}/statistics/rx_bytes").stdout)


# A session for each disturbance: a stock pair may stay relayed for minutes after some of them.
PARTS = {
    "no-udp": without_udp,
    "public-address": other_public_address,
    "own-address": other_own_address,
    "tcp": relayed_tcp,
}
