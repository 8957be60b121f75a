"""Both ends of a tunnel: our program, or wireguard-go as the stranger it must get along with."""
import dataclasses
import os
import pathlib
import shutil
import subprocess

from harness import SOCKETS, unique_device, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("WARREN_PROGRAMS", ROOT / "build/release/src/main"))
WARREN = PROGRAMS / "warren"
WARREN_WG = PROGRAMS / "warren-wg"
PORT = 51820  # every end listens here: each lives in a namespace of its own


def wg(*arguments, text=None):
    return subprocess.run(["wg", *arguments], check=True, capture_output=True, text=True, input=text).stdout.strip()


def preshared_key():
    return wg("genpsk")


def why_missing(kind):
    """Says why an implementation can't be used here, or None."""
    if kind == "ours":
        return None if os.access(WARREN, os.X_OK) else f"{WARREN} is not built"
    return None if shutil.which(kind) else f"{kind} is not installed: scripts/setup --compat"


@dataclasses.dataclass
class Peer:
    """One [Peer] section."""
    public_key: str
    allowed_ips: list
    endpoint: str | None = None
    keepalive: int | None = None
    preshared_key: str | None = None

    def lines(self):
        yield "[Peer]"
        yield f"PublicKey = {self.public_key}"
        yield f"AllowedIPs = {', '.join(self.allowed_ips)}"
        if self.preshared_key:
            yield f"PresharedKey = {self.preshared_key}"
        if self.endpoint:
            yield f"Endpoint = {self.endpoint}"
        if self.keepalive:
            yield f"PersistentKeepalive = {self.keepalive}"


class End:
    """One end of a tunnel: keys, addresses and peers, and the program that runs them on a host.

    Its kind is "ours", or the command of a wireguard-go.
    """

    def __init__(self, host, kind, addresses, mtu=1420):
        self.host = host
        self.kind = kind
        self.addresses = addresses
        self.mtu = mtu
        self.device = unique_device()
        self.private_key = wg("genkey")
        self.public_key = wg("pubkey", text=self.private_key)
        self.peers = []
        self.options = ()  # of our program, before the rest
        self.process = None

    def add_peer(self, other, **settings):
        """Allows the other end's addresses; endpoint, keepalive and preshared key as given."""
        allowed = [f"{address.split('/')[0]}/{128 if ':' in address else 32}" for address in other.addresses]
        self.peers.append(Peer(**{"public_key": other.public_key, "allowed_ips": allowed, **settings}))

    def config(self, quick=True):
        """The configuration; without the lines that only wg-quick and `warren wg` know if quick is off."""
        lines = ["[Interface]", f"PrivateKey = {self.private_key}", f"ListenPort = {PORT}"]
        if quick:
            lines += [f"Address = {', '.join(self.addresses)}", f"MTU = {self.mtu}"]
        for peer in self.peers:
            lines += ["", *peer.lines()]
        return "\n".join(lines) + "\n"

    def write_config(self, quick=True, text=None):
        path = self.host.lab.directory / f"{self.device}.conf"
        path.write_text(text or self.config(quick))
        path.chmod(0o600)
        return path

    def start(self):
        """Runs the end and returns when its device is up."""
        if self.kind == "ours":
            self.start_ours("--config", self.write_config())
            return self
        self.process = self.host.start(self.kind, "-f", self.device, environment={"LOG_LEVEL": "error"})
        wait_until(self.socket().exists, f"the socket of {self.device}")
        self.host.run("wg", "setconf", self.device, self.write_config(quick=False))
        self.host.add_address(self.device, *self.addresses)
        self.host.ip("link", "set", self.device, "mtu", str(self.mtu), "up")
        for peer in self.peers:
            for prefix in peer.allowed_ips:
                self.host.ip("route", "replace", prefix, "dev", self.device)
        return self

    def start_ours(self, *options):
        self.process = self.host.start(WARREN, "wg", "--name", self.device, *self.options, *options)
        self.process.wait_for_output(f"warren: {self.device} is up")

    def socket(self):
        return SOCKETS / f"{self.device}.sock"

    def address(self, version=4):
        """The address inside the tunnel."""
        return next(address.split("/")[0] for address in self.addresses if (":" in address) == (version == 6))

    def set(self, *arguments):
        self.host.run("wg", "set", self.device, *arguments)

    def status(self, other):
        """What `wg show` knows about the peer that is `other`; None if there is no such peer."""
        for line in self.host.run("wg", "show", self.device, "dump").stdout.splitlines()[1:]:
            fields = line.split("\t")
            if fields[0] == other.public_key:
                return Status(endpoint=fields[2], allowed_ips=fields[3], handshake=int(fields[4]),
                              received=int(fields[5]), sent=int(fields[6]), keepalive=fields[7])
        return None


@dataclasses.dataclass
class Status:
    endpoint: str
    allowed_ips: str
    handshake: int
    received: int
    sent: int
    keepalive: str


def endpoint(address):
    return f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"


@dataclasses.dataclass
class Pair:
    """Two hosts with a link between them and a tunnel over it; the initiator knows where the responder is."""
    initiator: End
    responder: End
    outside: tuple  # the addresses of the two on the link

    def start(self):
        self.responder.start()
        self.initiator.start()
        return self


def make_pair(lab, kinds, outer=4, mtu=1420, link_mtu=1500, responder=None, **initiator):
    """Builds both ends, not yet started. Further settings go to the initiator's peer section, `responder` to the other's.

        initiator eth0 10.9.0.1 ---- 10.9.0.2 eth0 responder      outside; fd09::1 and fd09::2
               TUN 10.7.0.1 ======== 10.7.0.2 TUN                 inside;  fd07::1 and fd07::2
    """
    first, second = lab.host("initiator"), lab.host("responder")
    lab.link(first, second, mtu=link_mtu)
    for number, host in ((1, first), (2, second)):
        host.add_address("eth0", f"10.9.0.{number}/24", f"fd09::{number}/64")
    outside = ("10.9.0.1", "10.9.0.2") if outer == 4 else ("fd09::1", "fd09::2")
    one = End(first, kinds[0], ["10.7.0.1/24", "fd07::1/64"], mtu)
    two = End(second, kinds[1], ["10.7.0.2/24", "fd07::2/64"], mtu)
    one.add_peer(two, **{"endpoint": endpoint(outside[1]), **initiator})
    two.add_peer(one, **(responder or {}))
    return Pair(one, two, outside)
