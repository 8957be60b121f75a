"""A stock node that trusts no certificate of ours joins by plain HTTP: Noise is what protects it."""
import pytest

import harness
import members

ADDRESS = "203.0.113.10"


@pytest.fixture(scope="module", autouse=True)
def programs(prerequisites):
    reason = members.why_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def machines(lab):
    """server 203.0.113.10 ---- router ---- 198.51.100.10 and 192.0.2.10"""
    router, server, first, second = map(lab.host, ("router", "server", "first", "second"))
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for number, (host, address) in enumerate(((server, ADDRESS), (first, "198.51.100.10"), (second, "192.0.2.10"))):
        lab.link(host, router)
        gateway = address.rpartition(".")[0] + ".1"
        host.add_address("eth0", f"{address}/24")
        router.add_address(f"eth{number}", f"{gateway}/24")
        host.ip("route", "add", "default", "via", gateway)
    return server, first, second


def test_a_stock_node_that_trusts_nobody_joins_and_comes_back(lab, machines):
    where, first, second = machines
    nothing = lab.directory / "nothing"
    server = members.Server(where, ADDRESS).start()
    ours = members.OurMember(first, server).start().join()
    server.url = f"http://{ADDRESS}"  # what the stock one is told
    stock = members.StockMember(second, server, trusted=nothing).join().wait_until_up()
    ours.wait_until_online(stock.name)
    assert "sees" in ours.fetch(f"http://{stock.address()}/")
    server.kill()
    server.start()
    harness.wait_until(lambda: server.streams() == 2, "both to be back", 60)  # over 443: less than two minutes passed
    ours.wait_until_online(stock.name)
