"""The measurements of bench/connect: a machine joins a network through a coordination server, and the server dies.

Ours is warren-server, warrend and the `warren` command; the baseline a stock tailscaled with the module's own test
coordination server and relay. Times are taken from outside: the programs' ends, answers through the tunnel, and datagrams
of their length on the wire.
"""
import signal
import time

import harness
import internet
import measures
import overlay
import path_measures
import path_networks
from pulse import PATIENCE, Pulse

KINDS = ("stock", "ours")
SETTLE = 3.0  # seconds on the direct path before the server dies
PROVEN = 12.0  # seconds after which a connection counts as a good one; a younger one that is lost is tried again more slowly
DOWN = 2.0  # seconds that the server stays away
IDLE = 10.0  # seconds of doing nothing


def why_missing(kind):
    return path_measures.why_missing("stock") if kind == "stock" else internet.why_missing() or overlay.why_missing()


class Places:
    """The hosts of a network by the names that overlay.py has for them."""

    def __init__(self, lab, network):
        self.directory = lab.directory
        self.hosts = {"server": network.relay, "a": network.a, "b": network.b}
        self.server = None

    def place(self, label):
        return self.hosts[label]


class Ours:
    def __init__(self, network, lab):
        self.places = Places(lab, network)
        self.server = self.places.server = overlay.Server(self.places)
        self.start_server()
        self.nodes = [overlay.Node(self.places, label) for label in ("a", "b")]
        for node in self.nodes:
            node.start()

    def start_server(self):
        self.server.start(url=f"https://{path_networks.RELAY}")

    def kill_server(self):
        self.server.kill()

    def join(self, number):
        """Returns when the node's program says that it is in."""
        self.nodes[number].up()

    def address(self, number):
        return self.nodes[number].address()

    def pids(self):
        """Of one node, and of the server."""
        return [self.nodes[0].process.pid], [self.server.process.pid]


class Stock:
    def __init__(self, network, _):
        self.network = network
        self.pair = path_measures.Pair("stock", network)
        self.nodes = self.pair.nodes

    def start_server(self):
        self.pair.relay.start()

    def kill_server(self):
        # The test coordination server keeps nothing; what it shares with ours is that the relay goes.
        self.pair.relay.process.end(signal.SIGKILL)

    def join(self, number):
        self.nodes[number].start()
        harness.wait_until(lambda: (self.nodes[number].status() or {}).get("BackendState") == "Running", "the node to run", 30)

    def address(self, number):
        return self.nodes[number].address()

    def pids(self):
        return self.nodes[0].pids(), [self.pair.control.process.pid, self.pair.relay.process.pid]


def make(kind, lab):
    network = path_networks.Homes(lab)
    return network, (Ours if kind == "ours" else Stock)(network, lab)


def first_direct(pulse, since):
    def both():
        ways = [pulse.times(way, since) for way in ("in", "out")]
        return max(way[0] for way in ways) if all(ways) else None
    return harness.wait_until(both, "the direct path", PATIENCE)


def join(kind, lab, _):
    """b is in; a joins, while it already asks b every 10 ms. Then nobody says anything."""
    network, pair = make(kind, lab)
    pair.join(1)
    pulse = Pulse(network.a, network.b, pair.address(1))
    began = time.monotonic()
    pair.join(0)
    up = time.monotonic()
    harness.wait_until(lambda: pulse.times("answer"), "the first answer", PATIENCE)
    figures = {"up": up - began, "first answer after up": max(0.0, pulse.times("answer")[0] - up),
               "direct after both are up": max(0.0, first_direct(pulse, began) - up)}
    pulse.stop()
    node, server = pair.pids()
    before = sum(map(measures.cpu_seconds, node))
    time.sleep(IDLE)
    figures["idle node, cpu"] = (sum(map(measures.cpu_seconds, node)) - before) / IDLE * 100
    figures["idle node, memory"] = sum(map(resident_mib, node))
    figures["server of two, memory"] = sum(map(resident_mib, server))
    return figures


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def server_dies(kind, lab, _):
    """Direct: nobody notices. Relayed: they come back."""
    network, pair = make(kind, lab)
    pair.join(1)
    pulse = Pulse(network.a, network.b, pair.address(1))
    pair.join(0)
    pulse.wait_until_direct()
    time.sleep(SETTLE)
    since = time.monotonic()
    pair.kill_server()
    time.sleep(DOWN)
    pair.start_server()
    figures = {"silence, the server is killed while direct": pulse.silence(since)}
    network.block_udp()
    harness.wait_until(pulse.is_steady, "answers through the relay", PATIENCE)
    time.sleep(PROVEN)
    pair.kill_server()
    time.sleep(DOWN)
    pair.start_server()
    listening = time.monotonic()
    harness.wait_until(lambda: pulse.times("answer", listening), "answers over the relay again", PATIENCE)
    figures["back after the server listens again, relayed"] = pulse.times("answer", listening)[0] - listening
    return figures


PARTS = {"join": join, "server": server_dies}
