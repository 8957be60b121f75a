"""Stock WireGuard devices in a lab: what `warren-server` carries through its hub. They know nothing of Warren: a profile
is all they get."""
import http.client
import json
import socket

import peers
from harness import unique_device, wait_until


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(server, method, path, body=None):
    """What the administrators' API answers."""
    connection = _Connection(server.socket)
    connection.request(method, f"/api/warren/v1/{path}", json.dumps(body) if body is not None else None)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status != 200:
        raise AssertionError(f"{method} {path}: {answer.status}: {text}")
    return json.loads(text)


def hub(server):
    return ask(server, "GET", "hub")


def wait_for_hub(server):
    wait_until(lambda: hub(server)["state"] == "up", "the hub")


class Device:
    """A device of the server's hub on a host of the lab: our plain mode, or a stranger's command."""

    def __init__(self, lab, name, place, kind="ours"):
        self.lab = lab
        self.name = name
        self.host = lab.place(place)
        self.kind = kind
        self.device = unique_device()
        self.private_key = peers.wg("genkey")
        self.public_key = peers.wg("pubkey", text=self.private_key)
        self.keepalive = 25
        self.process = None
        made = ask(lab.server, "POST", "devices", {"name": name, "public_key": self.public_key})
        self.v4, self.v6 = made["ipv4"], made["ipv6"]
        self.profile = made["profile"]
        self.endpoint = self.profile["endpoint"]
        self.allowed_ips = self.profile["allowed_ips"]
        self.extra_addresses = []  # that it claims besides

    def config(self, quick=True):
        lines = ["[Interface]", f"PrivateKey = {self.private_key}"]
        if quick:
            addresses = [f"{self.v4}/32", f"{self.v6}/128", *self.extra_addresses]
            lines += [f"Address = {', '.join(addresses)}", "MTU = 1280"]
        lines += ["[Peer]", f"PublicKey = {self.profile['hub_key']}", f"Endpoint = {self.endpoint}",
                  f"AllowedIPs = {', '.join(self.allowed_ips)}"]
        if self.keepalive:
            lines.append(f"PersistentKeepalive = {self.keepalive}")
        return "\n".join(lines) + "\n"

    def start(self):
        path = self.lab.directory / f"{self.device}.conf"
        path.write_text(self.config(self.kind == "ours"))
        path.chmod(0o600)
        if self.kind == "ours":
            self.process = self.host.start(peers.WARREN, "wg", "--name", self.device, "--config", path)
            self.process.wait_for_output(f"warren: {self.device} is up")
            return self
        self.process = self.host.start(self.kind, "-f", self.device, environment={"LOG_LEVEL": "error"})
        wait_until((peers.SOCKETS / f"{self.device}.sock").exists, f"the socket of {self.device}")
        self.host.run("wg", "setconf", self.device, path)
        self.host.add_address(self.device, f"{self.v4}/32", f"{self.v6}/128", *self.extra_addresses)
        self.host.ip("link", "set", self.device, "mtu", "1280", "up")
        for prefix in self.allowed_ips:
            self.host.ip("route", "replace", prefix, "dev", self.device)
        return self

    def stop(self):
        if self.process and self.process.is_running():
            self.process.end()

    def forget(self):
        self.stop()
        ask(self.lab.server, "DELETE", f"devices/{self.name}")

    def seen(self):
        """As the hub sees it; None: not at all."""
        return next((peer for peer in hub(self.lab.server)["peers"] if peer["name"] == self.name), None)
