"""The networks of bench/paths: the same for every kind of node, relay and whatever else they need.

Homes, by the lab's router; from internet to carrier or home 5 ms each way:

    a 192.168.1.10 -- home-a 100.64.0.2 -- carrier-a 198.51.100.2 --+
                                                                    internet -- 203.0.113.10 relay
    b 192.168.2.10 -- home-b 192.0.2.2 -----------------------------+               and 10.99.0.1, for a control server

RelayOnly, by veth pairs alone: a 10.9.1.2 -- 10.9.1.1 relay 10.9.2.1 -- 10.9.2.2 b
"""
import itertools

import internet
import world

# A private address: at a public one, a stock node that has to come back within two minutes tries only HTTPS.
CONTROL = "10.99.0.1"
RELAY = world.RELAY


class Homes:
    """What world.py draws, with one carrier, and what can happen to b there."""

    relay_address, control_address = RELAY, CONTROL

    def __init__(self, lab):
        self.lab = lab
        self.net = internet.Internet(lab)
        self.net.router("carrier-a", addresses=["100.64.0.1"], nat={"external": ["198.51.100.2"], **world.CARRIER}, link=world.DELAY)
        self.net.router("home-a", addresses=["192.168.1.1"], nat={"external": ["100.64.0.2"]}, behind="carrier-a")
        self.net.router("home-b", addresses=["192.168.2.1"], nat={"external": ["192.0.2.2"]}, link=world.DELAY)
        self.relay = self.net.host("relay", f"{RELAY}/24", f"{CONTROL}/32")
        self.a = self.net.host("a", "192.168.1.10/24", behind="home-a")
        self.b = self.net.host("b", "192.168.2.10/24", behind="home-b")
        self.net.start()
        self._last = itertools.count(3)  # of addresses at home-b's outside
        self._own = itertools.count(20)  # of addresses of b

    def block_udp(self):
        """b's home router drops all UDP from now on, also of known flows."""
        self.net.block("home-b")

    def allow_udp(self):
        self.net.unblock("home-b")

    def change_public_address(self):
        """b's home router gets another address; nothing on b shows it, and its flows are forgotten."""
        self.net.set_external("home-b", f"192.0.2.{next(self._last)}")

    def change_own_address(self):
        """b gets another address from its router."""
        self.net.move("b", f"192.168.2.{next(self._own)}/24")

    def forget(self):
        """All NATs lose their flows, as after a long silence."""
        for router in ("carrier-a", "home-a", "home-b"):
            self.net.forget(router)


class RelayOnly:
    """a and b reach the relay alone: its host forwards nothing, so they stay relayed, and what goes through the relay
    costs what the programs cost, with no router between."""

    relay_address, control_address = RELAY, CONTROL

    def __init__(self, lab):
        self.lab = lab
        self.relay, self.a, self.b = map(lab.host, ("relay", "a", "b"))
        self.relay.add_address("lo", f"{RELAY}/32", f"{CONTROL}/32")
        self.relay.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        for number, host in ((1, self.a), (2, self.b)):
            own, others = lab.link(host, self.relay)
            host.add_address(own, f"10.9.{number}.2/24")
            self.relay.add_address(others, f"10.9.{number}.1/24")
            host.ip("route", "add", "default", "via", f"10.9.{number}.1")
