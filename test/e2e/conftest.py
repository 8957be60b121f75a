"""Fixtures: a lab that is always removed, and every pair of implementations that must get along."""
import pytest

import harness
import overlay
import peers

PAIRS = [("ours", "ours"), ("ours", "wireguard-go"), ("wireguard-go", "ours")]


def pytest_addoption(parser):
    parser.addoption("--strangers", action="store_true", help="also run wireguard-go against itself: checks the harness")


def pytest_configure(config):
    harness.die_with_signals()


def pytest_generate_tests(metafunc):
    if "kinds" in metafunc.fixturenames:
        pairs = PAIRS + ([("wireguard-go", "wireguard-go")] if metafunc.config.getoption("strangers") else [])
        metafunc.parametrize("kinds", pairs, ids=["-to-".join(pair) for pair in pairs])


@pytest.fixture(scope="session", autouse=True)
def privileges():
    reason = harness.why_not()
    if reason:
        pytest.skip(reason)
    harness.remove_stale()


def need(*kinds):
    for kind in kinds:
        reason = peers.why_missing(kind)
        if reason:
            pytest.skip(reason)


@pytest.fixture
def lab():
    with harness.Lab() as lab:
        yield lab
        for log in lab.logs():
            print(log)  # pytest shows it if the test failed


@pytest.fixture
def pair(lab, kinds):
    """Makes a pair of the parametrised kinds: pair(outer=6, …), see peers.make_pair."""
    need(*kinds)
    return lambda **settings: peers.make_pair(lab, kinds, **settings)


@pytest.fixture
def ours(lab):
    """Makes a pair with our program at both ends."""
    need("ours")
    return lambda **settings: peers.make_pair(lab, ("ours", "ours"), **settings)


@pytest.fixture(scope="module")
def overlay_lab():
    """A lab for the tests of one file, with nothing in it."""
    reason = overlay.why_missing()
    if reason:
        pytest.skip(reason)
    overlay.remove_stale()
    with overlay.Overlay() as lab:
        yield lab


@pytest.fixture
def net(overlay_lab):
    """The same; what its programs said is shown if the test failed."""
    yield overlay_lab
    for log in overlay_lab.logs():
        print(log)
