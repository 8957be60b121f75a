"""Stock programs of another implementation, as tests and benchmarks run them: relay, relay client, control, node.

They need no Internet: relays are reached by address with a pinned certificate, and `control` is the test server that
the stock implementation itself is tested with.
"""
import functools
import http.client
import ipaddress
import json
import os
import pathlib
import re
import socket
import subprocess

from harness import wait_until
from nodes import RelayAddress

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "build/compat"
DERPER, TAILSCALED, STOCK = (PROGRAMS / name for name in ("derper", "tailscaled", "stock"))


def why_missing():
    """Says why the strangers can't be used here, or None."""
    missing = [str(program) for program in (DERPER, TAILSCALED, STOCK) if not os.access(program, os.X_OK)]
    return f"{', '.join(missing)} not built: test/compat/build" if missing else None


@functools.cache
def version():
    """The version that go.mod names."""
    return re.search(r"tailscale\.com (v\S+)", (ROOT / "test/compat/go/go.mod").read_text())[1]


def relay_map(relay):
    """A relay map with this relay alone, as control servers send it."""
    family = {"IPv6": relay.host, "IPv4": "none"} if ":" in relay.host else {"IPv4": relay.host, "IPv6": "none"}
    node = {"Name": f"{relay.region}a", "RegionID": relay.region, "HostName": relay.name, "CertName": relay.pin, **family,
            "DERPPort": relay.port, "STUNPort": relay.stun_port}
    region = {"RegionID": relay.region, "RegionCode": "lab", "RegionName": "Lab", "Nodes": [node]}
    return {"Regions": {str(relay.region): region}}


def is_listening(host, port):
    return bool(host.run("ss", "-Hltn", f"sport = :{port}").stdout)


class StockRelay:
    """A derper with STUN. Key and certificate stay the same over restarts."""

    def __init__(self, host, address, listen=None, port=443, stun_port=3478):
        self.host, self.name = host, address
        self.listen = listen or address
        self.port, self.stun_port = port, stun_port
        self.directory = host.lab.directory / f"{host.label}-derper"
        self.directory.mkdir()
        self.process = self.address = None

    def start(self, *options):
        target = f"[{self.listen}]" if ":" in self.listen else self.listen
        self.process = self.host.start(
            DERPER, "-a", f"{target}:{self.port}", "-http-port", -1, "-stun-port", self.stun_port, "-certmode", "manual",
            "-certdir", self.directory, "-hostname", self.name, "-c", self.directory / "derper.json", *options)
        wait_until(lambda: is_listening(self.host, self.port), "the relay to listen")
        pin = re.search(r'"CertName":"(sha256-raw:[0-9a-f]{64})"', self.process.output())[1]
        self.address = RelayAddress(self.name, self.port, self.stun_port, pin, self.name)
        return self


class StockRelayClient:
    """A relay client on a host, driven by lines (README.md); each method sends a command or waits for an event."""

    program = (STOCK, "derp-client")

    def __init__(self, host, relay, *options):
        self.process = host.start(*self.program, "--host", relay.host, "--port", relay.port, "--pin", relay.pin, "--name",
                                  relay.name, *options, stdin=subprocess.PIPE)
        self.seen = 0  # events that expect() has handed out or passed
        self.key = self.expect("key")["key"]

    def events(self):
        lines = self.process.output().split("\n")[:-1]  # a last line without its end is not there yet
        return [json.loads(line) for line in lines if line.startswith("{")]

    def expect(self, event, seconds=10.0, **fields):
        """The next event of this name and with these fields; passes over what comes before it."""
        def found():
            for number, one in enumerate(self.events()[self.seen:], self.seen):
                if one["event"] == event and all(one.get(name) == value for name, value in fields.items()):
                    self.seen = number + 1
                    return one
            return None
        return wait_until(found, f"{event} {fields} after {self.events()[self.seen:]}", seconds)

    def command(self, *words):
        self.process.popen.stdin.write((" ".join(words) + "\n").encode())
        self.process.popen.stdin.flush()

    def send(self, key, payload):
        self.command("send", key, payload.hex())

    def expect_packet(self, sender, payload, seconds=10.0):
        return self.expect("received", seconds, **{"from": sender, "hex": payload.hex()})

    def expect_gone(self, peer, reason):
        return self.expect("gone", peer=peer, reason=reason)

    def ping(self):
        """Sends a ping and returns the seconds until its pong."""
        self.command("ping")
        return self.expect("ponged")["seconds"]

    def quit(self):
        self.command("quit")
        return self.process.popen.wait(10)


def stock_stun(host, server):
    """Asks a STUN server as a stock client does; returns the address it was seen from, and the sender's own."""
    answer = json.loads(host.run(STOCK, "stun", "--server", server).stdout)
    return answer["address"], answer["local"]


class StockControl:
    """The test coordination server: admits every node and shows all to each other."""

    def __init__(self, host, address, relay, port=8080, options=()):
        path = host.lab.directory / f"{host.label}-relays.json"
        path.write_text(json.dumps(relay_map(relay)))
        self.url = f"http://{address}:{port}"
        self.process = host.start(STOCK, "control", "--listen", f"{address}:{port}", "--derp-map", path, *options,
                                  stdin=subprocess.PIPE)
        self.process.wait_for_output("listening")

    def command(self, line, event):
        """Gives it a command, and waits for the event that answers."""
        self.process.popen.stdin.write(f"{line}\n".encode())
        self.process.popen.stdin.flush()
        self.process.wait_for_output(f'"event":"{event}"')


class StockNode:
    """A stock tailscaled with a TUN device; what it knows outlives a restart."""

    device = "tailscale0"

    def __init__(self, host, control):
        self.host, self.control = host, control
        self.directory = host.lab.directory / f"{host.label}-tailscaled"
        self.directory.mkdir()
        self.config = self.directory / "config.json"
        self.config.write_text(json.dumps({
            "version": "alpha0", "ServerURL": control.url, "AuthKey": "tskey-any", "Hostname": host.label,
            "acceptDNS": False, "NetfilterMode": "off"}))
        # Whatever a daemon does to it stays in this namespace.
        names = pathlib.Path("/etc/netns", host.namespace)
        names.mkdir(parents=True, exist_ok=True)
        (names / "resolv.conf").write_text("")
        self.process = None

    def start(self):
        self.process = self.host.start(
            TAILSCALED, "--config", self.config, "--statedir", self.directory, "--state", self.directory / "state",
            "--socket", self.socket(), "--tun", self.device, "--port", "41641", "--no-logs-no-support",
            environment={"TS_LOGS_DIR": str(self.directory), "TS_PANIC_IF_HIT_MAIN_CONTROL": "1"})
        return self

    def stop(self):
        self.process.end()
        self.process = None

    def pids(self):
        return [self.process.pid]

    def socket(self):
        return self.directory / "sock"

    def get(self, path):
        """Asks the local API; None while there is nobody to answer."""
        connection = http.client.HTTPConnection("local-tailscaled.sock")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(5)
            connection.sock.connect(str(self.socket()))
            connection.request("GET", path)
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
        except OSError:
            return None
        finally:
            connection.sock.close()

    def status(self):
        return self.get("/localapi/v0/status")

    def is_up(self):
        """Whether it runs and sees a peer."""
        status = self.status()
        return bool(status and status["BackendState"] == "Running" and status.get("Peer"))

    def address(self):
        return next(text for text in self.status()["Self"]["TailscaleIPs"] if ipaddress.ip_address(text).version == 4)

    def path(self):
        """The endpoint in use for the only peer; empty when relayed."""
        return next(iter(self.status()["Peer"].values()))["CurAddr"]
