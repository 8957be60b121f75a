"""Two nodes behind NATs and a relay in public, by the lab's router.

    a 192.168.1.10 -- home-a 100.64.0.2 -- carrier-a 198.51.100.2 --+
                                                                    internet -- 203.0.113.10 relay
    b 192.168.2.10 -- home-b 192.0.2.2 -----------------------------+

With two carriers also b is behind one: home-b has 100.64.0.2 there, and the carrier 192.0.2.2. From internet to home or
carrier 5 ms each way.
"""
import os
import time

import harness
import internet
import nodes
from nodes import Node, Relay, boot_time
from pulse import Pulse

RELAY = "203.0.113.10"
DELAY = {"delay": "5ms"}
HARD = {"mapping": "address_and_port", "ports": "random"}
CARRIER = {"ports": "random", "ports_per_host": 2048}


def say(what, seconds):
    print(f"{what}: {seconds:.3f} s")


class World:
    """The network above, the relay, and a node on each of a and b that knows the other."""

    def __init__(self, lab, home_a=None, home_b=None, carriers=1, names=("a", "b"), members=None):
        """home_a, home_b: what is special about their NATs. members: the public keys that the relay admits, of the nodes."""
        self.lab = lab
        self.net = internet.Internet(lab)
        places = [("a", 1, "198.51.100.2", home_a, True), ("b", 2, "192.0.2.2", home_b, carriers == 2)]
        self.server = self.net.host("relay", f"{RELAY}/24")
        hosts = [self.add_home(name, *place) for name, place in zip(names, places)]
        self.net.start()
        self.a, self.b = self.nodes = [Node(host, number) for number, host in enumerate(hosts, 1)]
        self.relay = Relay(self.server, RELAY, members=members and members(self)).start()
        nodes.connect(self.nodes, [self.relay])

    def add_home(self, name, letter, number, public, nat, has_carrier):
        home, carrier = f"home-{letter}", f"carrier-{letter}"
        if has_carrier:
            self.net.router(carrier, addresses=["100.64.0.1"], nat={"external": [public], **CARRIER}, link=DELAY)
        where = {"behind": carrier} if has_carrier else {"link": DELAY}
        outside = "100.64.0.2" if has_carrier else public
        self.net.router(home, addresses=[f"192.168.{number}.1"], nat={"external": [outside], **(nat or {})}, **where)
        return self.net.host(name, f"192.168.{number}.10/24", behind=home)

    def start(self):
        """Starts an exchange, and both nodes between which it takes place; returns the time of their start."""
        self.pulse = Pulse(self.a.host, self.b.host, self.b.inside)
        for node in self.nodes:
            node.start()
        started = boot_time()
        for node in self.nodes:
            node.wait_until_ready()
        return started

    def wait_until_direct(self, since=0.0):
        """Both told of a direct path since then, and packets flow."""
        times = [node.wait_until_direct(peer, since=since)["time"] for node, peer in self.pairs()]
        self.pulse.wait_until_direct()
        return max(times)

    def start_direct(self):
        started = self.start()
        say("direct after the start", self.wait_until_direct() - started)
        return self

    def start_relayed(self):
        self.start()
        harness.wait_until(self.pulse.is_steady, "answers through the relay", 60)
        assert self.are_relayed()
        return self

    def pairs(self):
        return [(self.a, self.b), (self.b, self.a)]

    def are_relayed(self):
        return all(node.is_relayed(peer) for node, peer in self.pairs())

    def silence(self, disturb):
        """The longest silence from the disturbance until answers come steadily again."""
        since = time.monotonic()
        disturb()
        return self.pulse.silence(since)

    def transfer(self, size=8 << 20):
        """A file over TCP from b to a, with nothing else on the way."""
        self.pulse.stop()
        directory = self.lab.directory / "www"
        directory.mkdir()
        content = os.urandom(size)
        (directory / "file").write_bytes(content)
        self.b.host.serve(directory)
        started = time.monotonic()
        assert self.a.host.fetch(f"http://{self.b.inside}:8080/file") == content
        say(f"{size >> 20} MiB", time.monotonic() - started)

    def relayed_bytes(self):
        return sum(node.status()["counts"]["relay_bytes_received"] for node in self.nodes)
