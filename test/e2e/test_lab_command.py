"""`warren lab` as a program: who reaches whom in it, and that it leaves nothing, however it ends.

The topology is drawn by `warren lab up`, and in docs/lab.md.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import types

import pytest

import harness
import internet
import overlay
from conftest import need
from peers import WARREN

LABS = pathlib.Path("/run/warren/lab")
NAMESPACES = pathlib.Path("/run/netns")
HOSTS = ("server", "home", "neighbour", "hotel", "laptop", "office", "dualstack", "v6only")
SERVER, SERVER6 = "203.0.113.10", "2001:db8:1::10"
CARRIER = "198.51.100.7"  # outside: the address that its customers share
_numbers = itertools.count(1)


class Lab:
    """A lab with a name of its own, in which our PID tells whether its maker still lives."""

    def __init__(self):
        self.name = f"wlc-{os.getpid()}-{next(_numbers)}"

    def command(self, *words):
        return [str(WARREN), "lab", "--name", self.name, *map(str, words)]

    def run(self, *words, check=True, seconds=60, **options):
        result = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=seconds, **options)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: status {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def start(self, *words):
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True)

    def status(self):
        found = json.loads(self.run("status", "--json", check=False).stdout)
        for kind in ("hosts", "routers"):
            found[kind] = {each["name"]: each for each in found.get(kind, [])}
        return found

    def host(self, name):
        """For internet.udp and internet.tcp."""
        return types.SimpleNamespace(namespace=f"{self.name}-{name}", label=name)

    def answers(self, host, *command):
        return self.run("exec", host, *command, check=False).returncode == 0

    def pings(self, host, address):
        return self.answers(host, "ping", "-n", "-c", "1", "-W", "2", address)

    def routers(self):
        """PIDs of its router: at most one."""
        ours = "\0".join(["warren", "lab", "--name", self.name, "router"])
        return [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if _text(path).startswith(ours)]

    def namespaces(self):
        return sorted(path.name for path in NAMESPACES.glob(f"{self.name}-*"))

    def leftovers(self):
        return self.namespaces(), self.routers(), (LABS / self.name).exists(), _links()


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def _links():
    """Those of the machine itself; what other tests have meanwhile is not ours."""
    found = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    return sorted(line.split()[0] for line in found.splitlines() if not line.startswith(harness.PREFIX))


NOTHING = ([], [], False)


@pytest.fixture(scope="module", autouse=True)
def program():
    need("ours")
    for left in LABS.glob("wlc-*"):  # of a run that was killed
        if not pathlib.Path("/proc", left.name.split("-")[1]).exists():
            subprocess.run([WARREN, "lab", "--name", left.name, "down"], check=False)


@pytest.fixture
def one():
    """A lab that is not up yet."""
    lab = Lab()
    lab.links = _links()
    yield lab
    lab.run("down")
    assert lab.leftovers() == (*NOTHING, lab.links)


@pytest.fixture(scope="module")
def lab():
    """A lab that is up; who changes it changes it back."""
    lab = Lab()
    try:
        lab.said = lab.run("up").stdout
        yield lab
    finally:
        lab.run("down")


def test_up_draws_it_and_says_what_to_try(lab):
    for name in HOSTS:
        assert re.search(rf"-- {name} +\S", lab.said), lab.said
    assert f"warren lab --name {lab.name} exec laptop ping" in lab.said
    status = lab.status()
    assert status["state"] == "up" and set(status["hosts"]) == set(HOSTS)
    for host in status["hosts"].values():
        assert host["namespace"] in lab.namespaces()
        for address in host["addresses"]:
            assert address.partition("/")[0] in lab.said


@pytest.mark.parametrize("host", sorted(set(HOSTS) - {"server", "office"}))
def test_everybody_reaches_the_server(lab, host):
    assert lab.pings(host, "server"), "by name"
    assert lab.pings(host, SERVER) == (host != "v6only")
    assert lab.pings(host, SERVER6) == (host in ("v6only", "dualstack"))


def test_nobody_is_reached_behind_nat_or_firewall(lab):
    for address in ("198.51.100.40", "198.51.100.60", "2001:db8:60::60", "2001:db8:70::70"):
        assert not lab.pings("server", address)


def _connects(lab, host, address, port):
    with internet.tcp(lab.host(host), address, 2) as client:
        return client.connect_ex((address, port)) == 0


def test_office_lets_out_the_web_alone(lab):
    for port, passes in ((80, True), (443, True), (8443, False)):
        with internet.tcp(lab.host("server"), SERVER) as listener:
            listener.bind((SERVER, port))
            listener.listen()
            assert _connects(lab, "office", SERVER, port) == passes
    assert not _echoes(lab, "office")
    assert not lab.pings("office", SERVER)


def test_forwarded_port_is_not_reachable_and_status_says_why(lab):
    with internet.tcp(lab.host("home"), "192.168.1.20") as listener:
        listener.bind(("192.168.1.20", 8080))
        listener.listen()

        def refused():
            return lab.status()["routers"]["carrier"]["drops"].get("nat_no_mapping", 0)

        assert _connects(lab, "neighbour", "100.64.0.20", 8080), "the home router does forward it"
        before = refused()
        for host in ("server", "laptop", "hotel"):
            assert not _connects(lab, host, CARRIER, 8080)
        assert refused() >= before + 3, "dropped by the carrier's NAT"


def _echoes(lab, host):
    """Whether a datagram to the server is answered."""
    with internet.udp(lab.host("server"), SERVER, 3478, 0.5) as server, internet.udp(lab.host(host), "0.0.0.0", 0, 2) as client:
        client.sendto(b"x", (SERVER, 3478))
        try:
            server.sendto(*server.recvfrom(100))
            return client.recvfrom(100)[0] == b"x"
        except TimeoutError:
            return False


def test_udp_is_blocked_at_one_host_alone(lab):
    assert _echoes(lab, "laptop")
    lab.run("block-udp", "laptop")
    assert not _echoes(lab, "laptop")
    assert _echoes(lab, "hotel")
    assert lab.pings("laptop", SERVER)
    assert lab.status()["hosts"]["laptop"]["udp_blocked"]
    lab.run("unblock-udp", "laptop")
    assert _echoes(lab, "laptop")


def test_laptop_travels(lab):
    lab.run("move", "laptop", "home")
    laptop = lab.status()["hosts"]["laptop"]
    assert (laptop["place"], laptop["addresses"]) == ("home", ["192.168.1.80/24"])
    assert lab.pings("laptop", "192.168.1.20") and lab.pings("laptop", SERVER)
    lab.run("move", "laptop", "v6only")
    assert lab.pings("laptop", SERVER6) and not lab.pings("laptop", SERVER)
    lab.run("move", "laptop", "hotel")
    assert lab.status()["hosts"]["laptop"]["addresses"] == ["10.40.0.80/24"]
    assert lab.pings("laptop", SERVER)


def test_router_forgets_when_it_reboots(lab):
    assert lab.pings("neighbour", SERVER)
    assert lab.status()["routers"]["neighbour-router"]["sessions"] > 0
    lab.run("reboot-router", "neighbour-router")
    assert lab.status()["routers"]["neighbour-router"]["sessions"] == 0


def test_exec_is_the_command_on_the_host(lab):
    assert lab.run("exec", "home", "hostname").stdout == "home\n"
    assert lab.run("exec", "home", "sh", "-c", "exit 7", check=False).returncode == 7
    assert lab.run("exec", "home", "sh", "-c", "kill -TERM $$", check=False).returncode == -signal.SIGTERM
    assert lab.run("exec", "home", "cat", input="handed on").stdout == "handed on"
    assert lab.run("exec", "home", "no-such-command", check=False).returncode == 127
    assert "nameserver" not in lab.run("exec", "home", "grep", "-v", "#", "/etc/resolv.conf", check=False).stdout
    assert "192.168.1.20/24" in lab.run("exec", "home", "ip", "-br", "address").stdout
    assert lab.run("exec", "home", "ls", "/sys/class/net").stdout.split() == ["eth0", "lo"]
    assert lab.run("exec", "home", "env", env={"http_proxy": "x", "PATH": os.environ["PATH"]}).stdout.count("proxy") == 0
    assert lab.run("exec", "home", "sh", "-c", "yes | head -n 1").stdout == "y\n"


def test_exec_leaves_the_machines_own_names(lab):
    before = (os.uname().nodename, pathlib.Path("/etc/hosts").read_text(), pathlib.Path("/proc/self/mounts").read_text())
    lab.run("exec", "laptop", "true")
    assert (os.uname().nodename, pathlib.Path("/etc/hosts").read_text(), pathlib.Path("/proc/self/mounts").read_text()) == before


def test_shell_is_on_the_host(lab):
    result = lab.run("shell", "laptop", input="hostname; exit 4", check=False, env={**os.environ, "SHELL": "/bin/sh"})
    assert (result.stdout, result.returncode) == ("laptop\n", 4)


def test_second_up_is_refused_and_changes_nothing(lab):
    before = lab.routers()
    result = lab.run("up", check=False)
    assert result.returncode == 1 and "a lab is up already" in result.stderr and "warren lab down" in result.stderr
    assert lab.routers() == before and len(before) == 1
    assert lab.pings("laptop", SERVER)


def test_labs_of_two_names_do_not_meet(lab, one):
    one.run("up")
    one.run("block-udp", "laptop")
    assert _echoes(lab, "laptop")
    one.run("down")
    assert lab.pings("laptop", SERVER)


def test_down_ends_everything_in_it(one):
    one.run("up")
    polite = one.start("exec", "home", "sleep", "1000")
    stubborn = one.start("exec", "laptop", "sh", "-c", "trap '' TERM HUP; echo; while :; do sleep 1000; done")
    stubborn.stdout.readline()
    harness.wait_until(lambda: one.status()["hosts"]["home"]["processes"] == [{"pid": polite.pid, "command": "sleep"}],
                       "status to show what runs at home")
    one.run("down")
    assert (polite.wait(5), stubborn.wait(5)) == (-signal.SIGTERM, -signal.SIGKILL)
    assert one.leftovers() == (*NOTHING, one.links)


def test_hub_is_a_server_and_three_devices_and_nothing_else(one):
    reason = overlay.why_missing()
    if reason:
        pytest.skip(reason)
    made = json.loads(one.run("hub", "--json").stdout)
    hosts = {device["name"]: device["host"] for device in made["devices"]}
    assert hosts == {"nas": "home", "phone": "neighbour", "notebook": "laptop"}
    for here, name in itertools.product(hosts.values(), hosts):
        harness.wait_until(lambda: one.pings(here, name), f"{name} from {here}")  # pylint: disable=cell-var-from-loop
    assert (os.stat(made["devices"][0]["config"]).st_mode & 0o077) == 0
    again = one.run("hub", check=False)
    assert again.returncode == 1 and "begun already" in again.stderr and "down" in again.stderr
    one.run("move", "laptop", "neighbour")
    harness.wait_until(lambda: one.pings("laptop", "nas"), "nas from the laptop's other place")
    one.run("down")
    assert one.leftovers() == (*NOTHING, one.links)
    one.run("up")
    assert one.run("hub").stdout.count("100.64.0.") == 3, "it begins anew"


def test_without_a_lab(one):
    status = one.run("status", check=False)
    assert (status.returncode, status.stdout) == (1, "No lab is up. Make one: warren lab up\n")
    assert "There was no lab" in one.run("down").stdout
    assert "no lab is up" in one.run("exec", "home", "true", check=False).stderr
    assert "no lab is up" in one.run("block-udp", "home", check=False).stderr


def test_killed_router_is_told_and_mended(one):
    one.run("up")
    one.start("exec", "home", "sleep", "1000")
    os.kill(*one.routers(), signal.SIGKILL)
    harness.wait_until(lambda: not one.routers(), "the router's end")
    status = one.run("status", check=False)
    assert status.returncode == 1 and "The lab is broken" in status.stdout
    one.run("up")
    assert one.pings("laptop", "server")
    os.kill(*one.routers(), signal.SIGKILL)
    one.run("down")
    assert one.leftovers() == (*NOTHING, one.links)


def test_stopped_router_is_ended_all_the_same(one):
    one.run("up")
    os.kill(*one.routers(), signal.SIGSTOP)
    one.run("down")
    assert one.leftovers() == (*NOTHING, one.links)


MOMENTS = {
    "the record": lambda lab: (LABS / lab.name / "record.json").exists(),
    "one host": lambda lab: len(lab.namespaces()) >= 1,
    "four hosts": lambda lab: len(lab.namespaces()) >= 4,
    "all hosts": lambda lab: len(lab.namespaces()) >= len(HOSTS),
    "the router": lambda lab: (LABS / lab.name / "router.lock").exists(),
    "the socket": lambda lab: (LABS / lab.name / "router.sock").exists(),
}


def _strike(lab, moment, sign):
    """Starts `up`, and sends it a signal when it has come so far; returns how it ended."""
    up = lab.start("up")
    while not MOMENTS[moment](lab) and up.poll() is None:
        pass  # the moments are short
    up.send_signal(sign)
    return up.wait(30), up.stdout.read()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("then", ["down", "up"])
def test_killed_up_leaves_nothing_after_the_next(one, moment, then):
    _strike(one, moment, signal.SIGKILL)
    again = one.run(then, check=False)
    if "already" in again.stderr:
        assert one.status()["state"] == "up", "it was killed when all was done"
    elif then == "up":
        assert again.returncode == 0, again.stderr
        assert one.pings("laptop", "server")
    one.run("down")
    harness.wait_until(lambda: one.leftovers() == (*NOTHING, one.links), "nothing to be left", 3)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_up_undoes_itself(one, moment, sign):
    status, said = _strike(one, moment, sign)
    if status == 0:
        assert one.status()["state"] == "up", "the signal came when all was done"
    else:
        assert (status, said) == (1, "warren lab: interrupted\n")
        assert one.leftovers() == (*NOTHING, one.links)


def test_failed_up_undoes_itself_and_leaves_what_is_not_its_own(one):
    foreign = f"{one.name}-laptop"
    subprocess.run(["ip", "netns", "add", foreign], check=True)
    try:
        result = one.run("up", check=False)
        assert result.returncode == 1 and f"ip netns delete {foreign}" in result.stderr
        assert one.namespaces() == [foreign] and not (LABS / one.name).exists()
    finally:
        subprocess.run(["ip", "netns", "delete", foreign], check=True)


def test_down_after_a_damaged_record(one):
    one.run("up")
    (LABS / one.name / "record.json").write_text('{"phase": "u')
    one.run("down")
    assert one.leftovers() == (*NOTHING, one.links)


def test_ip_netns_and_the_lab_understand_each_other(lab):
    if not shutil.which("ip"):
        pytest.skip("needs ip")
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert f"{lab.name}-home" in listed
    shown = subprocess.run(["ip", "netns", "exec", f"{lab.name}-home", "ip", "-br", "address"], capture_output=True, text=True)
    assert "192.168.1.20/24" in shown.stdout
