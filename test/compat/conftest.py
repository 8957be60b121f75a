"""Fixtures: a lab that is always removed, a relay of theirs and one of ours, each on a host of its own."""
import functools
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import ours  # noqa: E402
import strangers  # noqa: E402


def pytest_configure(config):
    harness.die_with_signals()


@pytest.fixture(scope="session", autouse=True)
def prerequisites():
    reason = harness.why_not() or strangers.why_missing()
    if reason:
        pytest.skip(reason)
    harness.remove_stale()


@pytest.fixture
def lab():
    with harness.Lab() as lab:
        yield lab
        for log in lab.logs():
            print(log)  # pytest shows it if the test failed


@pytest.fixture
def hosts(lab):
    """relay eth0 10.9.0.1 ---- 10.9.0.2 eth0 nodes; fd09::1 and fd09::2"""
    relay, nodes = lab.host("relay"), lab.host("nodes")
    lab.link(relay, nodes)
    for number, host in ((1, relay), (2, nodes)):
        host.add_address("eth0", f"10.9.0.{number}/24", f"fd09::{number}/64")
    return relay, nodes


def need(name):
    reason = ours.why_missing(name)
    if reason:
        pytest.skip(reason)


def pytest_generate_tests(metafunc):
    """Both relays, and with each of them both clients: stock with stock shows that a test asks for nothing of its own."""
    kinds = ["stock", "ours"]
    if "client" in metafunc.fixturenames:
        pairs = [(client, relay) for relay in kinds for client in kinds]
        metafunc.parametrize("client_kind,relay_kind", pairs, ids=[f"{client}-at-{relay}" for client, relay in pairs])
    elif "relay_kind" in metafunc.fixturenames:
        metafunc.parametrize("relay_kind", kinds, ids=[f"at-{kind}" for kind in kinds])


@pytest.fixture
def make_relay(relay_kind, hosts):
    """Makes a relay that is not started: make_relay(address)."""
    if relay_kind == "ours":
        need(ours.Relay.program)
    return functools.partial(ours.Relay if relay_kind == "ours" else strangers.StockRelay, hosts[0])


@pytest.fixture
def relay(make_relay):
    return make_relay("10.9.0.1").start()


@pytest.fixture
def client(client_kind, relay, hosts):
    """Makes a relay client that has logged in: client("--key", …)."""
    if client_kind == "ours":
        need(ours.RelayClient.name)
    kind = ours.RelayClient if client_kind == "ours" else strangers.StockRelayClient

    def make(*options, address=None):
        one = kind(hosts[1], address or relay.address, *options)
        one.login = one.expect("connected")
        return one
    return make
