"""What changes while a tunnel runs: addresses, endpoints, peers, settings."""
import harness
import peers


def test_traffic_follows_a_peer_that_roams(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())

    here.host.remove_address("eth0", "10.9.0.1/24")
    here.host.add_address("eth0", "10.9.0.77/24")
    here.host.wait_for_ping(there.address())
    assert there.status(here).endpoint == peers.endpoint("10.9.0.77")
    there.host.wait_for_ping(here.address())


def test_roams_from_ipv4_to_ipv6(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())

    here.set("peer", there.public_key, "endpoint", peers.endpoint("fd09::2"))
    here.host.wait_for_ping(there.address())
    harness.wait_until(lambda: there.status(here).endpoint == peers.endpoint("fd09::1"), "the new endpoint")
    there.host.wait_for_ping(here.address(6))


def test_endpoint_changes_by_wg_set(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())

    there.host.remove_address("eth0", "10.9.0.2/24")
    there.host.add_address("eth0", "10.9.0.88/24")
    here.set("peer", there.public_key, "endpoint", peers.endpoint("10.9.0.88"))
    assert here.status(there).endpoint == peers.endpoint("10.9.0.88")
    here.host.wait_for_ping(there.address())


def test_persistent_keepalive_keeps_arriving(pair):
    both = pair(keepalive=1).start()
    seen = set()

    def arrived():
        seen.add(both.responder.status(both.initiator).received)
        return len(seen) > 4  # nothing, the handshake, and at least three keepalives

    harness.wait_until(arrived, "keepalives on a quiet tunnel", 20)
    assert both.initiator.status(both.responder).keepalive == "1"


def test_peer_removed_and_added_again(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())

    there.set("peer", here.public_key, "remove")
    assert there.status(here) is None
    assert not here.host.pings(there.address())

    there.set("peer", here.public_key, "allowed-ips", "10.7.0.1/32,fd07::1/128")
    # The initiator notices by its silence timer (15 s) that its session is gone; a changed peer of its own is quicker.
    here.set("peer", there.public_key, "remove")
    here.set("peer", there.public_key, "endpoint", peers.endpoint(both.outside[1]), "allowed-ips", "10.7.0.2/32,fd07::2/128")
    here.host.wait_for_ping(there.address())
    here.host.wait_for_ping(there.address(6))


def test_allowed_ips_decide_what_is_accepted(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address(6))

    there.set("peer", here.public_key, "allowed-ips", "10.7.0.1/32")
    here.host.wait_for_ping(there.address())
    assert not here.host.pings(there.address(6))
    assert there.status(here).allowed_ips == "10.7.0.1/32"


def test_syncconf_keeps_sessions_and_changes_the_rest(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())
    handshake = here.status(there).handshake

    here.peers[0].keepalive = 7
    here.peers.append(peers.Peer(peers.wg("pubkey", text=peers.wg("genkey")), ["10.7.0.9/32"]))
    here.host.run("wg", "syncconf", here.device, here.write_config(quick=False))
    assert here.status(there).keepalive == "7"
    assert here.status(there).handshake == handshake
    assert len(here.host.run("wg", "show", here.device, "peers").stdout.split()) == 2
    here.host.wait_for_ping(there.address())

    here.peers.pop()
    here.host.run("wg", "syncconf", here.device, here.write_config(quick=False))
    assert here.host.run("wg", "show", here.device, "peers").stdout.split() == [there.public_key]


def test_wg_show_tells_what_is_set(pair):
    both = pair(keepalive=25).start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())
    text = here.host.run("wg", "show", here.device).stdout
    for expected in (f"interface: {here.device}", f"public key: {here.public_key}", f"listening port: {peers.PORT}",
                     f"peer: {there.public_key}", f"endpoint: {peers.endpoint(both.outside[1])}",
                     "allowed ips: 10.7.0.2/32, fd07::2/128", "latest handshake:", "transfer:",
                     "persistent keepalive: every 25 seconds"):
        assert expected in text
    assert here.device in here.host.run("wg", "show", "interfaces").stdout
    assert here.status(there).received > 0 and here.status(there).sent > 0


def test_listen_port_changes_by_wg_set(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())
    there.set("listen-port", "51999")
    here.set("peer", there.public_key, "endpoint", f"{both.outside[1]}:51999")
    here.host.wait_for_ping(there.address())
