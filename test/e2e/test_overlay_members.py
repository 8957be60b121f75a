"""Machines come, are renamed, expire, and are removed: the others hear of it at once, and whoever is out is told why."""
import re

import pytest

import harness
from peers import WARREN


@pytest.fixture(scope="module")
def two(overlay_lab):
    overlay_lab.start_server()
    overlay_lab.join("home", "office")
    overlay_lab.nodes["office"].stop()  # the server gives it some seconds to come back
    return overlay_lab


@pytest.fixture
def server(two, net):
    return net.server


@pytest.fixture
def home(server, net):
    return net.nodes["home"]


@pytest.fixture
def laptop(server, net):
    """A third machine, which is forgotten afterwards."""
    node = net.node("laptop")
    node.start()
    yield node
    if node.is_running():
        node.stop()
    (node.directory / "state.json").unlink()
    for each in server.admin_json("node", "list")["nodes"]:
        if each["hostname"] == "laptop":
            server.admin("node", "rm", each["id"])


def joined(node, home, *options):
    node.up(*options)
    harness.wait_until(lambda: node.label in home.peers(), "home to know it")
    node.host.wait_for_ping(home.address())
    return node


def wait_until_cut_off(home, node, address):
    harness.wait_until(lambda: not home.host.pings(address), "home not to reach it")
    assert not node.host.pings(home.address())


def test_node_that_is_removed_is_out_at_once_and_told_why(server, home, laptop):
    address = joined(laptop, home).address()
    server.admin("node", "rm", "laptop")
    harness.wait_until(lambda: "laptop" not in home.peers(), "home to forget it", 2)
    wait_until_cut_off(home, laptop, address)
    harness.wait_until(lambda: laptop.state() == "NeedsLogin", "it to be told")
    said = laptop.warren("status", check=False)
    assert said.returncode == 1
    assert "somebody removed it there" in said.stdout and "Log in at: https://" in said.stdout, said.stdout
    # With a key it is welcome again.
    joined(laptop, home)


def test_name_reaches_the_others(server, home, laptop):
    joined(laptop, home)
    server.admin("node", "rename", "laptop", "attic")
    harness.wait_until(lambda: "attic" in home.peers() and "laptop" not in home.peers(), "the new name", 2)
    assert home.warren("ip", "-4", "attic").stdout.strip() == laptop.address()
    harness.wait_until(lambda: laptop.status()["Self"]["DNSName"].startswith("attic."), "its own new name", 2)
    assert server.admin("node", "rename", "attic", "home", check=False).returncode == 1


def test_key_that_is_expired_stops_traffic_and_says_what_to_do(server, home, laptop):
    address = joined(laptop, home).address()
    server.admin("node", "expire", "laptop")
    harness.wait_until(lambda: home.peers()["laptop"].get("Expired"), "home to know", 2)
    wait_until_cut_off(home, laptop, address)
    assert "key expired" in home.warren("status").stdout
    harness.wait_until(lambda: laptop.state() == "NeedsLogin", "it to know")
    shown = laptop.warren("status", check=False)
    assert shown.returncode == 1 and "key has expired: log in again with `warren up`" in shown.stdout, shown.stdout
    # The same machine, with the same address, once it has logged in again.
    laptop.up("--force-reauth")
    laptop.wait_until_running()
    assert laptop.address() == address
    laptop.host.wait_for_ping(home.address())
    harness.wait_until(lambda: not home.peers()["laptop"].get("Expired"), "home to know")


def test_logout_is_heard_by_the_others(server, home, laptop):
    address = joined(laptop, home).address()
    laptop.warren("logout")
    assert laptop.state() == "NeedsLogin"
    harness.wait_until(lambda: "laptop" not in home.peers() or home.peers()["laptop"].get("Expired"), "home to know", 2)
    wait_until_cut_off(home, laptop, address)
    assert laptop.warren("status", check=False).stdout.startswith("Logged out.")
    joined(laptop, home)


def test_ephemeral_node_is_marked_and_leaves_with_its_logout(server, home, laptop):
    key = server.new_key("--ephemeral")
    laptop.warren(*key, "--hostname", "laptop")
    shown = server.admin_json("node", "show", "laptop")
    assert shown["ephemeral"] is True
    assert "Ephemeral" in server.admin("node", "show", "laptop").stdout
    laptop.warren("logout")
    harness.wait_until(lambda: "laptop" not in [each["name"] for each in server.admin_json("node", "list")["nodes"]],
                       "the server to forget it")
    harness.wait_until(lambda: "laptop" not in home.peers(), "home to forget it", 2)


def test_link_that_an_administrator_approves(server, home, laptop):
    words = server.join_command()
    at = words.index("--auth-key")
    del words[at:at + 2]
    asked = laptop.host.start(WARREN, "--socket", laptop.socket, *words, "--hostname", "laptop")
    asked.wait_for_output("warren admin login approve")
    login = re.search(r"login approve (\S+)", asked.output())[1]
    assert f"/{login}" in asked.output()
    assert login in server.admin("login", "list").stdout
    assert server.admin("login", "approve", login, "--user", "nobody", check=False).returncode == 1
    assert "is in the network" in server.admin("login", "approve", login, "--user", "owner").stdout
    assert asked.popen.wait(10) == 0
    assert "Success." in asked.output()
    assert server.admin("login", "approve", login, "--user", "owner", check=False).returncode == 1
    laptop.host.wait_for_ping(home.address())


def test_link_that_an_administrator_refuses(server, laptop):
    words = server.join_command()
    at = words.index("--auth-key")
    del words[at:at + 2]
    asked = laptop.host.start(WARREN, "--socket", laptop.socket, *words, "--hostname", "laptop")
    asked.wait_for_output("warren admin login approve")
    server.admin("login", "refuse", re.search(r"login approve (\S+)", asked.output())[1])
    assert asked.popen.wait(10) == 1
    assert "refused" in asked.output().lower(), asked.output()


def test_offline_machine_is_shown_so(server, net, home):
    office = net.nodes["office"]
    harness.wait_until(lambda: not home.peers()["office"]["Online"], "home to know", 20)
    assert "offline, last seen" in home.warren("status").stdout
    assert "offline" in next(line for line in server.admin("node", "list").stdout.splitlines() if " office " in line)
    office.start()
    harness.wait_until(lambda: home.peers()["office"]["Online"], "home to know")
    office.host.wait_for_ping(home.address())
