"""The stock client as people run it: the daemon with its device, told what to do by its own command line.

    stock = Tailscale(host, server, NEWEST).start()
    stock.up("--auth-key", key)
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess

import members
from harness import wait_until
from strangers import PROGRAMS

HERE = pathlib.Path(__file__).resolve().parent
# All that programs look up there, without what only the host itself has.
ETC = ("ca-certificates.conf", "group", "hosts", "nsswitch.conf", "passwd", "protocols", "services", "ssl")
AS_A_MACHINE = 'mount --bind "$0" /etc && cat /etc/hostname >/proc/sys/kernel/hostname && exec "$@"'


@dataclasses.dataclass(frozen=True)
class Release:
    """Programs of one version."""
    module: str
    directory: pathlib.Path

    @property
    def version(self):
        return re.search(r"\ttailscale\.com v(\S+)", (HERE / self.module / "go.mod").read_text())[1]

    def why_missing(self):
        missing = [str(path) for path in (self.directory / "tailscaled", self.directory / "tailscale") if not os.access(path, os.X_OK)]
        return f"{', '.join(missing)} not built: test/compat/build" if missing else None


NEWEST = Release("go", PROGRAMS)
OLDER = Release("go-older", PROGRAMS / "older")


class Tailscale(members.Member):
    """On a host, which gets a name and an /etc of its own: the daemon writes resolv.conf there."""

    device = "tailscale0"

    def __init__(self, host, server, release, url=None, trusted=None):
        self.host, self.server, self.release, self.name = host, server, release, host.label
        self.url = url or server.url
        self.trusted = trusted or server.trusted
        self.directory = host.lab.directory / f"{host.label}-tailscaled"
        self.directory.mkdir()
        self.socket = self.directory / "sock"
        self.etc = self.directory / "etc"
        self.etc.mkdir()
        for name in ETC:
            source = pathlib.Path("/etc", name)
            if source.is_dir():
                shutil.copytree(source, self.etc / name, symlinks=True)
            elif source.exists():
                shutil.copy(source, self.etc / name)
        (self.etc / "resolv.conf").write_text("")
        (self.etc / "hostname").write_text(self.name)
        self.process = None

    # --- the machine
    def inside(self, *command):
        """The command, as it has to be given to `host` to see this machine's /etc."""
        return ["unshare", "--mount", "--uts", "sh", "-c", AS_A_MACHINE, self.etc, *command]

    def run(self, *command, **options):
        return self.host.run(*self.inside(*command), **options)

    def fetch(self, url):
        return self.run("curl", "-sS", "--noproxy", "*", "--fail", "--max-time", "20", url).stdout

    def resolve(self, name):
        """The addresses that programs of this machine get for a name."""
        found = self.run("getent", "ahosts", name, check=False).stdout
        return sorted({line.split()[0] for line in found.splitlines()})

    # --- the daemon
    def start(self, *options):
        self.process = self.host.start(
            *self.inside(self.release.directory / "tailscaled", "--statedir", self.directory, "--state",
                         self.directory / "state", "--socket", self.socket, "--tun", self.device, "--port", "41641",
                         "--no-logs-no-support", *options),
            environment={"SSL_CERT_FILE": str(self.trusted), "TS_LOGS_DIR": str(self.directory),
                         "TS_PANIC_IF_HIT_MAIN_CONTROL": "1"})
        wait_until(self.socket.exists, f"the daemon on {self.name}")
        return self

    def stop(self):
        """It is told to end, and tidies up."""
        self.process.end()

    # --- its command line
    def tailscale(self, *words, check=True, seconds=60.0):
        return self.run(self.release.directory / "tailscale", "--socket", self.socket, *words, check=check, seconds=seconds)

    def up(self, *options, seconds=60.0):
        self.tailscale("up", "--login-server", self.url, "--timeout", f"{seconds:g}s", *options, seconds=seconds + 5)
        return self

    def join(self, *options):
        return self.up("--auth-key", self.server.auth_key(), *options)

    @contextlib.contextmanager
    def asking_for_a_login(self, *options):
        """`tailscale up` without a key: gives the link that it shows, and waits for its success."""
        asking = self.host.start(
            *self.inside(self.release.directory / "tailscale", "--socket", self.socket, "up", "--login-server", self.url,
                         "--timeout", "60s", *options))
        link = wait_until(lambda: re.search(r"https?://\S+/register/\S+", asking.output()), "the link", 30)[0]
        yield link
        assert asking.popen.wait(60) == 0, asking.output()

    def status(self):
        return json.loads(self.tailscale("status", "--json", check=False).stdout)

    def state(self):
        return self.status()["BackendState"]

    def wait_for_state(self, state, seconds=30.0):
        wait_until(lambda: self.state() == state, f"{self.name} to be {state}", seconds)

    def path_to(self, peer):
        """The peer's address in use; empty when relayed."""
        return self.peers()[peer.name]["CurAddr"]

    def ping(self, name, *options):
        """What `tailscale ping` says of a peer; it ends well only when one was answered."""
        return self.tailscale("ping", "--c", "1", "--timeout", "5s", *options, name, check=False).stdout

    def versions(self):
        return subprocess.run([self.release.directory / "tailscale", "version"], check=True, capture_output=True,
                              text=True).stdout.split("\n", 1)[0]
