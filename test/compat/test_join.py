"""Stock nodes that join our server and talk to our node."""
import dataclasses
import itertools
import subprocess
import time

import pytest

import harness
import members
import strangers
from nodes import json_lines

WORDS = "what strangers say to each other\n" * 4000
DOMAIN = "home.internal."
ADDRESS = "203.0.113.10"  # public: a stock node then asks for HTTPS


@pytest.fixture(scope="module", autouse=True)
def programs(prerequisites):
    reason = members.why_missing()
    if reason:
        pytest.skip(reason)


@dataclasses.dataclass
class Places:
    """A server and three machines, each on a link of its own to the router."""
    router: harness.Host
    server: harness.Host
    ours: harness.Host
    first: harness.Host
    second: harness.Host

    def block_udp_between_machines(self):
        """From now on; the relay and STUN stay within reach."""
        self.router.run("nft", "-f", "-", text=f"""
table inet block {{
  chain forward {{
    type filter hook forward priority 0;
    ip saddr != {ADDRESS} ip daddr != {ADDRESS} meta l4proto udp drop;
  }}
}}
""")

    def unblock_udp(self):
        self.router.run("nft", "delete", "table", "inet", "block")


@pytest.fixture
def places(lab):
    names = ("router", "server", "ours", "first", "second")
    places = Places(*map(lab.host, names))
    places.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for number, (host, address) in enumerate(((places.server, ADDRESS), (places.ours, "192.0.2.10"),
                                              (places.first, "198.51.100.10"), (places.second, "198.18.0.10"))):
        lab.link(host, places.router)
        gateway = address.rpartition(".")[0] + ".1"
        host.add_address("eth0", f"{address}/24")
        places.router.add_address(f"eth{number}", f"{gateway}/24")
        host.ip("route", "add", "default", "via", gateway)
    return places


@pytest.fixture
def server(lab, places):
    return members.Server(places.server, ADDRESS, members.Authority(lab.directory / "authority")).start()


@pytest.fixture
def ours(places, server):
    return members.OurMember(places.ours, server).start().join()


@pytest.fixture
def make_stock(places, server):
    """Makes stock nodes, which are not started."""
    machines = iter((places.first, places.second))
    return lambda: members.StockMember(next(machines), server)


@pytest.fixture
def words(lab):
    """A directory with a file to serve."""
    directory = lab.directory / "files"
    directory.mkdir()
    (directory / "words").write_text(WORDS)
    return directory


@pytest.fixture
def site(places, ours, words):
    """The path of a file that our node's machine serves, behind its address or name."""
    places.ours.serve(words)
    return ":8080/words"


def exchange(ours, stock, site):
    """TCP connections both ways, and that the stock node knows who asks."""
    assert ours.fetch(f"http://{stock.address()}/") == f"{stock.name} sees {ours.full_name()} of owner\n"
    assert stock.fetch(f"http://{ours.address()}{site}") == WORDS


def test_exchanges_tcp_with_ours_both_ways_relayed_and_then_direct(places, make_stock, ours, site):
    places.block_udp_between_machines()
    stock = make_stock().join().wait_until_up()
    for node, peer in ((ours, stock), (stock, ours)):
        node.wait_until_online(peer.name)
    exchange(ours, stock, site)
    assert not ours.peers()[stock.name]["CurAddr"] and not stock.peers()[ours.name]["CurAddr"]

    places.unblock_udp()

    def is_direct():
        exchange(ours, stock, site)
        return ours.peers()[stock.name]["CurAddr"] and stock.peers()[ours.name]["CurAddr"]
    harness.wait_until(is_direct, "a direct path", 30)
    assert ours.peers()[stock.name]["CurAddr"].startswith("198.51.100.10:")
    assert stock.peers()[ours.name]["CurAddr"] == "192.0.2.10:41641"
    assert ours.fetch(f"http://[{stock.address(6)}]/")
    assert stock.fetch(f"http://[{ours.address(6)}]{site}") == WORDS
    assert stock.fetch(f"http://{ours.name}{site}") == WORDS  # a stock node knows names of its own accord


def test_sees_and_is_seen(make_stock, ours, server):
    first, second = make_stock().join(), make_stock().join()
    everybody = (ours, first.wait_until_up(), second.wait_until_up())
    for node, peer in itertools.permutations(everybody, 2):
        seen = node.wait_until_online(peer.name)
        assert seen["DNSName"] == peer.full_name() == f"{peer.name}.{DOMAIN}"
        assert sorted(seen["TailscaleIPs"]) == sorted(peer.status()["Self"]["TailscaleIPs"])
    second.stop()
    for node in (ours, first):
        node.wait_until_online(second.name, False)
    assert not server.nodes()[second.name]["online"]


def test_comes_back_after_a_crash_of_the_server(make_stock, ours, server, site):
    stock = make_stock().join().wait_until_up()
    ours.wait_until_online(stock.name)
    exchange(ours, stock, site)
    server.kill()
    exchange(ours, stock, site)
    with stock.paused():
        server.start()
        harness.wait_until(lambda: server.streams() == 1, "our node to be back")
        server.rename(ours, "other")
        harness.wait_until(lambda: ours.full_name() == f"other.{DOMAIN}", "the new name")
        assert stock.name in ours.peers()  # who is not back yet was not forgotten
    started = time.monotonic()
    harness.wait_until(lambda: server.streams() == 2, "the stock node to be back", 60)
    print(f"the stock node was back after {time.monotonic() - started:.1f} s")
    stock.wait_for_peer(ours.name, lambda peer: peer["DNSName"] == ours.full_name(), "renamed")
    exchange(ours, stock, site)


def test_is_the_same_node_after_its_own_crash(make_stock, ours, server, site):
    stock = make_stock().join().wait_until_up()
    before = ours.wait_until_online(stock.name)
    address = stock.address()
    stock.kill()
    stock.start().wait_until_up()  # without the auth key
    assert stock.address() == address
    after = ours.wait_until_online(stock.name)
    assert (after["ID"], after["PublicKey"]) == (before["ID"], before["PublicKey"])
    exchange(ours, stock, site)


def test_joins_without_a_key_when_an_administrator_approves(make_stock, ours, server):
    stock = make_stock().start()
    login = harness.wait_until(server.logins, "the login to wait for approval")[0]
    assert login["hostname"] == stock.name
    assert not ours.peers()
    stock.process.wait_for_output(f"{server.url}/register/{login['id']}")
    server.approve(login)
    stock.wait_until_up()
    ours.wait_until_online(stock.name)


def test_is_expired_when_it_has_logged_out(make_stock, ours):
    stock = make_stock().join().wait_until_up()
    ours.wait_until_online(stock.name)
    stock.log_out()
    ours.wait_for_peer(stock.name, lambda peer: peer["Expired"], "expired")


def test_disappears_when_it_is_ephemeral_and_ends(make_stock, ours):
    stock = make_stock().join("--ephemeral").wait_until_up()
    ours.wait_until_online(stock.name)
    stock.stop()
    ours.wait_until_gone(stock.name)


def test_asks_for_a_login_when_its_key_is_expired(make_stock, ours, server):
    stock = make_stock().join().wait_until_up()
    ours.wait_until_online(stock.name)
    server.expire(stock)
    harness.wait_until(lambda: stock.status()["BackendState"] == "NeedsLogin", "the stock node to ask for a login")
    ours.wait_for_peer(stock.name, lambda peer: peer["Expired"], "expired")


def test_trusts_no_certificate_that_the_server_signed_itself_unless_it_is_told(lab, places, words):
    """Ours trusts it by the join command and the pin of the relay map; a stock node only for the relay."""
    nothing = lab.directory / "nothing"
    server = members.Server(places.server, ADDRESS).start()
    stranger = members.StockMember(places.second, server, trusted=nothing).join()
    places.block_udp_between_machines()
    ours = members.OurMember(places.ours, server, trusted=nothing).start().join()
    stock = members.StockMember(places.first, server).join().wait_until_up()
    places.ours.serve(words)
    ours.wait_until_online(stock.name)
    exchange(ours, stock, ":8080/words")
    stranger.process.wait_for_output("certificate signed by unknown authority")


def test_bears_a_crowd_that_joins_at_once(lab, places, ours, server):
    """Fifty nodes in one process; each then fetches a page of the next one, by name."""
    crowd = places.first.start(
        strangers.STOCK, "crowd", "--control", server.url, "--auth-key", server.auth_key(), "--count", 50, "--state",
        lab.directory / "crowd", stdin=subprocess.PIPE,
        environment={"SSL_CERT_FILE": str(server.trusted), "TS_LOGS_DIR": str(lab.directory), "TS_NO_LOGS_NO_SUPPORT": "true",
                     "TS_PANIC_IF_HIT_MAIN_CONTROL": "1"})
    for event in ("joined", "met", "fetched"):
        crowd.wait_for_output(f'"event":"{event}"', 240)
    for event in json_lines(crowd):
        print(f"{event['event']} after {event['seconds']:.1f} s")
    harness.wait_until(lambda: len([peer for peer in ours.peers().values() if peer["Online"]]) == 50, "all 50 at ours", 20)
    assert server.streams() == 51
