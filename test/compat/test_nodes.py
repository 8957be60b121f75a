"""Stock nodes behind NATs, with our relay and STUN in place of theirs."""
import pytest

import harness
import network
import strangers


@pytest.fixture
def homes(lab):
    return network.Homes(lab)


@pytest.fixture
def hosts(homes):
    return homes.relay, homes.a, homes.b


@pytest.fixture
def relay(make_relay, homes):
    return make_relay(homes.relay_address).start()


@pytest.fixture
def nodes(relay, homes):
    """Makes two stock nodes that see each other."""
    def make():
        control = strangers.StockControl(homes.relay, homes.control_address, relay.address)
        both = [strangers.StockNode(host, control).start() for host in (homes.a, homes.b)]
        for node in both:
            harness.wait_until(node.is_up, f"the node on {node.host.label} to see its peer", 20)
        return both
    return make


def test_find_the_direct_path_by_stun_and_call_me_maybe(nodes, relay_kind, homes):
    first, second = nodes()
    homes.a.wait_for_ping(second.address())
    harness.wait_until(lambda: first.path() and second.path(), "the direct path", 30)
    assert first.path() == "192.0.2.2:41641"
    assert second.path().startswith("198.51.100.2:")


def test_reach_each_other_through_the_relay_when_udp_is_blocked(nodes, relay_kind, homes):
    homes.block_udp()
    first, second = nodes()
    homes.a.wait_for_ping(second.address(), "-s", "1200", seconds=30)
    assert not first.path() and not second.path()
    directory = homes.lab.directory / "files"
    directory.mkdir()
    (directory / "big").write_bytes(bytes(4 << 20))
    homes.b.serve(directory)
    assert len(homes.a.fetch(f"http://{second.address()}:8080/big")) == 4 << 20
