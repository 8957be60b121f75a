"""What a relay client and a relay must do for each other: theirs and ours in every combination.

Layouts and rules: spec, paths section 2. Tests that only a stock client can do (a TLS of its choice, wrong pins) ask for
`stock_client`.
"""
import dataclasses

import pytest

import harness
import strangers

WIREGUARD = bytes.fromhex("04000000") + bytes(60)  # data, which ours gives to another thread than the rest
DISCO = bytes.fromhex("5453f09f92ac") + bytes(56)  # the shortest packet that a relay takes for disco
UNKNOWN = "ab" * 32
DISCONNECTED, NOT_HERE = 0, 1  # PeerGone reasons


@pytest.fixture
def stock_client(relay, hosts):
    """Makes a stock client that need not get in."""
    return lambda *options, address=None: strangers.StockRelayClient(hosts[1], address or relay.address, *options)


def test_carries_packets_both_ways_in_order(client):
    first, second = client(), client()
    for number in range(30):  # fewer than the 32 that a stock relay queues
        first.send(second.key, b"ping %d" % number)
    for number in range(30):
        second.expect_packet(first.key, b"ping %d" % number)
    second.send(first.key, b"pong")
    first.expect_packet(second.key, b"pong")


@pytest.mark.parametrize("payload", [WIREGUARD, DISCO], ids=["wireguard", "disco"])
def test_carries_what_nodes_say_to_each_other(client, payload):
    first, second = client(), client()
    first.send(second.key, payload)
    second.expect_packet(first.key, payload)


@pytest.mark.parametrize("size", [0, 1, 1400, 65535, 65536])
def test_carries_packets_of_every_size(client, size):
    first, second = client(), client()
    payload = bytes(number % 251 for number in range(size))
    first.send(second.key, payload)
    second.expect_packet(first.key, payload)


def test_carries_packets_to_oneself(client):
    one = client()
    one.send(one.key, b"echo")
    one.expect_packet(one.key, b"echo")


def test_keeps_given_keys(client):
    private = "40" + "11" * 30 + "41"  # clamped
    one = client("--key", private)
    other = client()
    one.send(other.key, b"who")
    other.expect_packet(one.key, b"who")
    assert other.key != one.key


def test_answers_pings(client):
    one = client()
    assert one.ping() < 1
    assert one.ping() < 1


def test_takes_note_of_the_preferred_home(client):
    first, second = client(), client()
    first.command("prefer", "true")
    second.command("prefer", "false")
    first.send(second.key, b"still here")
    second.expect_packet(first.key, b"still here")


def test_says_when_a_peer_is_gone(client):
    first, second, third = client(), client(), client()
    first.send(second.key, b"hello")
    second.expect_packet(first.key, b"hello")
    first.quit()
    second.expect_gone(first.key, DISCONNECTED)
    third.ping()
    assert not [one for one in third.events() if one["event"] == "gone"], "told one who had nothing from it"


def test_says_that_a_peer_is_not_here_only_to_disco(client):
    one = client()
    one.send(UNKNOWN, b"data")
    one.ping()  # what the data could have brought would be here
    assert not [event for event in one.events() if event["event"] == "gone"]
    one.send(UNKNOWN, DISCO)
    one.expect_gone(UNKNOWN, NOT_HERE)


def test_delivers_to_the_connection_of_a_key_that_was_last_active(client):
    private = "48" + "22" * 30 + "42"
    older, sender = client("--key", private), client()
    newer = client("--key", private)
    newer.ping()
    sender.send(newer.key, b"to the newest")
    newer.expect_packet(sender.key, b"to the newest")
    older.send(sender.key, b"I am back")
    sender.expect_packet(older.key, b"I am back")
    sender.send(older.key, b"to the last that sent")
    older.expect_packet(sender.key, b"to the last that sent")


def test_is_found_again_after_a_restart(client, relay):
    first, second = client(), client()
    relay.process.end()
    first.expect("lost")
    relay.start()
    again = first.expect("connected", generation=2)
    second.expect("connected", generation=2)
    assert again.get("server") == first.login.get("server")  # the relay's key, which only stock tells
    first.send(second.key, b"back")
    second.expect_packet(first.key, b"back")


def test_shows_its_key_in_a_certificate_for_fast_start(relay, stock_client):
    login = stock_client().expect("connected")
    assert login["tls"] == "1.3"
    assert login["certificates"][-1] == f"derpkey{login['server']}"


def test_upgrades_with_an_answer_when_there_is_no_fast_start(relay, stock_client):
    first, second = stock_client("--tls12"), stock_client()
    assert first.expect("connected")["tls"] == "1.2"
    second.expect("connected")
    first.send(second.key, b"old")
    second.expect_packet(first.key, b"old")


def test_is_known_by_its_certificate_alone(relay, stock_client):
    wrong = dataclasses.replace(relay.address, pin="sha256-raw:" + "00" * 32)
    assert "cert hash" in stock_client(address=wrong).expect("lost")["error"]


def test_refuses_the_rights_of_a_sibling(relay, stock_client):
    stranger = stock_client("--mesh-key", "cd" * 32)
    stranger.expect("lost")
    assert not [event for event in stranger.events() if event["event"] == "present"]


def test_is_reached_over_ipv6(make_relay, relay_kind, hosts):
    # Its name stays an IPv4 address: a stock client can't connect to a relay on port 443 whose HostName is a bare IPv6
    # address ("invalid port").
    relay = make_relay("10.9.0.1", listen="::").start()
    six = dataclasses.replace(relay.address, host="fd09::1")
    first, second = (strangers.StockRelayClient(hosts[1], six) for _ in range(2))
    second.expect("connected")
    first.send(second.key, b"six")
    second.expect_packet(first.key, b"six")


@pytest.mark.parametrize("path,status", [("/derp/probe", 200), ("/derp/latency-check", 200), ("/generate_204", 204),
                                         ("/derp", 426)])
def test_answers_plain_requests(relay, hosts, path, status):
    url = f"https://{relay.address.host}:{relay.address.port}{path}"
    seen = hosts[1].run("curl", "-ksS", "--http1.1", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", url).stdout
    assert int(seen) == status


def test_answers_the_challenge_of_a_captive_portal_check(relay, hosts):
    url = f"https://{relay.address.host}:{relay.address.port}/generate_204"
    head = hosts[1].run("curl", "-ksSi", "--http1.1", "--noproxy", "*", "-H", "X-Tailscale-Challenge: ts_relay.example",
                        url).stdout.lower()
    assert "x-tailscale-response: response ts_relay.example" in head


@pytest.mark.parametrize("version", [4, 6])
def test_tells_addresses_by_stun(make_relay, relay_kind, hosts, version):
    make_relay("10.9.0.1", listen="::").start()
    seen, own = strangers.stock_stun(hosts[1], "10.9.0.1:3478" if version == 4 else "[fd09::1]:3478")
    assert seen == own


def test_ignores_what_is_no_stun_request(relay, hosts):
    before = hosts[0].udp_counters()["sent"]
    script = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); " \
             f"[s.sendto(bytes([n]) * (n + 1), ('10.9.0.1', {relay.address.stun_port})) for n in range(200)]"
    hosts[1].run(harness.PYTHON, "-c", script)
    strangers.stock_stun(hosts[1], f"10.9.0.1:{relay.address.stun_port}")
    assert hosts[0].udp_counters()["sent"] == before + 1
