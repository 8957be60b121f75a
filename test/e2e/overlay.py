"""An overlay of ours in a lab of `warren lab`: the server on `server`, nodes on the other hosts, all told what to do by
the command line as their user does it. The lab is drawn in docs/lab.md."""
import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess

import harness
from peers import PROGRAMS, WARREN

SERVER = PROGRAMS / "warren-server"
NODE = PROGRAMS / "warrend"
LABS = pathlib.Path("/run/warren/lab")
NETNS = pathlib.Path("/etc/netns")  # `ip netns exec` shows what is there as /etc
URL = "https://203.0.113.10"
_numbers = itertools.count(1)


def why_missing():
    for program in (WARREN, SERVER, NODE):
        if not os.access(program, os.X_OK):
            return f"{program} is not built"
    return harness.why_not()


def remove_stale():
    """Labs of runs that were killed: their names say whose they are."""
    for left in LABS.glob("wlo-*"):
        if not pathlib.Path("/proc", left.name.split("-")[1]).exists():
            subprocess.run([WARREN, "lab", "--name", left.name, "down"], check=False, capture_output=True)
    for names in NETNS.glob("wlo-*"):
        if not pathlib.Path("/proc", names.name.split("-")[1]).exists():
            names.unlink()


class PlacedHost(harness.Host):
    """A host of the lab, which knows the names that the lab gave it."""

    def __init__(self, lab, label):  # pylint: disable=super-init-not-called
        self.lab = lab
        self.label = label
        self.namespace = f"{lab.name}-{label}"
        self.processes = []
        NETNS.mkdir(parents=True, exist_ok=True)
        names = NETNS / self.namespace
        if not names.is_symlink():
            names.symlink_to(LABS / lab.name / "etc" / label)


class Overlay(harness.Lab):
    """The lab with what runs in it; everything goes at the end."""

    def __init__(self, keep=False, name=None):
        super().__init__(keep)
        self.name = name or f"wlo-{os.getpid()}-{next(_numbers)}"
        self.nodes = {}
        self.server = None
        subprocess.run([WARREN, "lab", "--name", self.name, "up"], check=True, capture_output=True, text=True)

    def place(self, label):
        found = next((host for host in self.hosts if host.label == label), None)
        if found is None:
            found = PlacedHost(self, label)
            self.hosts.append(found)
        return found

    def lab(self, *words):
        """A command of `warren lab`, such as block-udp."""
        done = subprocess.run([WARREN, "lab", "--name", self.name, *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"warren lab {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_server(self, **config):
        self.server = self.server or Server(self)
        self.server.start(**config)
        return self.server

    def node(self, label):
        """The node on that host, not started yet."""
        if label not in self.nodes:
            self.nodes[label] = Node(self, label)
        return self.nodes[label]

    def join(self, *labels):
        """Nodes that are up, one after the other; those that are already stay as they are."""
        for label in labels:
            node = self.node(label)
            if not node.is_running():
                node.start()
            if node.state() != "Running":
                node.up()
        return [self.nodes[label] for label in labels]

    def close(self):
        if self.keep:
            return
        for host in self.hosts:
            harness._end([process.pid for process in host.processes if process.is_running()])
            for process in host.processes:
                process.popen.poll()
            (NETNS / host.namespace).unlink(missing_ok=True)
        subprocess.run([WARREN, "lab", "--name", self.name, "down"], check=False, capture_output=True)
        self.hosts = []
        super().close()


class Server:
    """warren-server on the lab's public host, with a state directory of its own."""

    def __init__(self, lab):
        self.lab = lab
        self.host = lab.place("server")
        self.directory = lab.directory / "server"
        self.socket = lab.directory / "admin.sock"
        self.config = lab.directory / "server.json"
        self.process = None

    def start(self, **config):
        listen = {"admin-socket": str(self.socket)}
        self.config.write_text(json.dumps({"state-dir": str(self.directory), "listen": listen, **config}))
        self.process = self.host.start(SERVER, "--config", self.config)
        self.process.wait_for_output("server: started")
        harness.wait_until(lambda: (self.directory / "join-command").exists(), "the join command")

    def kill(self):
        """As a power cut does it."""
        self.process.end(signal.SIGKILL)

    def join_command(self):
        """The words behind `warren`, as the first start wrote them."""
        return (self.directory / "join-command").read_text().split()[2:]

    def admin(self, *words, check=True):
        return self.host.run(WARREN, "--socket", self.socket, "admin", *words, check=check)

    def admin_json(self, *words):
        return json.loads(self.admin(*words, "--json").stdout)

    def new_key(self, *options):
        """The words behind `warren` for another machine."""
        text = self.admin("key", "create", "--user", "owner", *options).stdout
        return next(line for line in text.splitlines() if "warren up" in line).split()[2:]


class Node:
    """warrend on a host of the lab, and its command line."""

    def __init__(self, lab, label):
        self.lab = lab
        self.label = label
        self.host = lab.place(label)
        self.directory = lab.directory / f"node-{label}"
        self.socket = lab.directory / f"{label}.sock"
        self.process = None

    def launch(self, *options):
        """Starts it, and does not wait for anything."""
        self.process = self.host.start(NODE, "--state-dir", self.directory, "--socket", self.socket, *options)

    def start(self, *options):
        self.launch(*options)
        self.process.wait_for_output("node: started")

    def is_running(self):
        return self.process is not None and self.process.is_running()

    def stop(self):
        return self.process.end()

    def kill(self):
        self.process.end(signal.SIGKILL)

    def clean_up(self):
        """What an administrator does after a crash, when the node shall not start again."""
        return self.host.run(NODE, "--state-dir", self.directory, "--cleanup")

    def warren(self, *words, check=True, seconds=30.0):
        return self.host.run(WARREN, "--socket", self.socket, *words, check=check, seconds=seconds)

    def up(self, *options):
        return self.warren(*self.lab.server.join_command(), "--hostname", self.label, *options)

    def status(self):
        return json.loads(self.warren("status", "--json", check=False).stdout)

    def state(self):
        return self.status()["BackendState"]

    def wait_until_running(self):
        self.warren("wait", "--timeout", "20s")

    def kernel_status(self):
        """What the kernel says of the process: /proc/PID/status by field."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def address(self, version=4):
        found = self.status()["TailscaleIPs"]
        return next(ip for ip in found if (":" in ip) == (version == 6))

    def peers(self):
        """By host name."""
        return {peer["DNSName"].split(".")[0]: peer for peer in self.status()["Peer"].values()}

    def path_to(self, other):
        """"direct", "relayed", ...; None while it does not know the other."""
        with contextlib.suppress(KeyError):
            return self.peers()[other.label]["Path"]["State"]
        return None

    def is_direct_to(self, other):
        return self.path_to(other) == "direct"

    def counts(self):
        """The daemon's metrics by name, with the label's value behind a slash."""
        return json.loads(self.warren("debug", "state", check=False).stdout or "{}")
