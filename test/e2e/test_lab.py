"""The lab's router, held against its configuration from outside. Times are only ever asserted as lower bounds."""
import concurrent.futures
import os
import re
import signal
import socket
import time

import pytest

import classifier
import harness
import internet

SERVERS = ("198.51.100.1", "198.51.100.2")
HOSTS = ("192.168.1.10", "192.168.1.11")

NATS = {
    "easy": {},
    "full-cone": {"filtering": "endpoint_independent"},
    "restricted": {"filtering": "address", "hairpin": "external_source"},
    "hairpin-inside": {"filtering": "endpoint_independent", "hairpin": "internal_source"},
    "hairpin-strict": {"hairpin": "external_source"},
    "symmetric": {"mapping": "address_and_port", "ports": "random"},
    "by-address": {"mapping": "address", "filtering": "address"},
    "open-symmetric": {"mapping": "address_and_port", "filtering": "endpoint_independent"},
    "parity": {"ports": "preserve_parity"},
    "sequential": {"mapping": "address_and_port", "ports": "sequential_global"},
    "own-sequence": {"ports": "sequential_per_host", "filtering": "address"},
    "blocks": {"ports": "random", "ports_per_host": 512},
}
DEFAULTS = {"mapping": "endpoint_independent", "filtering": "address_and_port", "ports": "preserve", "hairpin": "off"}

TCP_SECONDS = 30.0


@pytest.fixture(scope="module", autouse=True)
def program():
    reason = internet.why_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def net(lab):
    return internet.Internet(lab)


@pytest.fixture(scope="module")
def surroundings():
    """All NATs beside each other; the two hosts move from one to the next."""
    with harness.Lab() as own:
        net = internet.Internet(own)
        for number, (name, nat) in enumerate(NATS.items(), 1):
            net.router(name, addresses=["192.168.1.1"], nat={"external": [f"203.0.113.{number}"], **nat})
        first = next(iter(NATS))
        sites = {"hosts": [(net.host(f"host{i}", f"{address}/24", behind=first), address) for i, address in enumerate(HOSTS)],
                 "servers": [(net.host(f"server{i}", f"{address}/24"), address) for i, address in enumerate(SERVERS)]}
        net.start()
        yield net, sites


@pytest.mark.parametrize("name", NATS)
def test_a_nat_is_found_to_be_what_it_was_configured_to_be(surroundings, name):
    net, sites = surroundings
    for number in range(len(HOSTS)):
        net.move(f"host{number}", behind=name)
    with classifier.Classifier(**sites) as judge:
        found = judge.classify()
    configured = {key: NATS[name].get(key, default) for key, default in DEFAULTS.items() if key in found}
    if "ports_per_host" in NATS[name]:
        configured["ports"] = found["ports"]  # few random ports in a block may look like anything
    assert found == configured


def echo(server, client, payload=b"x"):
    """One datagram to the server and back; returns the client as the server saw it."""
    client.sendto(payload, server.getsockname())
    data, source = server.recvfrom(2000)
    server.sendto(data, source)
    assert client.recvfrom(2000)[0] == payload
    return source


def transfer(source, destination, address, size):
    """Moves bytes over TCP to the destination, which has the address, and checks that they are the same."""
    return _move(source, destination, address, size, upwards=True)


def fetch(client, server, address, size):
    """As transfer, the other way."""
    return _move(client, server, address, size, upwards=False)


def _move(client, server, address, size, upwards):
    with internet.tcp(server, address, TCP_SECONDS) as listener, internet.tcp(client, address, TCP_SECONDS) as there:
        listener.bind((address, 8080))
        listener.listen()
        there.connect((address, 8080))
        here, _ = listener.accept()
        sender, receiver = (there, here) if upwards else (here, there)
        payload = os.urandom(size)

        def send():
            sender.sendall(payload)
            sender.shutdown(socket.SHUT_WR)

        with here, concurrent.futures.ThreadPoolExecutor(1) as pool:
            here.settimeout(TCP_SECONDS)
            sent = pool.submit(send)
            received = b"".join(iter(lambda: receiver.recv(1 << 16), b""))
            sent.result()
        return received == payload


@pytest.fixture
def home(net):
    """A laptop behind a home router, and a server."""
    net.router("home", addresses=["192.168.1.1"], nat={"external": ["203.0.113.1"]}, firewall={"is_stateful": True})
    net.server = net.host("server", "198.51.100.1/24", "2001:db8:2::1/64")
    net.laptop = net.host("laptop", "192.168.1.10/24", "2001:db8:1::10/64", behind="home")
    net.start()
    return net


def test_ports_run_out_and_sessions_time_out(net):
    net.router("home", nat={"external": ["203.0.113.1"], "ports_per_host": 8, "refresh": "outbound",
                            "udp_unreplied_timeout": "300ms", "udp_timeout": "300ms"})
    server = net.host("server", "198.51.100.1/24")
    laptop = net.host("laptop", "192.168.1.10/24", behind="home")
    net.start()
    outside = internet.udp(server, "198.51.100.1", 3478)
    began = time.monotonic()
    insides = [internet.udp(laptop, "192.168.1.10") for _ in range(9)]
    for inside in insides:
        inside.sendto(b"x", outside.getsockname())
    external = [outside.recvfrom(100)[1] for _ in range(8)]
    harness.wait_until(lambda: net.drops("home", "nat_no_ports") == 1, "the ninth to find no port")

    def is_forgotten():
        outside.sendto(b"x", external[-1])
        return net.drops("home", "nat_no_mapping") > 0

    harness.wait_until(is_forgotten, "the end of a session")
    assert time.monotonic() - began >= 0.3
    for inside in insides:
        inside.close()
    outside.close()


def test_homes_behind_a_carriers_nat(net):
    """CGNAT x home NAT; neighbours reach each other through the carrier's inside and, with hairpin, its outside."""
    net.router("carrier", addresses=["100.64.0.1"], nat={"external": ["203.0.113.1"], "filtering": "endpoint_independent",
                                                         "hairpin": "external_source", "ports": "random"})
    for number in (1, 2):
        net.router(f"home{number}", behind="carrier", addresses=["192.168.1.1"],
                   nat={"external": [f"100.64.0.1{number}"], "filtering": "endpoint_independent"})
    server = internet.udp(net.host("server", "198.51.100.1/24"), "0.0.0.0", 3478)
    laptops = [net.host(f"laptop{n}", "192.168.1.10/24", behind=f"home{n}") for n in (1, 2)]
    net.start()
    sockets = [internet.udp(laptop, "192.168.1.10", 5000) for laptop in laptops]
    seen = []
    for client in sockets:
        client.sendto(b"x", ("198.51.100.1", 3478))
        seen.append(server.recvfrom(100)[1])
    assert [address for address, _ in seen] == ["203.0.113.1"] * 2
    assert seen[0] != seen[1]
    sockets[0].sendto(b"through the carrier's outside", seen[1])
    assert sockets[1].recvfrom(100) == (b"through the carrier's outside", seen[0])
    sockets[0].sendto(b"inside", ("100.64.0.12", 5000))
    assert sockets[1].recvfrom(100) == (b"inside", ("100.64.0.11", 5000))
    assert laptops[0].pings("198.51.100.1", seconds=10)
    for each in [server, *sockets]:
        each.close()


def test_tcp_passes_a_nat_whole_and_split(home):
    assert transfer(home.laptop, home.server, "198.51.100.1", 8 << 20)
    home.set_link("laptop", rate_bits_per_second=200_000_000, delay="2ms", queue="50ms")
    assert transfer(home.laptop, home.server, "198.51.100.1", 2 << 20)
    home.set_link("laptop", jitter="3ms", keeps_order=False, duplicate_percent=1)
    assert fetch(home.laptop, home.server, "198.51.100.1", 1 << 20)


def test_tcp_and_ping_learn_the_mtu_of_a_link_behind_the_nat(net):
    net.router("home", addresses=["192.168.1.1", "2001:db8:1::1"], nat={"external": ["203.0.113.1"]}, mtu=1400)
    server = net.host("server", "198.51.100.1/24", "2001:db8:2::1/64")
    laptop = net.host("laptop", "192.168.1.10/24", "2001:db8:1::10/64", behind="home")
    net.start()
    for address in ("198.51.100.1", "2001:db8:2::1"):
        said = laptop.run("ping", "-c", "3", "-i", "0.2", "-W", "10", "-M", "do", "-s", "1400", address, check=False).stdout
        assert re.search(r"mtu ?= ?1400", said), said
        assert transfer(laptop, server, address, 1 << 20)
        assert fetch(laptop, server, address, 1 << 20)


def test_delay_is_never_short(home):
    home.set_link_up("laptop", delay="20ms")
    home.set_link_down("home", delay="10ms", jitter="5ms")
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.10") as client:
        for _ in range(20):
            began = time.monotonic()
            echo(server, client)
            assert time.monotonic() - began >= 0.030


def test_every_lost_datagram_is_counted(home):
    home.set_link_up("laptop", loss_percent=30)
    sent = 200
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.10") as client:
        for number in range(sent):
            client.sendto(str(number).encode(), server.getsockname())
        harness.wait_until(lambda: home.counters()["laptop"]["sent"] >= sent, "all to be sent")
        home.set_link("laptop")
        client.sendto(b"last", server.getsockname())
        received = []
        while (data := server.recvfrom(100)[0]) != b"last":
            received.append(int(data))
    lost = home.drops("laptop", "link_loss")
    assert len(received) + lost == sent
    assert received == sorted(received)
    assert 20 < lost < 120  # of 60: far from what chance does, and the seed is fixed


def test_udp_is_blocked_and_comes_back(home):
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.10") as client:
        echo(server, client)
        home.block("home")
        client.sendto(b"x", server.getsockname())
        harness.wait_until(lambda: home.drops("home", "firewall") == 1, "the block")
        assert transfer(home.laptop, home.server, "198.51.100.1", 100 << 10)
        home.block("home", "udp_except_stun")
        with internet.udp(home.server, "198.51.100.1", 3478) as stun:
            echo(stun, client)
        home.unblock("home")
        echo(server, client)


def test_the_providers_address_changes_and_the_router_reboots(home):
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.10") as client:
        old = echo(server, client)
        home.set_external("home", "203.0.113.99")
        server.sendto(b"x", old)
        harness.wait_until(lambda: home.drops("internet", "no_route") == 1, "the old address to be nobody's")
        new = echo(server, client)
        assert new[0] == "203.0.113.99"
        home.forget("home")
        server.sendto(b"x", new)
        harness.wait_until(lambda: home.drops("home", "nat_no_mapping") == 1, "the session to be forgotten")


def test_a_host_moves(home):
    home.move("laptop", "198.51.100.77/24", behind="internet")
    addresses = home.laptop.ip("-br", "address", "show", "eth0")
    assert "198.51.100.77/24" in addresses
    assert "192.168.1.10" not in addresses
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "198.51.100.77") as client:
        assert echo(server, client) == client.getsockname()
    home.move("laptop", "192.168.1.20/24", behind="home")
    assert "default via 192.168.1.1" in home.laptop.ip("route")
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.20") as client:
        assert echo(server, client)[0] == "203.0.113.1"


def test_a_host_gets_another_address_of_its_network(home):
    home.move("laptop", "192.168.1.20/24")
    assert "192.168.1.20/24" in home.laptop.ip("-br", "address", "show", "eth0")
    assert "default via 192.168.1.1" in home.laptop.ip("route")


def test_a_link_is_cut_and_mended(home):
    with internet.udp(home.server, "198.51.100.1", 7) as server, internet.udp(home.laptop, "192.168.1.10") as client:
        home.cut("home")
        client.sendto(b"x", server.getsockname())
        harness.wait_until(lambda: home.drops("home", "link_down") == 1, "the cut")
        home.mend("home")
        echo(server, client)


def test_ipv6_needs_no_nat_and_has_a_firewall(home):
    with (internet.udp(home.server, "2001:db8:2::1", 7) as server,
          internet.udp(home.laptop, "2001:db8:1::10", 5000) as client):
        server.sendto(b"unsolicited", client.getsockname())
        harness.wait_until(lambda: home.drops("home", "firewall") == 1, "the firewall to drop it")
        assert echo(server, client)[:2] == ("2001:db8:1::10", 5000)
    assert home.laptop.pings("2001:db8:2::1", seconds=10)
    assert not home.server.pings("203.0.113.1")
    assert transfer(home.laptop, home.server, "2001:db8:2::1", 1 << 20)


def test_a_host_has_several_links(net):
    net.router("lte", nat={"external": ["203.0.113.2"]})
    net.router("home", nat={"external": ["203.0.113.1"]})
    server = net.host("server", "198.51.100.1/24")
    phone = net.host("wifi", "192.168.1.10/24", behind="home", metric=100)
    net.host("mobile", "10.0.0.10/24", behind="lte", on=phone, interface="lte0", metric=200)
    net.start()
    with internet.udp(server, "198.51.100.1", 7) as outside, internet.udp(phone, "0.0.0.0") as client:
        assert echo(outside, client)[0] == "203.0.113.1"
        phone.ip("link", "set", "eth0", "down")
        assert echo(outside, client)[0] == "203.0.113.2"


def test_what_is_wrong_is_said(home):
    with pytest.raises(AssertionError, match="there is no host or router"):
        home.cut("garden")
    with pytest.raises(AssertionError, match="198.51.100.1/32"):
        home.set_external("home", "198.51.100.1")
    path = home.lab.directory / "wrong.json"
    path.write_text('{"routers": {"a": {"link": {"delay": 5}}}, "hosts": {}}')
    result = home.server.run(internet.ROUTER, "--check", path, check=False)
    assert result.returncode == 1
    assert f"{path}: routers.a.link.delay: expected a duration" in result.stderr


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_devices_go_with_the_router(home, sign):
    assert home.process.end(sign) == (0 if sign == signal.SIGTERM else -sign)
    harness.wait_until(lambda: "eth0" not in home.laptop.ip("-br", "link"), "the device to go")


def test_the_router_survives_the_end_of_a_device(home):
    home.laptop.ip("link", "delete", "eth0")
    home.process.wait_for_output("device is gone")
    with internet.udp(home.server, "198.51.100.1") as server:
        server.sendto(b"x", ("203.0.113.1", 9))
        harness.wait_until(lambda: home.drops("home", "nat_no_mapping") == 1, "the router to go on")
