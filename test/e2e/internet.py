"""Hosts behind NATs, firewalls and bad links: a topology for the lab's router, which emulates them.

    net = Internet(lab)
    net.router("home", nat={"external": ["203.0.113.1"]}, addresses=["192.168.1.1"])
    server = net.host("server", "198.51.100.1/24")
    laptop = net.host("laptop", "192.168.1.10/24", behind="home", link={"delay": "10ms"})
    net.start()

Keys are those of the topology file (src/lab/topology.h). The hosts are harness.Host: their device is eth0 and appears
with start(). What follows can change while packets flow. Everything is removed with the lab.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import socket

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("WARREN_TEST_PROGRAMS", ROOT / "build/release/test/e2e"))
ROUTER = PROGRAMS / "warren-lab-router"
CLONE_NEWNET = 0x40000000  # linux/sched.h; os.setns is of Python 3.12


def why_missing():
    """Says why the router can't be used here, or None."""
    return None if os.access(ROUTER, os.X_OK) else f"{ROUTER} is not built"


class Internet:
    """A tree of routers; the one at the top is "internet", which hosts and routers are behind by default."""

    def __init__(self, lab, seed=1, **top):
        self.lab = lab
        self.hosts = {}
        self.process = None
        self.topology = {"seed": seed, "routers": {"internet": top}, "hosts": {}}
        self._control = None

    def router(self, name, behind="internet", **settings):
        self.topology["routers"][name] = {"behind": behind, **settings}

    def host(self, name, *addresses, behind="internet", on=None, **settings):
        """A new host; or one more link of the host `on`, with interface=… and default_route or metric."""
        host = on or self.lab.host(name)
        self.hosts[name] = host
        self.topology["hosts"][name] = {"network": host.namespace, "behind": behind, "addresses": addresses, **settings}
        return host

    def start(self):
        # In a namespace of its own: the harness then ends it with the rest.
        place = self.lab.host("router")
        path = self.lab.directory / "topology.json"
        control = self.lab.directory / "router.sock"
        path.write_text(json.dumps(self.topology, indent=1))
        self.process = place.start(ROUTER, path, "--control", control)
        self.process.wait_for_output("ready")
        self._control = socket.socket(socket.AF_UNIX)
        self._control.settimeout(10)
        self._control.connect(str(control))
        self._replies = self._control.makefile()

    def ask(self, do, **arguments):
        """Sends a command (src/lab/command.h) and returns the reply; fails with what the router says is wrong."""
        self._control.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        reply = json.loads(self._replies.readline())
        assert reply["ok"], reply["error"]
        return reply

    def set_link(self, of, **quality):
        """Both ways of the link above a host or router; all that is not said gets its default."""
        self.ask("link", of=of, both=quality)

    def set_link_up(self, of, **quality):
        self.ask("link", of=of, up=quality)

    def set_link_down(self, of, **quality):
        self.ask("link", of=of, down=quality)

    def cut(self, of):
        """From now on the link loses everything, and nobody is told."""
        self.ask("link_state", of=of, state="down")

    def mend(self, of):
        self.ask("link_state", of=of, state="up")

    def forget(self, router):
        """Reboots its NAT and firewall."""
        self.ask("forget", router=router)

    def set_external(self, router, *addresses):
        self.ask("external", router=router, addresses=addresses)

    def block(self, of, what="udp"):
        """Of a router, or of a host's own link: "udp", "udp_except_stun", "all_but_tcp_port_443", "all_but_web" or "nothing"."""
        self.ask("block", of=of, what=what)

    def unblock(self, of):
        self.block(of, "nothing")

    def move(self, host, *addresses, behind=None):
        """Gives the host other addresses, or another router, or both."""
        self.ask("move", host=host, **({"behind": behind} if behind else {}), **({"addresses": addresses} if addresses else {}))

    def counters(self):
        """By host or router: sent, received, sessions (routers), drops by reason (those that are not zero)."""
        return self.ask("counters")["nodes"]

    def drops(self, name, reason):
        return self.counters()[name]["drops"].get(reason, 0)


@contextlib.contextmanager
def inside(host):
    """The calling thread is in the host's network namespace: sockets made meanwhile stay there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor):
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter the namespace of {host.label}")

    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{host.namespace}") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


def _socket(host, address, kind, seconds):
    with inside(host):
        out = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    out.settimeout(seconds)
    return out


def udp(host, address, port=0, seconds=10.0):
    """A bound socket of the host. A datagram that must come and does not is a failure after `seconds`."""
    out = _socket(host, address, socket.SOCK_DGRAM, seconds)
    out.bind((address, port))
    return out


def tcp(host, address, seconds=10.0):
    """A socket of the host, neither bound nor connected, for addresses of this one's family."""
    out = _socket(host, address, socket.SOCK_STREAM, seconds)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return out
