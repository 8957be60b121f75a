"""Our node on a stranger's server: the stock test server with a stock relay, beside a stock node, behind NATs.

    ours a -- home -- carrier --+
                                internet -- 203.0.113.10 stock relay, 10.99.0.1 stock server
    stock b ------------- home -+
"""
import dataclasses
import pathlib
import re

import pytest

import harness
import members
import network
import strangers

DOMAIN = "tailnet.example"
WORDS = "what strangers say to each other\n" * 4000


@dataclasses.dataclass
class Foreign:
    """What OurMember knows of a server; this one has no certificate."""
    url: str
    trusted: pathlib.Path


class Guest(members.OurMember):
    """Our node, told by its command line, without the server's key."""

    def join(self, *options):
        self.warren("up", "--login-server", self.server.url, "--hostname", self.name, "--timeout", "20s", *options)
        return self


@pytest.fixture(scope="module", autouse=True)
def programs(prerequisites):
    reason = members.why_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def homes(lab):
    return network.Homes(lab)


@pytest.fixture
def make_control(homes):
    relay = strangers.StockRelay(homes.relay, homes.relay_address).start()
    return lambda *options: strangers.StockControl(homes.relay, homes.control_address, relay.address, options=options)


@pytest.fixture
def make_guest(homes, lab):
    def make(control):
        nothing = lab.directory / "nothing"
        nothing.write_text("")
        return Guest(homes.a, Foreign(control.url, nothing)).start()
    return make


@pytest.fixture
def pair(homes, make_control, make_guest):
    """Makes the two nodes, which see each other."""
    def make():
        control = make_control()
        ours, stock = make_guest(control).join("--auth-key", "tskey-any"), strangers.StockNode(homes.b, control).start()
        harness.wait_until(stock.is_up, "the stock node to see ours", 30)
        ours.wait_until_online("b")
        return ours, stock
    return make


@pytest.fixture
def site(lab, homes):
    """Both machines serve a file: fetch it at ADDRESS{site}."""
    directory = lab.directory / "files"
    directory.mkdir()
    (directory / "words").write_text(WORDS)
    for host in (homes.a, homes.b):
        host.serve(directory)
    return ":8080/words"


def exchange(ours, stock, site):
    """TCP both ways."""
    assert ours.fetch(f"http://{stock.address()}{site}") == WORDS
    assert stock.host.fetch(f"http://{ours.address()}{site}").decode() == WORDS


def is_direct(ours, stock):
    ours.host.pings(stock.address())
    return stock.path().startswith("198.51.100.2:") and ours.peers()["b"]["CurAddr"] == "192.0.2.2:41641"


def test_joins_and_finds_the_direct_path(homes, pair, site):
    ours, stock = pair()
    homes.a.wait_for_ping(stock.address())
    exchange(ours, stock, site)
    harness.wait_until(lambda: is_direct(ours, stock), "the direct path", 30)
    exchange(ours, stock, site)
    assert ours.full_name() == f"a.{DOMAIN}." and ours.peers()["b"]["DNSName"] == f"b.{DOMAIN}."
    assert "192.0.2.2:41641" in ours.warren("ping", "-c", "1", "b")
    assert re.search(rf"{stock.address()}\s+b\s", ours.warren("status"))


def test_takes_the_strangers_relay(homes, pair, site):
    homes.block_udp()
    ours, stock = pair()
    homes.a.wait_for_ping(stock.address(), seconds=30)
    exchange(ours, stock, site)
    assert not stock.path() and not ours.peers()["b"]["CurAddr"]
    homes.unblock_udp()
    harness.wait_until(lambda: is_direct(ours, stock), "the direct path", 60)


def test_is_the_same_node_after_a_restart(homes, pair, site):
    ours, stock = pair()
    address = ours.address()
    ours.process.end()
    ours.start()
    harness.wait_until(lambda: ours.status()["BackendState"] == "Running", "our node to be back", 20)
    assert ours.address() == address
    ours.wait_until_online("b")
    homes.a.wait_for_ping(stock.address())
    exchange(ours, stock, site)


def test_logs_out_and_in_again(homes, pair):
    ours, stock = pair()
    ours.warren("logout")
    harness.wait_until(lambda: ours.status()["BackendState"] == "NeedsLogin", "our node to be out")
    ours.join("--auth-key", "tskey-any")
    ours.wait_until_online("b")
    homes.a.wait_for_ping(stock.address())


def test_shows_the_strangers_link_and_waits(homes, make_control, make_guest):
    control = make_control("--require-auth")
    ours = make_guest(control)
    asking = homes.a.start(members.WARREN, "--socket", ours.socket, "up", "--login-server", control.url, "--timeout", "60s")
    link = harness.wait_until(lambda: re.search(rf"{control.url}/\S+", asking.output()), "the link", 20)[0]
    assert ours.status()["BackendState"] == "NeedsLogin"
    control.command(f"complete {link}", "completed")
    assert '"known":true' in control.process.output()
    assert asking.popen.wait(30) == 0, asking.output()
    assert ours.status()["BackendState"] == "Running"


@pytest.mark.skip(reason="our node judges expiry by the server's clock only, and the clock of this server stands in 2020")
def test_needs_a_login_when_its_key_expires_and_not_when_that_is_taken_back(homes, pair, make_control):
    ours, stock = pair()
    control, address = stock.control, stock.address()
    control.command("expire true", "expired")
    harness.wait_until(lambda: ours.status()["BackendState"] == "NeedsLogin", "our node to be out")
    # By its device: the address is also that of a home router towards its carrier.
    harness.wait_until(lambda: not homes.a.pings(address, "-I", ours.device), "the tunnel to be gone")
    control.command("expire false", "expired")
    harness.wait_until(lambda: ours.status()["BackendState"] == "Running", "our node to be in again", 20)
    homes.a.wait_for_ping(address)
