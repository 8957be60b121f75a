"""Two hosts and a relay in public: behind the kernel's NATs, or with nothing between but the relay.

    a 192.168.1.10 -- home 100.64.0.2 -- carrier 198.51.100.2 --+
                                                                internet -- 203.0.113.10 relay
    b 192.168.2.10 -- home 192.0.2.2 ---------------------------+               and 10.99.0.1, for a control server

All three NATs map independently of the endpoint, keep the port, and filter by address and port: what `masquerade` does
(spec: data-plane section 8.1). Links have no delay. Whoever builds the same network by other means keeps the methods.
"""
import itertools

NAT = """
table inet nat {
  chain leave { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname != "eth0" accept
  }
  # A router that takes unsolicited packets for itself would keep the flow and break punching, as no real one does.
  chain input { type filter hook input priority 0; iifname "eth0" ct state new drop; }
}
"""
BLOCK = """
table inet block {
  chain forward { type filter hook forward priority -10; meta l4proto udp drop; }
}
"""


class Homes:
    """Made in a lab; the devices of routers are named so that eth0 leads towards the internet."""

    def __init__(self, lab):
        self.lab = lab
        names = ("internet", "relay", "carrier", "home-a", "home-b", "a", "b")
        self.internet, self.relay, self.carrier, self.home_a, self.home_b, self.a, self.b = map(lab.host, names)
        self.relay_address = "203.0.113.10"
        # A private address: at a public one, a stock node that has to come back within two minutes tries only HTTPS.
        self.control_address = "10.99.0.1"
        self._last = itertools.count(3)  # of addresses at home-b's outside
        self._own = itertools.count(20)  # of addresses of b
        self._join(self.relay, "203.0.113.10/24", self.internet, "203.0.113.1/24")
        self.relay.add_address("lo", f"{self.control_address}/32")
        self.internet.ip("route", "add", self.control_address, "via", self.relay_address)
        self._join(self.carrier, "198.51.100.2/24", self.internet, "198.51.100.1/24")
        self._join(self.home_a, "100.64.0.2/24", self.carrier, "100.64.0.1/24")
        self._join(self.home_b, "192.0.2.2/24", self.internet, "192.0.2.1/24")
        self._join(self.a, "192.168.1.10/24", self.home_a, "192.168.1.1/24")
        self._join(self.b, "192.168.2.10/24", self.home_b, "192.168.2.1/24")
        for nat in (self.carrier, self.home_a, self.home_b):
            nat.run("nft", "-f", "-", text=NAT)
        self._outside, self._inside = "192.0.2.2/24", "192.168.2.10/24"

    def _join(self, lower, address, upper, gateway):
        """Links a host or router with the one nearer to the internet, which is its default route."""
        own, others = self.lab.link(lower, upper)
        lower.add_address(own, address)
        upper.add_address(others, gateway)
        upper.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        lower.ip("route", "add", "default", "via", gateway.split("/")[0])

    def block_udp(self):
        """b's home router drops all UDP from now on, also of known flows."""
        self.home_b.run("nft", "-f", "-", text=BLOCK)

    def allow_udp(self):
        self.home_b.run("nft", "delete", "table", "inet", "block")

    def change_public_address(self):
        """b's home router gets another address; nothing on b shows it, and its flows are forgotten."""
        outside = f"192.0.2.{next(self._last)}/24"
        self._replace(self.home_b, self._outside, outside, "192.0.2.1")
        self._outside = outside

    def change_own_address(self):
        """b gets another address from its router."""
        inside = f"192.168.2.{next(self._own)}/24"
        self._replace(self.b, self._inside, inside, "192.168.2.1")
        self._inside = inside

    def _replace(self, host, old, new, gateway):
        commands = f"address delete {old} dev eth0\naddress add {new} dev eth0\nroute replace default via {gateway}\n"
        host.run("ip", "-batch", "-", text=commands)

    def forget(self):
        """All NATs lose their flows, as after a long silence: the kernel drops those of an address that goes."""
        for nat, address, gateway in ((self.carrier, "198.51.100.2/24", "198.51.100.1"),
                                      (self.home_a, "100.64.0.2/24", "100.64.0.1"),
                                      (self.home_b, self._outside, "192.0.2.1")):
            self._replace(nat, address, address, gateway)


class RelayOnly:
    """a 10.9.1.2 -- 10.9.1.1 relay 10.9.2.1 -- 10.9.2.2 b, and the relay's host forwards nothing: what goes through the
    relay costs what the programs cost, without the routers of Homes."""

    def __init__(self, lab):
        self.lab = lab
        self.relay, self.a, self.b = map(lab.host, ("relay", "a", "b"))
        self.relay_address, self.control_address = "203.0.113.10", "10.99.0.1"
        self.relay.add_address("lo", f"{self.relay_address}/32", f"{self.control_address}/32")
        for number, host in ((1, self.a), (2, self.b)):
            own, others = lab.link(host, self.relay)
            host.add_address(own, f"10.9.{number}.2/24")
            self.relay.add_address(others, f"10.9.{number}.1/24")
            host.ip("route", "add", "default", "via", f"10.9.{number}.1")
