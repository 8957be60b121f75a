"""An overlay of ours and of strangers: `warren-server`, `warrend`, and stock nodes that join it.

    server = Server(host, "203.0.113.10").start()
    ours = OurMember(laptop, server).start().join()
    stock = StockMember(desktop, server).join().wait_until_up()

All that tests know of the two programs' files, sockets and answers is here.
"""
import contextlib
import dataclasses
import http.client
import json
import os
import re
import signal
import socket
import subprocess

from harness import wait_until
from nodes import json_lines
from peers import PROGRAMS, WARREN
from strangers import STOCK

SERVER, NODE = PROGRAMS / "warren-server", PROGRAMS / "warrend"


def why_missing():
    """Says why an overlay can't be had here, or None."""
    missing = [str(program) for program in (SERVER, NODE, WARREN) if not os.access(program, os.X_OK)]
    return f"{', '.join(missing)} not built" if missing else None


@dataclasses.dataclass
class Answer:
    status: int
    body: str

    def json(self):
        assert self.status in (200, 204), f"{self.status}: {self.body}"
        return json.loads(self.body) if self.body else None


def ask(path, method, target, body=None, host=""):
    """One request at a Unix socket; None while nobody listens there."""
    connection = http.client.HTTPConnection(host or "localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(10)
        connection.sock.connect(str(path))
        connection.request(method, target, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode())
    except OSError:
        return None
    finally:
        connection.sock.close()


class Authority:
    """A certificate authority of the test's own, as an operator with a public name would ask a public one."""

    def __init__(self, directory):
        self.directory = directory
        self.directory.mkdir()
        self.certificate = directory / "authority.pem"
        self._openssl("req", "-x509", "-new", "-subj", "/CN=Lab authority", "-days", "2", "-keyout", "authority.key", "-out",
                      "authority.pem", "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, address):
        """Certificate and key for an address, as files."""
        (self.directory / "names").write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
        self._openssl("req", "-new", "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "names", "-out", "server.pem", new=False)
        return self.directory / "server.pem", self.directory / "server.key"

    def _openssl(self, *arguments, new=True):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] if new else []
        subprocess.run(["openssl", *arguments, *key], cwd=self.directory, check=True, capture_output=True)


class Server:
    """Our coordination server with relay and STUN, at https://ADDRESS. Without an authority it signs its own certificate.
    `settings` are sections of its configuration."""

    def __init__(self, host, address, authority=None, **settings):
        self.host, self.address, self.url = host, address, f"https://{address}"
        self.directory = host.lab.directory / f"{host.label}-server"
        self.directory.mkdir()
        self.state, self.socket = self.directory / "state", self.directory / "admin.sock"
        config = {"url": self.url, "state-dir": str(self.state), "log": {"level": "debug"},
                  "listen": {"admin-socket": str(self.socket)}, **settings}
        # SSL_CERT_FILE of a machine: a stock one asks for the server's key over it. Ours was given that by the join command,
        # but also knows a relay by its certificate, where no pin is in the relay map.
        self.trusted = self.state / "tls.pem"
        if authority:
            certificate, key = authority.issue(address)
            config["tls"] = {"cert": str(certificate), "key": str(key)}
            self.trusted = authority.certificate
        self.config = self.directory / "server.json"
        self.settings = config
        self.process = None

    def start(self):
        self.config.write_text(json.dumps(self.settings))
        self.process = self.host.start(SERVER, "--config", self.config)
        self.process.wait_for_output("server: started")
        wait_until((self.state / "join-command").exists, "the join command")
        return self

    def reload(self, **settings):
        """As an administrator who edited the configuration does it."""
        self.settings.update(settings)
        self.config.write_text(json.dumps(self.settings))
        self.process.popen.send_signal(signal.SIGHUP)

    def kill(self):
        """Ends it as a crash would."""
        self.process.end(signal.SIGKILL)

    def warren(self, *words):
        """`warren admin …`; returns what it prints as JSON."""
        return json.loads(self.host.run(WARREN, "--socket", self.socket, "admin", *words, "--json").stdout)

    def _said(self, option):
        return re.search(rf"--{option} (\S+)", (self.state / "join-command").read_text())[1]

    def auth_key(self):
        """The first one: reusable, good for an hour."""
        return self._said("auth-key")

    def key(self):
        return self._said("server-key")

    def admin(self, method, path, body=None):
        answer = ask(self.socket, method, f"/api/warren/v1/{path}", body)
        assert answer, f"nobody answers at {self.socket}"
        return answer.json()

    def nodes(self):
        """By name."""
        return {node["name"]: node for node in self.admin("GET", "nodes")["nodes"]}

    def logins(self):
        return self.admin("GET", "logins")["logins"]

    def approve(self, login):
        self.admin("POST", f"logins/{login['id']}/approve", {"user": self.user()})

    def user(self):
        return self.admin("GET", "users")["users"][0]["login"]

    def streams(self):
        """How many nodes hear what is new. Online says less: a node that was stays it for a while after a restart."""
        return self.admin("GET", "status")["streams"]

    def rename(self, member, name):
        self.admin("POST", f"nodes/{self.nodes()[member.name]['id']}/rename", {"name": name})

    def expire(self, member):
        self.admin("POST", f"nodes/{self.nodes()[member.name]['id']}/expire")


class Member:
    """A node, ours or a stranger's, by what status says in the same words for both."""

    name = host = None

    def status(self):
        raise NotImplementedError

    def address(self, version=4):
        return next(one for one in self.status()["Self"]["TailscaleIPs"] if (":" in one) == (version == 6))

    def full_name(self):
        return self.status()["Self"]["DNSName"]

    def peers(self):
        status = self.status()
        return {peer["HostName"]: peer for peer in (status.get("Peer") or {}).values()}

    def wait_for_peer(self, name, holds=lambda peer: True, what="seen", seconds=20.0):
        """Waits until this node knows one of that name for which `holds` is true; None stands for one that it does not know."""
        def found():
            peer = self.peers().get(name)
            return (peer or True) if holds(peer) else None
        return wait_until(found, f"{name} to be {what} by {self.name}; it knows {self.peers()}", seconds)

    def wait_until_gone(self, name, seconds=20.0):
        self.wait_for_peer(name, lambda peer: peer is None, "forgotten", seconds)

    def wait_until_online(self, name, is_online=True, seconds=20.0):
        return self.wait_for_peer(name, lambda peer: peer is not None and peer["Online"] is is_online,
                                  "online" if is_online else "offline", seconds)


class OurMember(Member):
    """Our daemon on a host. What it knows outlives a restart."""

    device = "warren0"

    def __init__(self, host, server, trusted=None):
        self.host, self.server, self.name = host, server, host.label
        self.trusted = trusted or server.trusted
        self.directory = host.lab.directory / f"{host.label}-warrend"
        self.directory.mkdir()
        self.socket = self.directory / "warrend.sock"
        self.config = self.directory / "node.json"
        self.config.write_text(json.dumps({"state-dir": str(self.directory / "state"), "socket": str(self.socket),
                                           "device": self.device, "log-level": "debug"}))
        self.process = None

    def start(self):
        self.process = self.host.start(NODE, "--config", self.config, environment={"SSL_CERT_FILE": str(self.trusted)})
        self.process.wait_for_output("node: started")
        return self

    def join(self):
        answer = self.ask("POST", "start", {
            "UpdatePrefs": {"ControlURL": self.server.url, "ControlURLSet": True, "WantRunning": True, "WantRunningSet": True,
                            "Hostname": self.name, "HostnameSet": True},
            "AuthKey": self.server.auth_key(), "ServerKey": self.server.key()})
        answer.json()
        wait_until(lambda: self.status()["BackendState"] == "Running", f"{self.name} to be in", 20)
        return self

    def warren(self, *words, **options):
        """What the command line prints."""
        return self.host.run(WARREN, "--socket", self.socket, *words, **options).stdout

    def ask(self, method, path, body=None):
        answer = ask(self.socket, method, f"/localapi/v0/{path}", body)
        assert answer, f"nobody answers at {self.socket}"
        return answer

    def status(self):
        return self.ask("GET", "status").json()

    def fetch(self, url, **options):
        return self.host.fetch(url, **options).decode()


class StockMember(Member):
    """A stock node inside a process of its own, without a device; it serves HTTP on port 80 of its addresses inside."""

    def __init__(self, host, server, trusted=None):
        self.host, self.server, self.name = host, server, host.label
        self.trusted = trusted or server.trusted
        self.directory = host.lab.directory / f"{host.label}-stock"
        self.directory.mkdir()
        self.process = None

    def start(self, *options):
        self.process = self.host.start(
            STOCK, "node", "--control", self.server.url, "--name", self.name, "--state", self.directory, *options,
            stdin=subprocess.PIPE,
            environment={"SSL_CERT_FILE": str(self.trusted), "TS_LOGS_DIR": str(self.directory),
                         "TS_NO_LOGS_NO_SUPPORT": "true", "TS_PANIC_IF_HIT_MAIN_CONTROL": "1"})
        return self

    def join(self, *options):
        return self.start("--auth-key", self.server.auth_key(), *options)

    def wait_until_up(self, seconds=60.0):
        self.process.wait_for_output('"event":"up"', seconds)
        return self

    def command(self, line, event, seconds=40.0):
        """Gives it a command; returns the event that answers."""
        seen = len(self.events(event))
        self.process.popen.stdin.write(f"{line}\n".encode())
        self.process.popen.stdin.flush()
        answer = wait_until(lambda: self.events(event)[seen:], f"{event} of {self.name}", seconds)[0]
        assert "error" not in answer, f"{self.name}: {line}: {answer['error']}"
        return answer

    def events(self, name):
        return [one for one in json_lines(self.process) if one["event"] == name]

    def status(self):
        return self.command("status", "status")["status"]

    def fetch(self, url):
        return self.command(f"fetch {url}", "fetched")["body"]

    def log_out(self):
        self.command("logout", "logged-out")

    @contextlib.contextmanager
    def paused(self):
        """Does nothing and hears nothing meanwhile."""
        self.process.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.popen.send_signal(signal.SIGCONT)

    def kill(self):
        """Ends it as a crash would."""
        self.process.end(signal.SIGKILL)

    def stop(self):
        """Asks it to end, and waits for that."""
        self.process.popen.stdin.write(b"quit\n")
        self.process.popen.stdin.flush()
        assert self.process.popen.wait(20) == 0
