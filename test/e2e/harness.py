"""Network namespaces for tests, demo and benchmarks: made here, and always removed here.

A Lab owns hosts (one namespace each), the links between them and every process inside. Leaving the `with` block ends
the processes by their ids and removes the namespaces, also after a failure or Ctrl-C; what a killed run left behind is
removed by the next one. All traffic stays inside. Nothing here sleeps for luck: wait_until polls a condition.
"""
import contextlib
import ctypes
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = "wl"  # namespaces are wl-PID-N, devices wlPIDxN: the PID tells whether their maker still lives
SOCKETS = pathlib.Path("/var/run/wireguard")  # one directory for all namespaces, hence the unique device names
PYTHON = "/usr/bin/python3"
# Whose certificates the caller's shell trusts is nothing to the programs: they would all read that whole bundle.
CLEAN_ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
SHOWN_LINES = 200  # of what a process has said: some write a line for each packet
_numbers = itertools.count(1)


def why_not():
    """Says why namespaces and TUN devices can't be used here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "needs /dev/net/tun"
    probe = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    return None if probe.returncode == 0 else f"can't make a network namespace: {probe.stderr.strip()}"


def wait_until(predicate, what, seconds=10.0):
    """Polls until predicate() is true and returns its value; fails with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)


def unique_device():
    return f"{PREFIX}{os.getpid()}x{next(_numbers)}"


def _quietly(*command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _is_alive(pid):
    """Whether the process still runs: one that ended and waits for its parent does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _end(pids):
    """SIGTERM, and SIGKILL for what is still there after two seconds."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        deadline = time.monotonic() + 2
        while any(_is_alive(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.02)


def remove_namespace(name):
    """Ends everything inside, whoever started it (wg-quick starts daemons that are not our children)."""
    found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    _end([int(pid) for pid in found.stdout.split()])
    _quietly("ip", "netns", "delete", name)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


def remove_stale():
    """Removes what runs that were killed left behind."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for name, pid in re.findall(rf"^({PREFIX}-(\d+)-\d+)\b", listed, re.MULTILINE):
        if not _is_alive(pid):
            remove_namespace(name)
    for directory in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}-*-*"):
        if directory.is_dir() and not _is_alive(directory.name.split("-")[1]):
            shutil.rmtree(directory, ignore_errors=True)
    for socket in SOCKETS.glob(f"{PREFIX}*.sock"):
        maker = re.match(rf"{PREFIX}(\d+)x", socket.name)
        if maker and not _is_alive(maker[1]):
            socket.unlink(missing_ok=True)


class Process:
    """A process in a host's namespace; its output goes to a file in the lab's directory."""

    def __init__(self, host, command, environment=None, stdin=subprocess.DEVNULL):
        self.command = command
        self.log = host.lab.directory / f"{host.label}-{pathlib.Path(command[0]).name}-{next(_numbers)}.log"
        with self.log.open("wb") as out:
            self.popen = subprocess.Popen(
                ["ip", "netns", "exec", host.namespace, *command],  # execs: the pid is the command's own
                stdin=stdin, stdout=out, stderr=subprocess.STDOUT,
                env={**CLEAN_ENVIRONMENT, **(environment or {})}, start_new_session=True)
        self.pid = self.popen.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def is_running(self):
        return self.popen.poll() is None

    def wait_for_output(self, text, seconds=10.0):
        def seen():
            if text in self.output():
                return True
            if not self.is_running():
                raise AssertionError(f"{self.command[0]} ended with {self.popen.returncode}:\n{self.output()}")
            return False
        wait_until(seen, f"{text!r} from {' '.join(self.command)}", seconds)

    def end(self, sign=signal.SIGTERM, seconds=10.0):
        """Sends the signal and returns the exit status."""
        if self.is_running():
            self.popen.send_signal(sign)
        return self.popen.wait(seconds)


class Host:
    """A machine: one network namespace."""

    def __init__(self, lab, label):
        self.lab = lab
        self.label = label
        self.namespace = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        self.processes = []
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        self.ip("link", "set", "lo", "up")

    def run(self, *command, check=True, seconds=30.0, text=None):
        """Runs a command to its end; its output is in the failure."""
        result = subprocess.run(["ip", "netns", "exec", self.namespace, *map(str, command)],
                                capture_output=True, text=True, timeout=seconds, input=text)
        if check and result.returncode != 0:
            raise AssertionError(f"on {self.label}: {' '.join(map(str, command))}: status {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}")
        return result

    def ip(self, *arguments):
        return self.run("ip", *arguments).stdout

    def start(self, *command, environment=None, stdin=subprocess.DEVNULL):
        process = Process(self, [str(word) for word in command], environment, stdin)
        self.processes.append(process)
        return process

    def add_address(self, device, *prefixes):
        for prefix in prefixes:
            self.ip("address", "add", prefix, "dev", device, *(["nodad"] if ":" in prefix else []))

    def remove_address(self, device, prefix):
        self.ip("address", "delete", prefix, "dev", device)

    def name(self, name, address):
        """Makes a name known on this host only."""
        directory = pathlib.Path("/etc/netns", self.namespace)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "hosts").write_text(f"127.0.0.1 localhost\n{address} {name}\n")

    def udp_counters(self):
        """The kernel's UDP counters, IPv4 and IPv6 together."""
        text = self.run("nstat", "-asz", "Udp*", "Ip6Udp*", "Udp6*").stdout
        values = {row[0]: int(row[1]) for row in (line.split() for line in text.splitlines()) if len(row) >= 2 and row[1].isdigit()}
        return {"received": values.get("UdpInDatagrams", 0) + values.get("Udp6InDatagrams", 0),
                "sent": values.get("UdpOutDatagrams", 0) + values.get("Udp6OutDatagrams", 0)}

    def leftovers(self):
        """What a program could leave behind: links, addresses, routes of all tables, rules, firewall."""
        return {
            "links": self.ip("-br", "link"),
            "rules": self.ip("-4", "rule"), "rules6": self.ip("-6", "rule"),
            "routes": self.ip("-4", "route", "show", "table", "all"),
            "routes6": self.ip("-6", "route", "show", "table", "all"),
            "firewall": self.run("nft", "list", "ruleset").stdout,
        }

    def serve(self, directory, port=8080):
        """A web server for the files of a directory."""
        server = self.start(PYTHON, "-m", "http.server", port, "--bind", "::", "--directory", directory)
        wait_until(lambda: self.run("ss", "-Hltn", f"sport = :{port}").stdout, f"the web server on {self.label}")
        return server

    def fetch(self, url, check=True):
        """The body of a web page, as bytes; None if it can't be had and check is off."""
        target = self.lab.directory / f"fetched-{next(_numbers)}"
        result = self.run("curl", "-sS", "--noproxy", "*", "--fail", "--max-time", "20", "-o", target, url, check=check)
        return target.read_bytes() if result.returncode == 0 else None

    def pings(self, address, *options, seconds=1):
        """Whether one ping is answered."""
        return self.run("ping", "-n", "-c", "1", "-W", seconds, *options, address, check=False).returncode == 0

    def wait_for_ping(self, address, *options, seconds=15.0):
        wait_until(lambda: self.pings(address, *options), f"ping from {self.label} to {address} {' '.join(map(str, options))}", seconds)


class Lab:
    """Hosts, links and processes with one owner. With keep, processes outlive this program and nothing is removed."""

    def __init__(self, keep=False):
        self.keep = keep
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
        self.hosts = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def host(self, label):
        host = Host(self, label)
        self.hosts.append(host)
        return host

    def link(self, first, second, mtu=1500):
        """Joins two hosts with a veth pair: device eth0, 1 … in the order of the host's links."""
        names = []
        for host in (first, second):
            names.append(f"eth{len(re.findall('eth', host.ip('-br', 'link')))}")
        first.ip("link", "add", names[0], "mtu", str(mtu), "type", "veth",
                 "peer", "name", names[1], "mtu", str(mtu), "netns", second.namespace)
        for host, name in zip((first, second), names):
            # No link-local addresses: they would appear some time later and disturb comparisons.
            host.ip("link", "set", name, "addrgenmode", "none", "up")
        return names

    def logs(self):
        for host in self.hosts:
            for process in host.processes:
                last = process.output().splitlines()[-SHOWN_LINES:]
                yield "\n".join([f"--- {host.label}: {' '.join(process.command)}", *last, ""])

    def close(self):
        if self.keep:
            return
        for host in self.hosts:
            _end([process.pid for process in host.processes if process.is_running()])
            for process in host.processes:
                process.popen.poll()
            remove_namespace(host.namespace)
        for socket in SOCKETS.glob(f"{PREFIX}{os.getpid()}x*.sock"):
            socket.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def die_with_signals():
    """Turns SIGTERM and SIGINT into an exception, so that a stopped run cleans up as one that ends. SIGINT too: a run
    that a script has put into the background begins with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
