"""Our node, `warren-test-node`, from a static map, and our relay, `warren-test-relay`.

    relay = Relay(server, "203.0.113.10").start()
    a, b = Node(laptop, 1), Node(desktop, 2)
    connect([a, b], [relay])
    a.start().wait_until_ready()

All that tests, demo and benchmarks know of the two programs' command lines, files and output is here.
"""
import base64
import dataclasses
import functools
import json
import os
import signal
import subprocess
import time

from harness import wait_until
from peers import PROGRAMS, wg

TEST_PROGRAMS = PROGRAMS.parent.parent / "test/e2e"
REGION = 900  # 900 to 999 are for relays of one's own (spec: paths section 2.8)


def find(name):
    """The program, or None if it is not built."""
    program = TEST_PROGRAMS / name
    return program if os.access(program, os.X_OK) else None


def why_missing(*names):
    """Says why one of the programs can't be used here, or None."""
    return next((f"{name} is not built" for name in names or (Relay.program, Node.program) if not find(name)), None)


def boot_time():
    """The clock of a node's events."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def json_lines(process):
    """The objects that a process has printed, one a line, among lines of its log."""
    lines = process.output().split("\n")[:-1]  # a last line without its end is not there yet
    return [json.loads(line) for line in lines if line.startswith("{")]


@dataclasses.dataclass
class RelayAddress:
    """Where a relay is, and how to know it: what a relay map says."""
    host: str
    port: int
    stun_port: int
    pin: str  # "sha256-raw:HEX"
    name: str  # that the certificate covers
    region: int = REGION


class Relay:
    """Our relay with STUN. Key and certificate stay the same over restarts. Admits everybody, or the public keys given."""

    program = "warren-test-relay"

    def __init__(self, host, address, listen=None, port=443, stun_port=3478, region=REGION, members=None):
        self.host, self.name = host, address
        self.listen = listen or address
        self.port, self.stun_port, self.region = port, stun_port, region
        self.directory = host.lab.directory / f"{host.label}-relay"
        self.directory.mkdir()
        self.admission = ["--admit-all"]
        if members is not None:
            path = self.directory / "members"
            path.write_text("".join(key_in_hex(key) + "\n" for key in members))
            self.admission = ["--members", path]
        self.process = self.address = None

    def start(self, *options):
        target = f"[{self.listen}]" if ":" in self.listen else self.listen
        self.process = self.host.start(
            find(self.program), "--listen", f"{target}:{self.port}", "--stun", f"{target}:{self.stun_port}",
            "--name", self.name, "--state", self.directory, *self.admission, *options)
        self.process.wait_for_output("\n")
        ready = wait_until(lambda: json_lines(self.process), "the relay to be ready")[0]
        self.address = RelayAddress(self.name, self.port, self.stun_port, ready["certificate"], self.name, self.region)
        return self

    def stop(self):
        self.process.end()


def key_in_hex(key):
    return base64.b64decode(key).hex()


class Node:
    """A node of the overlay on a host: keys, addresses, its file, and the program that runs it."""

    program = "warren-test-node"
    device = "warren0"
    port = 41641

    def __init__(self, host, number, home=REGION):
        self.host, self.home = host, home
        self.private_key, self.disco_key = wg("genkey"), wg("genkey")
        self.inside, self.inside6 = f"10.7.0.{number}", f"fd07::{number}"
        self.path = host.lab.directory / f"{host.label}-node.json"
        self.process = None

    @functools.cached_property
    def public_key(self):
        return wg("pubkey", text=self.private_key)

    def configure(self, peers, relays):
        """Writes the file: peers are nodes, relays are a RelayAddress each."""
        self.path.write_text(json.dumps({
            "private_key": self.private_key, "disco_key": self.disco_key, "device": self.device, "port": self.port,
            "addresses": [f"{self.inside}/24", f"{self.inside6}/64"], "mtu": 1280,
            "regions": [self.region(relay) for relay in relays],
            "peers": [self.peer(node) for node in peers],
        }, indent=1))
        self.path.chmod(0o600)

    @staticmethod
    def region(relay):
        family = {"ipv6": relay.host, "ipv4": "none"} if ":" in relay.host else {"ipv4": relay.host, "ipv6": "none"}
        return {"id": relay.region, "nodes": [{
            "host_name": relay.name, "cert_name": relay.pin, **family, "relay_port": relay.port, "stun_port": relay.stun_port}]}

    @staticmethod
    def peer(node):
        return {"public_key": node.public_key, "disco_key": wg("pubkey", text=node.disco_key), "home": node.home,
                "allowed_ips": [f"{node.inside}/32", f"{node.inside6}/128"]}

    def start(self, *options):
        """Does not wait: see wait_until_ready. Events are those since this start."""
        self.process = self.host.start(find(self.program), "--config", self.path, *options, stdin=subprocess.PIPE)
        return self

    def wait_until_ready(self):
        self.wait_for("ready")
        return self

    def stop(self):
        """Asks it to end, and returns the exit status."""
        status = self.process.end()
        self.process = None
        return status

    def kill(self):
        """Ends it as a crash would."""
        self.process.end(signal.SIGKILL)
        self.process = None

    def renew_disco_key(self):
        """For the next start, as every start has another. Whoever knows it has to be told."""
        self.disco_key = wg("genkey")

    def is_up(self):
        return self.process.is_running()

    def address(self):
        return self.inside

    def pids(self):
        return [self.process.pid]

    # --- what it says

    def events(self, name=None, since=0.0):
        return [one for one in json_lines(self.process) if (name is None or one["event"] == name) and one["time"] >= since]

    def wait_for(self, name, seconds=30.0, since=0.0, where=lambda event: True):
        """The first event of this name for which `where` holds."""
        def found():
            if not self.is_up():
                raise AssertionError(f"the node on {self.host.label} ended:\n{self.process.output()}")
            return next(filter(where, self.events(name, since)), None)
        return wait_until(found, f"{name} on {self.host.label}", seconds)

    def ask(self, command, event):
        """Gives it a command; returns the event that answers."""
        seen = len(self.events(event))
        self.process.popen.stdin.write(f"{command}\n".encode())
        self.process.popen.stdin.flush()
        return wait_until(lambda: self.events(event)[seen:], f"{event} of {self.host.label}")[0]

    def reload(self):
        """Makes it read again what it knows of its peers."""
        return self.ask("reload", "reloaded")

    def status(self):
        """Asks for everything that it knows; "peers" is by public key."""
        answer = self.ask("status", "status")
        return {**answer, "peers": {peer["peer"]: peer for peer in answer["peers"]}}

    def path_to(self, peer):
        """The last that it said of the path to another node; None: nothing yet."""
        said = [event for event in self.events("path") if event["peer"] == peer.public_key]
        return said[-1] if said else None

    def is_direct(self, peer):
        path = self.path_to(peer)
        return bool(path) and path["state"] == "direct"

    def is_relayed(self, peer):
        path = self.path_to(peer)
        return bool(path) and path["direct"] is None and path["relay"] is not None

    def wait_until_direct(self, peer, seconds=60.0, since=0.0):
        """The first event since then that tells of a direct path."""
        return self.wait_for("path", seconds, since, lambda event: event["peer"] == peer.public_key and event["state"] == "direct")

    def wait_until_doubtful(self, peer, seconds=60.0, since=0.0):
        """The first event since then that tells that packets go through a relay, perhaps besides."""
        return self.wait_for("path", seconds, since, lambda event: event["peer"] == peer.public_key and event["relay"] is not None)


def connect(nodes, relays):
    """Makes all nodes know each other, and the relays, which were started."""
    for node in nodes:
        node.configure([other for other in nodes if other is not node], [relay.address for relay in relays])
