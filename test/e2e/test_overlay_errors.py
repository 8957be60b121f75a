"""What goes wrong says what to do."""
import os
import time

import pytest

import harness
from overlay import LABS, NODE
from peers import WARREN

TAKEN = 41641
HOLD_PORT = ("import socket,time\n"
             "for family in (socket.AF_INET, socket.AF_INET6):\n"
             "    s = socket.socket(family, socket.SOCK_DGRAM)\n"
             "    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)\n"
             f"    s.bind(('', {TAKEN})); globals()[str(family)] = s\n"
             "print('held', flush=True); time.sleep(1000)")
HOLD_DEVICE = ("import fcntl,os,struct,time\n"
               "fd = os.open('/dev/net/tun', os.O_RDWR)\n"
               "fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH', b'warren0', 0x1001))\n"  # TUNSETIFF, IFF_TUN | IFF_NO_PI
               "print('held', flush=True); time.sleep(1000)")


@pytest.fixture(scope="module")
def one(overlay_lab):
    overlay_lab.start_server()
    # A host that is switched off answers nothing: it takes 10 s to be certain, so this one begins first.
    waiting = overlay_lab.node("dualstack")
    waiting.start()
    overlay_lab.asked = waiting.host.start(WARREN, "--socket", waiting.socket,
                                           *words(overlay_lab.server, "15s", login_server="https://203.0.113.77"))
    return overlay_lab


@pytest.fixture
def server(one, net):
    return net.server


@pytest.fixture
def fresh(server, net):
    """A node that has not joined, on a host without one."""
    node = net.node("hotel")
    node.start()
    yield node
    if node.is_running():
        node.stop()
    if node.directory.exists():
        (node.directory / "state.json").unlink()
    known = [each["name"] for each in server.admin_json("node", "list")["nodes"]]
    for name in known:
        server.admin("node", "rm", name)


def words(server, timeout="10s", **replaced):
    """The join command with other values for some of its options."""
    out = list(server.join_command())
    for option, value in replaced.items():
        out[out.index("--" + option.replace("_", "-")) + 1] = value
    return [*out, "--hostname", "hotel", "--timeout", timeout]


def refused(node, *command, status=1):
    result = node.warren(*command, check=False)
    assert result.returncode == status, result
    assert not result.stdout
    return result.stderr


def test_warren_without_warrend(net):
    said = refused(net.node("laptop"), "status")
    assert "warrend does not run" in said and "systemctl start warrend" in said


def test_admin_without_a_server(net):
    result = net.place("laptop").run(WARREN, "--socket", "/nowhere.sock", "admin", "node", "list", check=False)
    assert result.returncode == 3
    assert "warren-server does not run on this machine" in result.stderr


def test_up_without_a_server(fresh):
    assert "say which server to join: `warren up --login-server" in refused(fresh, "up", status=2)


def test_key_that_is_not_known(server, fresh):
    assert "this auth key is not known here: copy it whole" in refused(fresh, *words(server, auth_key="wak_nonsense"))
    assert fresh.state() == "NeedsLogin"


def test_key_that_was_used(server, fresh, net):
    key = server.new_key()
    other = net.node("office")
    other.start()
    other.warren(*key, "--hostname", "office")
    said = refused(fresh, *key, "--hostname", "hotel")
    assert "was used already, and admits one machine only: ask for a new one" in said
    other.stop()
    (other.directory / "state.json").unlink()


def test_key_that_is_expired_or_revoked(server, fresh):
    made = server.admin_json("key", "create", "--user", "owner", "--expiration", "1s")
    harness.wait_until(lambda: made["id"] not in server.admin("key", "list").stdout, "the key to expire")
    assert "has expired: ask for a new one" in refused(fresh, *words(server, auth_key=made["key"]))
    made = server.admin_json("key", "create", "--user", "owner", "--reusable")
    server.admin("key", "revoke", made["id"])
    assert "was revoked: ask for a new one" in refused(fresh, *words(server, auth_key=made["key"]))


def test_wrong_server_key(server, fresh):
    said = refused(fresh, *words(server, "2s", server_key="mkey:" + "ab" * 32))
    assert "another key than" in said and "use the join command that the server printed" in said
    # The right one is taken without any reset.
    fresh.warren(*words(server))


def test_server_whose_name_does_not_exist(server, net):
    # The lab has no name service, and v6only no way to ask one: so it is told at once.
    node = net.node("v6only")
    node.start()
    said = refused(node, *words(server, "3s", login_server="https://no.such.example"))
    assert "DNS does not say where no.such.example is" in said
    node.stop()


def test_name_service_that_is_dead_delays_nothing_else(server, fresh):
    # It takes the questions and does not answer.
    resolver = LABS / fresh.lab.name / "etc" / fresh.label / "resolv.conf"
    usual = resolver.read_text()
    resolver.write_text("nameserver 203.0.113.77\n")
    try:
        fresh.stop()
        fresh.start()
        assert "gave up after 1s" in refused(fresh, *words(server, "1s", login_server="https://no.such.example"))
        began = time.monotonic()
        fresh.warren(*words(server))  # another server, and it is to be heard at once
        refused(fresh, *words(server, "1s", login_server="https://no.such.example"))
        assert fresh.stop() == 0
        assert time.monotonic() - began < 5
    finally:
        resolver.write_text(usual)


def test_state_that_others_could_write_or_read(net, fresh):
    fresh.stop()
    mode = fresh.directory.stat().st_mode
    fresh.directory.chmod(0o777)
    result = start_fails(fresh)
    assert "other users may write to" in result and f"chmod 0700 {fresh.directory}" in result
    fresh.directory.chmod(mode)
    os.chown(fresh.directory, 65534, 65534)
    assert f"chown 0 {fresh.directory}" in start_fails(fresh)
    os.chown(fresh.directory, 0, 0)


def test_state_that_is_damaged(fresh):
    fresh.stop()
    state = fresh.directory / "state.json"
    kept = state.read_text()
    state.write_text(kept[:20])
    said = start_fails(fresh)
    assert str(state) in said
    state.write_text(kept)
    fresh.start()


def start_fails(node, *options):
    result = node.host.run(NODE, "--state-dir", node.directory, "--socket", node.socket, *options, check=False)
    assert result.returncode == 1, result
    return result.stderr


def test_second_warrend(net, fresh):
    other = net.directory / "other"
    result = fresh.host.run(NODE, "--state-dir", other, "--socket", net.directory / "other.sock", check=False)
    assert result.returncode == 1 and "a node of Warren runs on this machine already: stop it first" in result.stderr
    result = net.place("laptop").run(NODE, "--state-dir", fresh.directory, "--socket", net.directory / "other.sock", check=False)
    assert result.returncode == 1 and "another node uses the keys in" in result.stderr
    result = fresh.host.run(NODE, "--cleanup", check=False)
    assert result.returncode == 1 and "runs on this machine already" in result.stderr
    assert fresh.status()


def test_port_that_is_taken(server, fresh):
    holder = fresh.host.start(harness.PYTHON, "-c", HOLD_PORT)
    holder.wait_for_output("held")
    fresh.warren(*words(server))
    fresh.process.wait_for_output(f"tunnel up device=warren0 port={TAKEN + 1}")
    assert any(address.endswith(f":{TAKEN + 1}") for address in fresh.status()["Self"]["Addrs"])
    holder.end()


def test_device_of_another_program(server, fresh):
    holder = fresh.host.start(harness.PYTHON, "-c", HOLD_DEVICE)
    holder.wait_for_output("held")
    fresh.warren(*words(server), check=False)
    harness.wait_until(lambda: any("warren0" in text for text in fresh.status()["Health"]), "the reason")
    assert "warren0" in fresh.warren("status", check=False).stdout
    holder.end()
    # It is made when the name is free.
    harness.wait_until(lambda: fresh.host.run("ip", "-br", "link", "show", "warren0", check=False).returncode == 0
                       and not fresh.status()["Health"], "the tunnel", 30)


def test_server_away_for_a_machine_that_is_in(server, net, fresh):
    fresh.warren(*words(server))
    server.kill()
    harness.wait_until(lambda: fresh.status()["Health"], "the machine to notice")
    try:
        harness.wait_until(lambda: "203.0.113.10" in fresh.warren("status").stdout, "which server")
        assert fresh.state() == "Running"
    finally:
        server.start()
    harness.wait_until(lambda: not fresh.status()["Health"], "the server again", 20)


def test_server_that_is_not_there(one, net):
    assert one.asked.popen.wait(20) == 1
    assert "cannot connect to 203.0.113.77:443: no answer" in one.asked.output()
    assert "gave up after 15s" in one.asked.output()
