"""Names of the network on machines that use it, by /etc/resolv.conf itself, and that it is put back whatever happens.

systemd-resolved cannot run in a namespace: how it is told is tested in src/node/os, against a program that stands for
busctl. Each machine here has an /etc of its own, the way `ip netns exec` mounts single files over the real one, or as a
directory; the machine that runs the tests is never touched."""
import pathlib
import shutil
import stat

import pytest

import devices
import harness
from overlay import NODE

HERE = pathlib.Path(__file__).parent
OURS = "Written by Warren"
SERVER = "203.0.113.10"
SPLIT = f"{SERVER}:5353"
WIFI = "192.0.2.53"  # of the next network
COORDINATION = "coordination.outside.example"
OUTSIDE = {COORDINATION: SERVER, "www.outside.example": "192.0.2.80", "intern.corp.example": "192.0.2.99"}
DNS = {"split": {"corp.example": [SPLIT]}}  # of the server


class OwnEtc:
    """A host of the lab with a directory of its own as /etc."""

    def __init__(self, host, directory):
        self.host = host
        self.etc = directory
        directory.mkdir()
        for name in ("nsswitch.conf", "passwd", "group"):
            shutil.copy(pathlib.Path("/etc", name), directory)
        shutil.copy(pathlib.Path("/run/warren/lab", host.lab.name, "etc", host.label, "hosts"), directory)
        # `ip netns exec` mounts over these two before us, below what we mount.
        self.before = ["unshare", "--mount", "sh", "-c", f"mount --bind {directory} /etc && exec \"$@\"", "sh"]

    def __getattr__(self, name):
        return getattr(self.host, name)

    def run(self, *command, **options):
        return self.host.run(*self.before, *command, **options)

    def start(self, *command, **options):
        return self.host.start(*self.before, *command, **options)

    @property
    def file(self):
        return self.etc / "resolv.conf"


def resolves(node, name):
    """The addresses that programs of the machine get."""
    found = node.host.run("getent", "ahostsv4", name, check=False)
    return {line.split()[0] for line in found.stdout.splitlines()}


def wait_for_name(node, name, address):
    harness.wait_until(lambda: address in resolves(node, name), f"{node.label} resolves {name} to {address}", 15)


def is_ours(file):
    return file.exists() and OURS in file.read_text()


def wait_until_ours(file):
    harness.wait_until(lambda: is_ours(file), f"{file} is ours")


def wait_until_back(file, content):
    harness.wait_until(lambda: file.read_bytes() == content, f"{file} is as it was")


def start_name_server(net, address, table):
    server = net.place("server").start(harness.PYTHON, HERE / "name_server.py", address,
                                       *(f"{name}={ip}" for name, ip in table.items()))
    server.wait_for_output("serving")
    return server


@pytest.fixture(scope="module")
def names(overlay_lab):
    lab = overlay_lab
    lab.base = start_name_server(lab, f"{SERVER}:53", OUTSIDE)
    lab.split = start_name_server(lab, SPLIT, {"box.corp.example": "192.0.2.77"})
    lab.start_server(dns=DNS)
    laptop = lab.node("laptop")
    laptop.host = OwnEtc(laptop.host, lab.directory / "etc-laptop")
    laptop.original = f"# of the hotel\nnameserver {SERVER}\nsearch outside.example\noptions timeout:2\n".encode()
    laptop.host.file.write_bytes(laptop.original)
    laptop.host.file.chmod(0o640)
    lab.join("home", "laptop")
    lab.suffix = laptop.status()["MagicDNSSuffix"]
    return lab


@pytest.fixture
def laptop(names, net):
    node = net.nodes["laptop"]
    if not node.is_running():
        node.start()
    node.warren("up")
    node.warren("set", "--accept-dns")
    node.wait_until_running()
    wait_until_ours(node.host.file)
    return node


def test_names_of_the_network(names, laptop):
    home = names.nodes["home"]
    for name in ("home", f"home.{names.suffix}", f"HOME.{names.suffix}."):
        wait_for_name(laptop, name, home.address())
    assert f"home.{names.suffix}" in laptop.host.run("getent", "hosts", home.address()).stdout
    assert not resolves(laptop, f"nobody.{names.suffix}")
    laptop.host.run("ping", "-c", "1", "-W", "5", "home")


def test_names_on_a_machine_whose_file_is_mounted(names, laptop):
    home = names.nodes["home"]
    wait_for_name(home, "laptop", laptop.address())
    wait_for_name(home, f"laptop.{names.suffix}", laptop.address())


def test_other_names_are_asked_of_the_host_s_own_server(names, laptop):
    wait_for_name(laptop, "www.outside.example", OUTSIDE["www.outside.example"])
    wait_for_name(laptop, "www", OUTSIDE["www.outside.example"])  # its search list goes on to hold
    assert not resolves(laptop, "nothing.outside.example")


def test_split_dns(names, laptop):
    wait_for_name(laptop, "box.corp.example", "192.0.2.77")
    # The host's own server knows this one, and is not asked.
    assert not resolves(laptop, "intern.corp.example")
    assert "asked for intern.corp.example 1" in names.split.output()
    assert "asked for intern.corp.example 1" not in names.base.output()


def ask_over_tcp(host, address, name):
    """The last four bytes of the answer: the address, when there is one."""
    program = ("import socket,struct;q=struct.pack('!6H',7,256,1,0,0,0)+"
               "b''.join(bytes([len(l)])+l.encode() for l in '%s'.split('.'))+b'\\0\\0\\1\\0\\1';"
               "s=socket.create_connection(('%s',53),5);s.sendall(struct.pack('!H',len(q))+q);"
               "print(*s.recv(512)[-4:],sep='.')")
    return host.run(harness.PYTHON, "-c", program % (name, address), check=False).stdout.strip()


def test_queries_over_tcp_and_ipv6(names, laptop):
    home = names.nodes["home"]
    for address in ("100.100.100.100", "fd7a:115c:a1e0::53"):
        assert ask_over_tcp(laptop.host, address, f"home.{names.suffix}") == home.address()


def test_devices_of_the_hub_ask_the_hub(names, laptop):
    phone = devices.Device(names, "phone", "dualstack").start()
    devices.wait_for_hub(names.server)
    hub = next(ip for ip in devices.hub(names.server)["addresses"] if "." in ip)
    for name, address in (("home", names.nodes["home"].address()), ("phone", phone.v4)):
        harness.wait_until(lambda: ask_over_tcp(phone.host, hub, f"{name}.{names.suffix}") == address,
                           f"the hub knows {name}", 15)
    wait_for_name(laptop, "phone", phone.v4)
    phone.forget()
    # Its own addresses are no service for anybody outside the overlay.
    assert ask_over_tcp(laptop.host, SERVER, f"home.{names.suffix}") == ""


def test_the_command_line_says_what_holds(names, laptop):
    text = laptop.warren("dns", "status").stdout
    assert "ask 100.100.100.100" in text and f"ask {SERVER}" in text, text
    answer = laptop.warren("dns", "query", f"home.{names.suffix}").stdout
    assert names.nodes["home"].address() in answer, answer
    assert SERVER in laptop.warren("dns", "query", "www.outside.example").stdout


def test_down_puts_it_back_to_the_byte(names, laptop):
    laptop.warren("down")
    wait_until_back(laptop.host.file, laptop.original)
    assert stat.S_IMODE(laptop.host.file.stat().st_mode) == 0o640
    harness.wait_until(lambda: [path.name for path in laptop.host.etc.glob("resolv*")] == ["resolv.conf"],
                       "the copy of what was there to go")
    wait_for_name(laptop, "www.outside.example", OUTSIDE["www.outside.example"])
    laptop.warren("up")
    wait_for_name(laptop, "home", names.nodes["home"].address())


def test_stop_puts_it_back(names, laptop):
    laptop.stop()
    assert laptop.host.file.read_bytes() == laptop.original
    laptop.start()
    wait_until_ours(laptop.host.file)


def test_accept_dns_false_puts_it_back_and_answers_who_asks(names, laptop):
    laptop.warren("set", "--accept-dns=false")
    wait_until_back(laptop.host.file, laptop.original)
    assert names.nodes["home"].address() in laptop.warren("dns", "query", f"home.{names.suffix}").stdout
    laptop.warren("set", "--accept-dns")
    wait_until_ours(laptop.host.file)


def test_kill_and_cleanup(names, laptop):
    laptop.kill()
    assert is_ours(laptop.host.file)
    laptop.host.run(NODE, "--cleanup", "--state-dir", laptop.directory)
    assert laptop.host.file.read_bytes() == laptop.original


def test_kill_and_start(names, laptop):
    laptop.warren("down")
    wait_until_back(laptop.host.file, laptop.original)
    laptop.warren("up")
    wait_until_ours(laptop.host.file)
    laptop.kill()
    laptop.start()
    wait_for_name(laptop, "home", names.nodes["home"].address())
    laptop.warren("down")
    wait_until_back(laptop.host.file, laptop.original)


def test_power_cut_while_it_was_down_at_the_next_boot(names, laptop):
    """Ours is on the disk, and the next start is not to go up."""
    ours = laptop.host.file.read_bytes()
    kept = {path.name: path.read_bytes() for path in laptop.host.etc.glob("resolv*")}
    laptop.warren("down")
    wait_until_back(laptop.host.file, laptop.original)
    laptop.kill()
    for name, content in kept.items():
        (laptop.host.etc / name).write_bytes(content)
    assert laptop.host.file.read_bytes() == ours
    laptop.start()
    assert laptop.host.file.read_bytes() == laptop.original


def test_killed_machine_with_a_mounted_file(names, laptop):
    home = names.nodes["home"]
    file = pathlib.Path("/run/warren/lab", names.name, "etc/home/resolv.conf")
    wait_until_ours(file)
    home.kill()
    home.host.run(NODE, "--cleanup", "--state-dir", home.directory)
    assert "There is no name server in the lab" in file.read_text()
    home.start()
    wait_for_name(home, "laptop", laptop.address())


def test_another_network_meanwhile(names, laptop):
    """A DHCP client writes the new network's server over ours."""
    wifi = f"nameserver {WIFI}\n".encode()
    new = laptop.host.etc / "resolv.conf.dhcp"
    new.write_bytes(wifi)
    new.rename(laptop.host.file)
    wait_until_ours(laptop.host.file)
    wait_for_name(laptop, "home", names.nodes["home"].address())
    harness.wait_until(lambda: f"without Warren      ask {WIFI}" in laptop.warren("dns", "status").stdout,
                       "the new network's server is known")
    laptop.warren("down")
    wait_until_back(laptop.host.file, wifi)
    laptop.host.file.write_bytes(laptop.original)
    laptop.host.file.chmod(0o640)


def test_a_symbolic_link_stays_one(names, laptop):
    laptop.warren("down")
    wait_until_back(laptop.host.file, laptop.original)
    target = laptop.host.etc / "dynamic.conf"
    laptop.host.file.rename(target)
    laptop.host.file.symlink_to("dynamic.conf")
    laptop.warren("up")
    wait_until_ours(laptop.host.file)
    assert target.read_bytes() == laptop.original
    wait_for_name(laptop, "www.outside.example", OUTSIDE["www.outside.example"])
    laptop.warren("down")
    harness.wait_until(laptop.host.file.is_symlink, "the link is back")
    assert laptop.host.file.readlink() == pathlib.Path("dynamic.conf")
    laptop.host.file.unlink()
    target.rename(laptop.host.file)


def test_our_own_server_s_name_is_asked_past_our_resolver(names, net):
    """A name that the machine's own server alone knows, while the machine asks us about all names."""
    node = net.node("neighbour")
    node.host = OwnEtc(node.host, net.directory / "etc-neighbour")
    original = f"nameserver {SERVER}\n".encode()
    node.host.file.write_bytes(original)
    node.start()
    words = [word.replace(f"https://{SERVER}", f"https://{COORDINATION}") for word in net.server.join_command()]
    node.warren(*words, "--hostname", "neighbour")
    node.wait_until_running()
    wait_until_ours(node.host.file)
    asked = names.base.output().count(f"asked for {COORDINATION} 1\n")
    net.server.process.end()
    harness.wait_until(lambda: not node.status()["Self"]["Online"], "the server is missed", 30)
    net.server.start(dns=DNS)
    harness.wait_until(lambda: node.status()["Self"]["Online"], "it is back", 30)
    assert is_ours(node.host.file)
    assert names.base.output().count(f"asked for {COORDINATION} 1\n") > asked
    # Also when a power cut left ours behind, and nobody answers there any more.
    node.kill()
    assert is_ours(node.host.file)
    node.start()
    node.wait_until_running()
    wait_for_name(node, "home", net.nodes["home"].address())
    node.stop()
    assert node.host.file.read_bytes() == original


def test_the_machine_itself_was_not_touched(names, laptop):
    machine = pathlib.Path("/etc/resolv.conf").read_bytes()
    assert OURS.encode() not in machine
    assert not pathlib.Path("/etc/resolv.before-warren.conf").exists()
