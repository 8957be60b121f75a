"""warrend is killed or stopped at many moments: what it knows stays, and of its routes, rules and device nothing."""
import contextlib
import subprocess

import pytest

import harness
from peers import WARREN
from pulse import Pulse

# What it says on its way up; killed when it does.
MOMENTS = ("", "node: started", "connected to the coordination server", "tunnel: network", "tunnel: started", "tunnel up",
           "home relay")
EARLY = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08)  # seconds after the start, where nothing is said


@pytest.fixture(scope="module")
def two(overlay_lab):
    overlay_lab.start_server()
    overlay_lab.before = overlay_lab.place("home").leftovers()
    overlay_lab.join("home", "neighbour")
    return overlay_lab


@pytest.fixture
def home(two, net):
    return net.nodes["home"]


@pytest.fixture
def neighbour(two, net):
    return net.nodes["neighbour"]


def assert_nothing_left(node):
    assert node.host.leftovers() == node.lab.before


def identity(node):
    status = node.status()
    return status["TailscaleIPs"], status["Self"]["PublicKey"]


def assert_back(node, who, peer):
    node.wait_until_running()
    assert identity(node) == who
    node.host.wait_for_ping(peer.address())
    peer.host.wait_for_ping(node.address())


def wait_for_end(process, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.popen.wait(seconds)


def kill_during(node, delay, *command):
    """Kills the daemon some time after a command was given to it."""
    asked = node.host.start(WARREN, "--socket", node.socket, *command)
    wait_for_end(asked, delay)
    node.kill()
    asked.popen.wait(10)


def test_kill_on_the_way_up_leaves_nothing_after_a_cleanup(home, neighbour):
    who = identity(home)
    home.kill()
    for moment in MOMENTS:
        home.launch()
        if moment:
            home.process.wait_for_output(moment)
        home.kill()
        home.clean_up()
        assert_nothing_left(home)
    home.start()
    assert_back(home, who, neighbour)


def test_kill_on_the_way_up_leaves_nothing_that_the_next_start_minds(home, neighbour):
    who = identity(home)
    home.kill()
    for moment in MOMENTS:
        home.launch()
        if moment:
            home.process.wait_for_output(moment)
        home.kill()
    home.start()
    assert_back(home, who, neighbour)
    rules = home.host.ip("rule")
    assert len(rules.splitlines()) == len(set(rules.splitlines())), rules
    home.stop()
    assert_nothing_left(home)
    home.start()
    assert_back(home, who, neighbour)


def test_kill_before_anything_is_said(home, neighbour):
    who = identity(home)
    home.kill()
    for delay in EARLY:
        home.launch()
        wait_for_end(home.process, delay)
        assert home.is_running(), home.process.output()
        home.kill()
    home.clean_up()
    assert_nothing_left(home)
    home.start()
    assert_back(home, who, neighbour)


def test_kill_while_traffic_flows(home, neighbour):
    who = identity(home)
    pulse = Pulse(neighbour.host, home.host, home.address())
    pulse.wait_until_direct()
    for _ in range(3):
        home.kill()
        home.start()
        home.wait_until_running()
        harness.wait_until(lambda: pulse.is_steady(seconds=0.5), "answers again", 20)
    pulse.stop()
    assert identity(home) == who
    harness.wait_until(lambda: neighbour.host.pings(home.address()) and neighbour.is_direct_to(home), "the direct path again", 20)


def test_clean_stop_leaves_nothing(home, neighbour):
    who = identity(home)
    assert home.stop() == 0
    assert_nothing_left(home)
    assert not home.socket.exists()
    home.start()
    assert_back(home, who, neighbour)


def test_down_leaves_nothing_and_up_brings_it_back(home, neighbour):
    who = identity(home)
    home.warren("down")
    assert_nothing_left(home)
    assert home.state() == "Stopped"
    home.kill()
    home.start()
    assert home.state() == "Stopped"
    assert_nothing_left(home)
    home.warren("up", "--timeout", "20s")
    assert_back(home, who, neighbour)


def test_kill_during_down_and_up(home, neighbour):
    who = identity(home)
    for delay in (0.0, 0.01, 0.03):
        for command in ("down", "up"):
            kill_during(home, delay, command)
            home.start()
    home.warren("up", "--timeout", "20s")
    assert_back(home, who, neighbour)


def test_kill_in_the_middle_of_the_first_join(two, net, neighbour):
    hotel = net.node("hotel")
    command = net.server.join_command()
    for delay in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2):
        hotel.start()
        kill_during(hotel, delay, *command, "--hostname", "hotel")
    hotel.start()
    hotel.up("--timeout", "20s")
    hotel.host.wait_for_ping(neighbour.address())
    # It is the same machine each time, and has one address.
    listed = [node for node in net.server.admin_json("node", "list")["nodes"] if node["hostname"] == "hotel"]
    assert [node["ipv4"] for node in listed] == [hotel.address()]
    hotel.warren("logout")
    assert hotel.stop() == 0
    net.server.admin("node", "rm", listed[0]["id"])
