"""The rest of the machine goes on as it was: connections over its ordinary network survive whatever happens to warrend,
and neighbours whose addresses look like the overlay's stay reachable."""
import pytest

import harness

PORT = 7300
ECHO = ("import socket\n"
        f"listening = socket.create_server(('', {PORT}))\n"
        "print('listening', flush=True)\n"
        "peer, _ = listening.accept()\n"
        "while data := peer.recv(4096): peer.sendall(data)\n")
ASK = ("import socket, sys, time\n"
       f"peer = socket.create_connection((sys.argv[1], {PORT}))\n"
       "peer.settimeout(5)\n"
       "while True:\n"
       "    peer.sendall(b'x')\n"
       "    assert peer.recv(1) == b'x'\n"
       "    print('.', end='', flush=True)\n"
       "    time.sleep(0.01)\n")


class Session:
    """One TCP connection that is used all the time, as somebody's SSH session."""

    def __init__(self, asking, answering, address):
        echo = answering.start(harness.PYTHON, "-c", ECHO)
        echo.wait_for_output("listening")
        self.process = asking.start(harness.PYTHON, "-c", ASK, address)
        self.check()

    def check(self):
        """It is still the same, and goes on."""
        before = len(self.process.output())
        harness.wait_until(lambda: len(self.process.output()) > before or not self.process.is_running(), "the session", 8)
        assert self.process.is_running(), self.process.output()[-2000:]

    def close(self):
        self.process.end()


@pytest.fixture(scope="module")
def two(overlay_lab):
    overlay_lab.start_server()
    overlay_lab.join("neighbour")
    return overlay_lab


def live_through_everything(node, server, check):
    """All that happens to a daemon, with a look after each."""
    node.start()
    check()
    node.warren(*server.new_key(), "--hostname", node.label, "--timeout", "20s")
    check()
    for step in (lambda: node.warren("down"), lambda: node.warren("up", "--timeout", "20s"), node.kill, node.start,
                 node.wait_until_running, node.kill, node.clean_up, node.start, node.wait_until_running, node.stop):
        step()
        check()


def test_ordinary_connection_survives(two, net):
    home = net.node("home")
    session = Session(home.host, net.place("server"), "203.0.113.10")
    live_through_everything(home, net.server, session.check)
    session.close()


def test_connection_to_the_machine_survives(two, net):
    # As an administrator from outside: into a machine with a public address of its own, which is the server's as well.
    node = net.node("server")
    session = Session(net.place("dualstack"), node.host, "203.0.113.10")
    live_through_everything(node, net.server, session.check)
    session.close()


def test_neighbours_with_addresses_of_the_overlay_stay_reachable(two, net):
    # A carrier's customers have such addresses (RFC 6598), also those of our machines: the same ones, at worst.
    laptop, hotel = net.node("laptop"), net.place("hotel")
    device, other = net.link(laptop.host, hotel)
    neighbour = net.nodes["neighbour"].address()
    laptop.host.add_address(device, "100.64.0.77/24")
    hotel.add_address(other, "100.64.0.78/24", f"{neighbour}/24")
    laptop.host.wait_for_ping("100.64.0.78")
    session = Session(laptop.host, hotel, "100.64.0.78")

    def check():
        session.check()
        assert laptop.host.pings("100.64.0.78")

    live_through_everything(laptop, net.server, check)
    # A machine of the overlay wins over a neighbour with the same address.
    laptop.start()
    laptop.wait_until_running()
    assert "dev warren0" in laptop.host.ip("route", "get", neighbour)
    assert f"dev {device}" in laptop.host.ip("route", "get", "100.64.0.78")
    check()
    laptop.stop()
    session.close()
    laptop.host.ip("link", "delete", device)
