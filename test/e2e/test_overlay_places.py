"""Machines in every place of the lab join one network, reach home, and say by which way and why."""
import re

import pytest

import harness

PLACES = ("home", "neighbour", "hotel", "laptop", "office", "dualstack", "v6only")
CAPABILITIES = (1 << 12) | (1 << 13)  # CAP_NET_ADMIN, CAP_NET_RAW: capabilities(7)
MOST_MEMORY = 64 * 1024  # kB; bench measures, this notices what is grossly wrong


@pytest.fixture(scope="module")
def everywhere(overlay_lab):
    # By its name, as v6only has no way to an IPv4 address.
    overlay_lab.start_server(url="https://server")
    overlay_lab.join(*PLACES)
    return overlay_lab


@pytest.fixture
def nodes(everywhere, net):
    return everywhere.nodes


@pytest.mark.parametrize("label", PLACES[1:])
def test_place_reaches_home(nodes, label):
    node, home = nodes[label], nodes["home"]
    for version in (4, 6):
        node.host.wait_for_ping(home.address(version))
        home.host.wait_for_ping(node.address(version))


def test_machines_behind_ordinary_nats_find_the_direct_path(nodes):
    # CGNAT and home NAT on one side; the same, or another home, on the other.
    for label in ("neighbour", "dualstack"):
        node, home = nodes[label], nodes["home"]
        node.host.wait_for_ping(home.address())
        harness.wait_until(lambda: node.host.pings(home.address()) and node.is_direct_to(home), f"{label} direct to home", 20)
        row = next(line for line in node.warren("status").stdout.splitlines() if " home " in line)
        assert re.search(r"active; direct 198\.51\.100\.7:\d+", row), row
        assert "via 198.51.100.7:" in node.warren("ping", "home").stdout


def test_office_that_blocks_udp_uses_the_relay_and_says_why(nodes):
    office, home = nodes["office"], nodes["home"]
    office.host.wait_for_ping(home.address())
    harness.wait_until(lambda: "UDP is blocked on this network" in office.warren("status").stdout, "what is wrong")
    office.host.wait_for_ping(home.address())
    shown = office.warren("status").stdout
    row = next(line for line in shown.splitlines() if " home " in line)
    assert re.search(r'active; relay "home", .*not direct for \d+s: UDP is blocked here', row), row
    pinged = office.warren("ping", "-c", "1", "home", check=False)
    assert "via DERP(home)" in pinged.stdout
    assert pinged.returncode == 1 and "direct connection not established" in pinged.stderr
    assert office.warren("ping", "-c", "1", "--until-direct=false", "home").returncode == 0
    assert "UDP: false" in office.warren("netcheck").stdout


@pytest.mark.parametrize("label", ("laptop", "v6only"))
def test_place_without_a_direct_path_to_home_says_why(nodes, label):
    # The hotel's NAT is symmetric; v6only and home have no IP version in common.
    node, home = nodes[label], nodes["home"]
    node.host.wait_for_ping(home.address())
    harness.wait_until(lambda: node.host.pings(home.address()) and node.path_to(home) == "relayed", f"{label} relayed")
    path = node.peers()["home"]["Path"]
    assert path["Why"], path
    assert path["Why"] in node.warren("status").stdout
    assert "UDP is blocked" not in node.warren("status").stdout


def test_every_machine_sees_all_others_by_name(nodes):
    for node in nodes.values():
        peers = node.peers()
        assert set(peers) == set(PLACES) - {node.label}
        assert all(peer["Online"] for peer in peers.values())
    answer = nodes["laptop"].warren("whois", nodes["home"].address()).stdout
    assert "home" in answer and "owner" in answer
    assert nodes["laptop"].warren("ip", "-4", "home").stdout.strip() == nodes["home"].address()


def test_daemon_has_only_the_privileges_that_it_needs(nodes):
    status = nodes["home"].kernel_status()
    assert status["NoNewPrivs"] == "1"
    for kind in ("CapPrm", "CapEff"):
        assert int(status[kind], 16) == CAPABILITIES, kind
    for kind in ("CapInh", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert int(status["CapBnd"], 16) & ~CAPABILITIES == 0


def test_state_is_nobody_elses(nodes):
    home = nodes["home"]
    assert home.directory.stat().st_mode & 0o777 == 0o700
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in home.directory.iterdir() if path.is_file()}
    modes.pop("resolv.before-warren.conf", None)  # the host's own file as it was, which everybody may read
    assert modes == {"state.json": "0o600"}


def test_daemon_is_small(nodes):
    for node in nodes.values():
        status = node.kernel_status()
        resident, own = (int(status[name].split()[0]) for name in ("VmRSS", "RssAnon"))
        print(f"{node.label}: {resident} kB resident, {own} kB of that its own memory")
        assert resident < MOST_MEMORY
