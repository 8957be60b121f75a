"""Two hosts and a relay in public, behind the kernel's NATs.

    a 192.168.1.10 -- home 100.64.0.2 -- carrier 198.51.100.2 --+
                                                                internet -- 203.0.113.10 relay
    b 192.168.2.10 -- home 192.0.2.2 ---------------------------+               and 10.99.0.1, for a control server

All three NATs map independently of the endpoint, keep the port, and filter by address and port: what `masquerade` does
(spec: data-plane section 8.1). Links have no delay.
"""

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

    def unblock_udp(self):
        self.home_b.run("nft", "delete", "table", "inet", "block")
