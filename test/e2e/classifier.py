"""Finds out by sockets what a NAT does: two hosts behind it, two servers in front.

Nothing waits for a datagram that does not come. A host's packets keep their order, so behind each one that may be
dropped another is sent that passes: when that has arrived, the first has arrived or never will.
"""
import contextlib
import itertools

import internet

_ports = itertools.count(20000, 7)  # inside and outside, each used once; no neighbours, and of both parities
MARKER = b"marker"


class Classifier:
    """hosts and servers: pairs of (harness.Host, address)."""

    def __init__(self, hosts, servers):
        self.hosts = hosts
        self.servers = servers
        self._open = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.close()

    def classify(self):
        mapping = self.mapping()
        out = {"mapping": mapping, "filtering": self.filtering(), "ports": self.ports()}
        if mapping == "endpoint_independent":  # else a host can't know which endpoint of the other lets it in
            out["hairpin"] = self.hairpin()
        return out

    def _socket(self, site, port=None):
        host, address = site
        return self._open.enter_context(internet.udp(host, address, port or next(_ports)))

    def _seen(self, inside, server):
        """Sends to the server and returns the endpoint that it sees."""
        inside.sendto(MARKER, server.getsockname())
        return server.recvfrom(100)[1]

    def mapping(self):
        first, second = (self._socket(server) for server in self.servers)
        other_port = self._socket(self.servers[0])
        inside = self._socket(self.hosts[0])
        seen = self._seen(inside, first)
        if self._seen(inside, second) == seen:
            assert self._seen(inside, other_port) == seen
            return "endpoint_independent"
        return "address" if self._seen(inside, other_port) == seen else "address_and_port"

    def filtering(self):
        known, other_address = (self._socket(server) for server in self.servers)
        other_port = self._socket(self.servers[0])
        inside = self._socket(self.hosts[0])
        external = self._seen(inside, known)
        # The servers' packets take different ways in, so each gets an own marker.
        for sender in (other_address, other_port):
            sender.sendto(b"unknown", external)
            self._flush(sender, self._socket(self.hosts[0]))
        known.sendto(MARKER, external)
        passed = set()
        while True:
            data, source = inside.recvfrom(100)
            if data == MARKER:
                break
            passed.add(source)
        if other_address.getsockname() in passed:
            return "endpoint_independent"
        return "address" if other_port.getsockname() in passed else "address_and_port"

    def _flush(self, server, inside):
        """Everything the server has sent has arrived, or has been dropped."""
        server.sendto(MARKER, self._seen(inside, server))
        inside.recvfrom(100)

    def ports(self):
        """What the first packets of sockets look like, of both hosts in turn."""
        server = self._socket(self.servers[0])
        pairs = {0: [], 1: []}
        order = []
        for turn in range(12):
            inside = self._socket(self.hosts[turn % 2])
            port = self._seen(inside, server)[1]
            pairs[turn % 2].append((inside.getsockname()[1], port))
            order.append(port)
        every = pairs[0] + pairs[1]
        if all(inside == outside for inside, outside in every):
            return "preserve"
        if all(_is_sequence([outside for _, outside in pairs[host]]) for host in pairs):
            return "sequential_per_host"
        if _is_sequence(order):
            return "sequential_global"
        if all(inside % 2 == outside % 2 for inside, outside in every):
            return "preserve_parity"
        return "random"

    def hairpin(self):
        server = self._socket(self.servers[0])
        one, two = (self._socket(host) for host in self.hosts)
        external_one, external_two = self._seen(one, server), self._seen(two, server)
        two.sendto(b"opens the filter", external_one)
        self._seen(two, server)
        one.sendto(b"hairpin", external_two)
        self._seen(one, server)  # the router has dealt with both
        server.sendto(MARKER, external_two)
        data, source = two.recvfrom(100)
        if data == MARKER:
            return "off"
        return "external_source" if source == external_one else "internal_source"


def _is_sequence(ports):
    return all(after == before + 1 for before, after in zip(ports, ports[1:]))
