"""Stock nodes that join our server and talk to our node."""
import dataclasses
import time

import pytest

import harness
import overlay

WORDS = "what strangers say to each other\n" * 4000
ADDRESS = "203.0.113.10"  # public: a stock node then asks for HTTPS


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
    reason = overlay.why_missing()
    if reason:
        pytest.skip(reason)
    return overlay.Server(places.server, ADDRESS, overlay.Authority(lab.directory / "authority")).start()


@pytest.fixture
def ours(places, server):
    return overlay.OurNode(places.ours, server).start().join()


@pytest.fixture
def make_stock(places, server):
    """Makes stock nodes that join; call wait_until_up() before use."""
    machines = iter((places.first, places.second))
    return lambda *options, **how: overlay.StockNode(next(machines), server, **how).start(*options)


@pytest.fixture
def site(lab, places, ours):
    """The URL of a file that our node's machine serves."""
    directory = lab.directory / "files"
    directory.mkdir()
    (directory / "words").write_text(WORDS)
    places.ours.serve(directory)
    return f"http://{ours.address()}:8080/words"


def exchange(ours, stock, site):
    """TCP connections both ways."""
    assert ours.fetch(f"http://{stock.address()}/") == f"{stock.name} sees {ours.name}.home.internal. of owner\n"
    assert stock.fetch(site) == WORDS


def test_exchanges_tcp_with_ours_both_ways_relayed_and_then_direct(places, make_stock, ours, site):
    places.block_udp_between_machines()
    stock = make_stock().wait_until_up()
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
    exchange(ours, stock, site)


def test_sees_and_is_seen(make_stock, ours, server):
    first, second = make_stock(), make_stock()
    members = (ours, first.wait_until_up(), second.wait_until_up())
    for node in members:
        for peer in members:
            if peer is not node:
                seen = node.wait_until_online(peer.name)
                assert seen["DNSName"] == f"{peer.name}.home.internal."
                assert sorted(seen["TailscaleIPs"]) == sorted(peer.status()["Self"]["TailscaleIPs"])
    second.stop()
    for node in (ours, first):
        node.wait_until_online("second", False, 40)
    assert not server.nodes()["second"]["online"]


def test_comes_back_after_a_restart_of_the_server(make_stock, ours, server, site):
    stock = make_stock().wait_until_up()
    ours.wait_until_online(stock.name)
    exchange(ours, stock, site)
    server.kill()
    exchange(ours, stock, site)
    server.start()
    started = time.monotonic()
    harness.wait_until(lambda: server.nodes()[stock.name]["online"], "the stock node to be back", 60)
    print(f"stock: back after {time.monotonic() - started:.1f} s")
    harness.wait_until(lambda: server.nodes()[ours.name]["online"], "our node to be back", 60)
    print(f"ours: back after {time.monotonic() - started:.1f} s")
    exchange(ours, stock, site)
    # What the server tells now arrives.
    server.admin("POST", f"nodes/{server.nodes()[ours.name]['id']}/rename", {"name": "other"})
    harness.wait_until(lambda: stock.peers()[ours.name]["DNSName"] == "other.home.internal.", "the new name")


def test_disappears_when_it_logs_out(make_stock, ours):
    stock = make_stock().wait_until_up()
    ours.wait_until_online(stock.name)
    stock.log_out()
    ours.wait_for_peer(stock.name, lambda peer: peer is None or peer.get("Expired"), "logged out")
    print("after logout", ours.peers())


def test_disappears_when_it_is_ephemeral_and_ends(make_stock, ours):
    stock = make_stock("--ephemeral").wait_until_up()
    ours.wait_until_online(stock.name)
    stock.stop()
    ours.wait_until_gone(stock.name)


def test_hears_that_its_key_expired(make_stock, ours, server):
    stock = make_stock().wait_until_up()
    ours.wait_until_online(stock.name)
    server.admin("POST", f"nodes/{server.nodes()[stock.name]['id']}/expire")
    harness.wait_until(lambda: stock.status()["BackendState"] == "NeedsLogin", "the stock node to ask for a login")
    ours.wait_for_peer(stock.name, lambda peer: peer["Expired"], "expired")


def test_needs_no_public_authority_if_it_trusts_the_certificate_of_the_server(lab, places):
    server = overlay.Server(places.server, ADDRESS).start()
    stranger = overlay.StockNode(places.second, server, trusted=lab.directory / "nothing").start()
    stock = overlay.StockNode(places.first, server).start().wait_until_up()
    assert server.nodes()[stock.name]["online"]
    stranger.process.wait_for_output("certificate signed by unknown authority")
