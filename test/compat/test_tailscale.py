"""Stock Tailscale clients, the daemon with its device and command line, on our server and beside our node; the newest
version and one of about two years before it.

    ours a -- home -- carrier --+
                                internet -- 203.0.113.10 our server with relay, a certificate of the lab's authority
    stock b ------------- home -+
"""
import json
import re
import signal

import pytest

import harness
import members
import network
import tailscale

OURS, THEIRS = "198.51.100.2", "192.0.2.2"  # what the internet sees of the two
DOMAIN = "home.internal"
RESOLVER = "100.100.100.100"
WORDS = "what strangers say to each other\n" * 4000
RELEASES = {"newest": tailscale.NEWEST, "older": tailscale.OLDER}


@pytest.fixture(scope="module", autouse=True)
def programs(prerequisites):
    reason = members.why_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(params=RELEASES, scope="module")
def release(request):
    release = RELEASES[request.param]
    reason = release.why_missing()
    if reason:
        pytest.skip(reason)
    print(f"stock client {release.version}")
    return release


@pytest.fixture
def homes(lab):
    return network.Homes(lab)


@pytest.fixture
def server(lab, homes):
    return members.Server(homes.relay, homes.relay_address, members.Authority(lab.directory / "authority")).start()


@pytest.fixture
def ours(homes, server):
    return members.OurMember(homes.a, server).start().join()


@pytest.fixture
def stock(homes, server, release):
    """Started, and not in any network."""
    return tailscale.Tailscale(homes.b, server, release).start()


@pytest.fixture
def sites(lab, homes):
    """Both machines serve a file: fetch it at ADDRESS{sites}."""
    directory = lab.directory / "files"
    directory.mkdir()
    (directory / "words").write_text(WORDS)
    for host in (homes.a, homes.b):
        host.serve(directory)
    return ":8080/words"


def meet(ours, stock):
    for node, peer in ((ours, stock), (stock, ours)):
        node.wait_until_online(peer.name)


def exchange(ours, stock, sites):
    """TCP both ways."""
    assert ours.fetch(f"http://{stock.address()}{sites}") == WORDS
    assert stock.fetch(f"http://{ours.address()}{sites}") == WORDS


def is_direct(ours, stock):
    ours.host.pings(stock.address())
    return stock.path_to(ours).startswith(f"{OURS}:") and ours.peers()[stock.name]["CurAddr"] == f"{THEIRS}:41641"


def is_relayed(ours, stock):
    return not stock.path_to(ours) and not ours.peers()[stock.name]["CurAddr"]


def wait_until_direct(ours, stock, seconds=30):
    harness.wait_until(lambda: is_direct(ours, stock), "a direct path", seconds)


def test_is_a_member_as_any_other(homes, server, ours, stock, sites):
    stock.join()
    meet(ours, stock)
    assert stock.versions().startswith(stock.release.version)

    # Each knows the other, by command line as a user asks.
    assert re.search(rf"{stock.address()}\s+b\s+owner\S*\s+linux", ours.warren("status")), ours.warren("status")
    assert re.search(rf"{ours.address()}\s+a\s+owner\S*\s+linux", stock.tailscale("status").stdout)
    assert stock.full_name() == f"b.{DOMAIN}."
    assert stock.tailscale("ip").stdout.split() == [stock.address(), stock.address(6)]
    assert stock.tailscale("ip", "a").stdout.split() == [ours.address(), ours.address(6)]
    assert f"a.{DOMAIN}" in stock.tailscale("whois", ours.address()).stdout
    assert "owner" in stock.tailscale("whois", f"{ours.address()}:80").stdout
    report = json.loads(stock.tailscale("netcheck", "--format", "json").stdout.partition("{")[1] +
                        stock.tailscale("netcheck", "--format", "json").stdout.partition("{")[2])
    assert report["UDP"] and report["PreferredDERP"] == 901 and report["GlobalV4"].startswith(f"{THEIRS}:")

    # Direct, by what the wire shows.
    wait_until_direct(ours, stock)
    capture = homes.internet.start("tcpdump", "-n", "-l", "-i", "any", "-c", "20", f"udp and host {OURS} and host {THEIRS}")
    capture.wait_for_output("listening on")
    exchange(ours, stock, sites)
    harness.wait_until(lambda: not capture.is_running(), "the direct packets")
    flows = set(re.findall(r"IP (\S+) > (\S+): UDP", capture.output()))
    ports = {port for port, _ in flows if port.startswith(OURS)}
    assert flows == {(port, f"{THEIRS}.41641") for port in ports} | {(f"{THEIRS}.41641", port) for port in ports}, flows
    assert f"via {OURS}:" in stock.ping("a"), stock.ping("a")
    assert "via TSMP" in stock.ping("a", "--tsmp"), stock.ping("a", "--tsmp")
    assert "via ICMP" in stock.ping("a", "--icmp"), stock.ping("a", "--icmp")
    assert f"via {THEIRS}:41641" in ours.warren("ping", "-c", "1", "b")

    # Both ways, both families, and by name.
    for version, ping in ((4, "-4"), (6, "-6")):
        assert homes.a.pings(stock.address(version), ping) and homes.b.pings(ours.address(version), ping)
    assert ours.fetch(f"http://[{stock.address(6)}]{sites}") == WORDS
    assert stock.fetch(f"http://[{ours.address(6)}]{sites}") == WORDS
    for name in ("a", f"a.{DOMAIN}"):
        assert ours.address() in stock.resolve(name)
        assert stock.fetch(f"http://{name}{sites}") == WORDS


def test_joins_when_a_person_approves(server, ours, stock):
    with stock.asking_for_a_login() as link:
        login = link.rpartition("/")[2]
        waiting = server.warren("login", "list")
        assert [(one["id"], one["hostname"]) for one in waiting["logins"]] == [(login, "b")]
        assert not ours.peers()
        server.warren("login", "approve", login, "--user", "owner")
    stock.wait_for_state("Running")
    meet(ours, stock)


def test_is_refused_with_a_reason(stock):
    refused = stock.tailscale("up", "--login-server", stock.url, "--auth-key", "wrong", "--timeout", "20s", check=False)
    assert refused.returncode != 0 and "key" in refused.stderr, refused.stderr


def test_changes_its_name_leaves_and_comes_back(server, ours, stock):
    stock.join()
    meet(ours, stock)
    address = stock.address()
    stock.tailscale("set", "--hostname", "parlour")
    ours.wait_for_peer("parlour", lambda peer: peer and peer["DNSName"] == f"parlour.{DOMAIN}.", "renamed")
    server.warren("node", "rename", "parlour", "kitchen")
    harness.wait_until(lambda: stock.full_name() == f"kitchen.{DOMAIN}.", "its own new name")
    harness.wait_until(lambda: f"kitchen.{DOMAIN}." in {one["DNSName"] for one in ours.peers().values()}, "the new name at ours")
    server.warren("node", "rename", "a", "cellar")
    harness.wait_until(lambda: ours.address() in stock.resolve("cellar"), "the new name of ours")
    assert stock.resolve(f"a.{DOMAIN}") == []

    stock.tailscale("logout")
    stock.wait_for_state("NeedsLogin")
    ours.wait_for_peer("parlour", lambda peer: peer is None or peer.get("Expired"), "out")
    stock.join("--hostname", "parlour", "--reset")  # v1.76 does not know its own settings after a logout
    stock.wait_for_state("Running")
    assert stock.address() == address
    ours.wait_for_peer("parlour", lambda peer: peer["Online"] and not peer.get("Expired"), "back")
    harness.wait_until(lambda: ours.host.pings(address), "answers after the new login")


def test_goes_down_and_up_again(ours, stock):
    stock.join()
    meet(ours, stock)
    address = stock.address()
    stock.tailscale("down")
    ours.wait_until_online("b", False)
    stock.up()
    ours.wait_until_online("b")
    assert stock.address() == address
    ours.host.wait_for_ping(address)


def test_is_the_same_node_after_its_own_restart(ours, stock):
    stock.join()
    meet(ours, stock)
    address = stock.address()
    stock.stop()
    ours.wait_until_online("b", False)
    stock.start()
    ours.wait_until_online("b")
    assert stock.address() == address
    wait_until_direct(ours, stock)


def test_takes_the_relay_while_udp_is_blocked_and_the_direct_path_afterwards(homes, ours, stock, sites):
    stock.join()
    meet(ours, stock)
    wait_until_direct(ours, stock)
    homes.block_udp()
    homes.a.wait_for_ping(stock.address(), seconds=30)
    exchange(ours, stock, sites)
    harness.wait_until(lambda: is_relayed(ours, stock), "the relayed path", 30)
    homes.unblock_udp()
    wait_until_direct(ours, stock, 60)
    exchange(ours, stock, sites)


def test_is_reached_by_relay_alone(homes, ours, stock, sites):
    homes.block_udp()
    stock.join()
    meet(ours, stock)
    homes.a.wait_for_ping(stock.address(), seconds=30)
    exchange(ours, stock, sites)
    assert is_relayed(ours, stock)
    assert "via DERP(home)" in stock.ping("a"), stock.ping("a")


def test_bears_a_restart_of_the_server(server, ours, stock, sites):
    stock.join()
    meet(ours, stock)
    wait_until_direct(ours, stock)
    server.process.end()
    exchange(ours, stock, sites)
    server.start()
    harness.wait_until(lambda: server.streams() == 2, "both to be back", 60)
    server.warren("node", "rename", "a", "cellar")
    stock.wait_for_peer("a", lambda peer: peer["DNSName"] == f"cellar.{DOMAIN}.", "renamed")
    exchange(ours, stock, sites)


def test_bears_a_crash_of_the_relay(homes, server, ours, stock, sites):
    homes.block_udp()
    stock.join()
    meet(ours, stock)
    homes.a.wait_for_ping(stock.address(), seconds=30)
    server.kill()
    server.start()
    homes.a.wait_for_ping(stock.address(), seconds=60)
    exchange(ours, stock, sites)
    harness.wait_until(lambda: server.streams() == 2, "both to be back", 60)


def test_is_out_when_its_key_is_expired_and_in_again_with_another(server, ours, stock):
    stock.join()
    meet(ours, stock)
    address = stock.address()
    ours.host.wait_for_ping(address)
    server.warren("node", "expire", "b")
    stock.wait_for_state("NeedsLogin")
    ours.wait_for_peer("b", lambda peer: peer["Expired"], "expired")
    harness.wait_until(lambda: not ours.host.pings(address), "the tunnel to be gone")
    with stock.asking_for_a_login() as link:
        server.warren("login", "approve", link.rpartition("/")[2], "--user", "owner")
    stock.wait_for_state("Running")
    ours.wait_for_peer("b", lambda peer: not peer.get("Expired") and peer["Online"], "in again")
    assert stock.address() == address
    ours.host.wait_for_ping(address)
    stock.join("--force-reauth")
    assert stock.address() == address
    ours.host.wait_for_ping(address)


def test_disappears_when_its_key_is_for_machines_that_come_and_go(server, ours, stock):
    key = server.warren("key", "create", "--user", "owner", "--ephemeral")["key"]
    stock.up("--auth-key", key)
    meet(ours, stock)
    stock.tailscale("logout")
    ours.wait_until_gone("b")
    assert "b" not in server.nodes()


def test_resolves_what_the_servers_settings_say(homes, server, ours, stock):
    stock.join()
    meet(ours, stock)
    homes.relay.start(harness.PYTHON, tailscale.HERE / "resolver.py", homes.relay_address, "db.corp.example=192.0.2.77",
                      "www.example.net=192.0.2.78")
    record = {"name": f"printer.{DOMAIN}", "value": "192.168.2.9"}
    elsewhere = {"name": "wiki.example.org", "value": "2001:db8::9"}
    server.reload(dns={"split": {"corp.example": [homes.relay_address]}, "search": ["corp.example"], "records": [record, elsewhere]})
    harness.wait_until(lambda: stock.resolve(f"printer.{DOMAIN}") == ["192.168.2.9"], "the record")
    assert stock.resolve("wiki.example.org") == ["2001:db8::9"]
    harness.wait_until(lambda: stock.resolve("db.corp.example") == ["192.0.2.77"], "the answer of the domain's resolver")
    assert stock.resolve("db") == ["192.0.2.77"]
    assert stock.resolve("www.example.net") == []
    server.reload(dns={"resolvers": [homes.relay_address], "override": True})
    harness.wait_until(lambda: stock.resolve("www.example.net") == ["192.0.2.78"], "the answer of the resolver for all")
    assert ours.address() in stock.resolve("a")
    server.reload(dns={"magic": False})
    harness.wait_until(lambda: stock.resolve(f"a.{DOMAIN}") == [], "names to be off")


@pytest.mark.parametrize("release", ["newest"], indirect=True)
def test_needs_no_certificate_when_it_is_told_the_plain_address(lab, homes, release, sites):
    """Plain HTTP for the first contact, Noise inside; the relay is known by its pin. Also after a restart within the two
    minutes in which a stock client that lost its connection asks for HTTPS only."""
    nothing = lab.directory / "nothing"
    nothing.write_text("")
    server = members.Server(homes.relay, homes.relay_address).start()
    ours = members.OurMember(homes.a, server, trusted=nothing).start().join()
    stock = tailscale.Tailscale(homes.b, server, release, url=f"http://{homes.relay_address}", trusted=nothing).start().join()
    meet(ours, stock)
    homes.a.wait_for_ping(stock.address())
    exchange(ours, stock, sites)
    server.process.end(signal.SIGKILL)
    server.start()
    harness.wait_until(lambda: server.streams() == 2, "both to be back", 60)
    stock.stop()
    ours.wait_until_online("b", False)
    stock.start()
    ours.wait_until_online("b", seconds=40)
    exchange(ours, stock, sites)


def test_has_the_tags_that_its_key_allows(server, ours, stock):
    key = server.warren("key", "create", "--tag", "tag:web", "--tag", "tag:db")["key"]
    refused = stock.tailscale("up", "--login-server", stock.url, "--auth-key", key, "--advertise-tags", "tag:other",
                              "--timeout", "20s", check=False)
    assert refused.returncode != 0 and "tag:other" in refused.stderr, refused.stderr
    stock.up("--auth-key", key, "--advertise-tags", "tag:web")
    meet(ours, stock)
    for node in (stock.status()["Self"], ours.peers()["b"]):
        assert node["Tags"] == ["tag:web"]
    assert "tag:web" in stock.tailscale("whois", stock.address()).stdout
    assert "KeyExpiry" not in stock.status()["Self"]
    ours.host.wait_for_ping(stock.address())
