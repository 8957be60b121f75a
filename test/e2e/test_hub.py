"""Stock WireGuard devices through the server's hub: they reach the mesh and each other, and nothing that is not theirs."""
import pytest

import devices
import harness
import overlay
import peers


@pytest.fixture(scope="module")
def world(overlay_lab):
    overlay_lab.start_server()
    overlay_lab.join("dualstack", "office")  # the latter has no UDP: whatever it gets comes through the relay
    return overlay_lab


@pytest.fixture
def server(world, net):
    devices_left = devices.ask(net.server, "GET", "devices")["devices"]
    assert not devices_left, devices_left
    return net.server


@pytest.fixture
def add(server, net):
    """Makes devices, which are forgotten afterwards."""
    made = []

    def make(name, place, kind="ours", **settings):
        device = devices.Device(net, name, place, kind)
        made.append(device)
        for setting, value in settings.items():
            setattr(device, setting, value)
        return device.start()

    yield make
    for device in made:
        try:
            device.forget()
        except AssertionError:
            device.stop()


@pytest.mark.parametrize("kind", ["ours", "wireguard-go"])
def test_devices_behind_carrier_grade_nat_reach_each_other_and_the_mesh(net, add, kind):
    reason = peers.why_missing(kind)
    if reason:
        pytest.skip(reason)
    phone = add("phone", "home", kind)
    tablet = add("tablet", "neighbour", kind)
    for label in ("dualstack", "office"):
        node = net.nodes[label]
        for version in (4, 6):
            phone.host.wait_for_ping(node.address(version))
        for address in (phone.v4, phone.v6):
            node.host.wait_for_ping(address)
    tablet.host.wait_for_ping(phone.v4)
    for address in (tablet.v4, tablet.v6):
        phone.host.wait_for_ping(address)
    state = devices.hub(net.server)
    assert state["forwarded_packets"] > 10 and state["port"] == 41641
    assert phone.seen()["is_device"] and phone.seen()["online"]
    assert phone.seen()["endpoint"].startswith("198.51.100.7:"), phone.seen()


def test_device_and_hub_reach_each_other(net, add):
    phone = add("phone", "home")
    address = next(ip for ip in devices.hub(net.server)["addresses"] if "." in ip)
    phone.host.wait_for_ping(address)
    net.server.host.wait_for_ping(phone.v4)


def test_large_packets_and_tcp_pass(net, add, tmp_path):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    (tmp_path / "page").write_bytes(b"x" * 3_000_000)
    node.host.serve(tmp_path, 8081)
    phone.host.wait_for_ping(node.address())
    harness.wait_until(lambda: len(phone.host.fetch(f"http://{node.address()}:8081/page", check=False) or b"") == 3_000_000,
                       "the page")
    phone.host.serve(tmp_path, 8082)
    harness.wait_until(lambda: len(node.host.fetch(f"http://{phone.v4}:8082/page", check=False) or b"") == 3_000_000,
                       "the page of the device")
    assert phone.host.pings(node.address(), "-s", "4000"), "fragments"


def test_forged_source_is_dropped_and_counted(net, add):
    phone = add("phone", "home")
    tablet = add("tablet", "neighbour")
    node = net.nodes["dualstack"]
    phone.host.wait_for_ping(node.address())
    tablet.host.wait_for_ping(node.address())
    before = devices.hub(net.server)["drops"].get("inner_source", 0)
    phone.host.add_address(phone.device, f"{tablet.v4}/32")
    assert not phone.host.pings(node.address(), "-I", tablet.v4)
    assert devices.hub(net.server)["drops"]["inner_source"] > before
    # Whoever it pretended to be notices nothing.
    assert tablet.host.pings(node.address())


@pytest.mark.parametrize("how", ["disable", "remove"])
def test_device_is_cut_off_within_five_seconds(net, add, how):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    phone.host.wait_for_ping(node.address())
    if how == "disable":
        devices.ask(net.server, "POST", "devices/phone/disable", {})
    else:
        devices.ask(net.server, "DELETE", "devices/phone")
    harness.wait_until(lambda: not phone.host.pings(node.address()) and not node.host.pings(phone.v4),
                       "the device to be cut off", 5)
    harness.wait_until(lambda: phone.seen() is None, "the hub to forget it", 5)
    if how == "disable":
        devices.ask(net.server, "POST", "devices/phone/enable", {})
        phone.host.wait_for_ping(node.address(), seconds=20)


def test_hub_that_comes_back_finds_its_devices(net, add):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    node.host.wait_for_ping(phone.v4)
    net.server.process.end()
    net.server.start()
    devices.wait_for_hub(net.server)
    # Nothing is sent by the device meanwhile: the hub knows where it was.
    node.host.wait_for_ping(phone.v4, seconds=15)
    phone.host.wait_for_ping(node.address())


def test_hub_of_a_server_that_was_killed_comes_back(net, add):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    phone.host.wait_for_ping(node.address())
    net.server.kill()
    net.server.start()
    devices.wait_for_hub(net.server)
    phone.host.wait_for_ping(node.address(), seconds=30)
    node.host.wait_for_ping(phone.v4)


def test_device_roams(net, add):
    phone = add("phone", "laptop")
    node = net.nodes["dualstack"]
    node.host.wait_for_ping(phone.v4)
    assert phone.seen()["endpoint"].startswith("198.51.100.40:")
    net.lab("move", "laptop", "home")
    phone.host.wait_for_ping(node.address())
    node.host.wait_for_ping(phone.v4)
    harness.wait_until(lambda: phone.seen()["endpoint"].startswith("198.51.100.7:"), "its other address")
    net.lab("move", "laptop", "hotel")


def test_device_without_ipv4(net, add):
    phone = add("phone", "v6only", endpoint="[2001:db8:1::10]:41641")
    for label in ("dualstack", "office"):
        node = net.nodes[label]
        phone.host.wait_for_ping(node.address())
        node.host.wait_for_ping(phone.v4)
    assert phone.seen()["endpoint"].startswith("[2001:db8:70::70]:"), phone.seen()


def test_keepalive_keeps_a_silent_device_reachable(net, add):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    node.host.wait_for_ping(phone.v4)
    before = phone.seen()["rx_bytes"]
    # What the hub sends after ten seconds counts for the device's 25, too.
    harness.wait_until(lambda: phone.seen()["rx_bytes"] > before, "a keepalive", 45)
    assert node.host.pings(phone.v4, seconds=2)


def test_mesh_nodes_know_devices_as_addresses_of_the_hub(net, add):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    harness.wait_until(lambda: phone.v4 in node.peers()["hub"]["TailscaleIPs"], "the hub's addresses")
    assert "phone" not in node.peers()
    said = node.warren("whois", phone.v4).stdout
    assert "phone." in said and phone.v6 in said, said


def test_device_that_only_waits_is_reached_again_when_it_is_let_in_again(net, add):
    phone = add("phone", "home")
    node = net.nodes["dualstack"]
    node.host.wait_for_ping(phone.v4)
    devices.ask(net.server, "POST", "devices/phone/disable", {})
    harness.wait_until(lambda: phone.seen() is None, "the hub to forget it", 5)
    devices.ask(net.server, "POST", "devices/phone/enable", {})
    node.host.wait_for_ping(phone.v4, seconds=10)  # its own next handshake may be two minutes away


def test_administrator_sees_the_hub(net, add):
    phone = add("phone", "home")
    phone.host.wait_for_ping(net.nodes["dualstack"].address())
    said = net.server.admin("hub").stdout
    assert "up: device warren0, UDP port 41641, 1 device, 1 online" in said, said
    assert "phone" in said and phone.v4 in said
    assert "up: device warren0" in net.server.admin("status").stdout


def test_server_without_devices_has_no_hub(overlay_lab, server):
    server.process.end()
    server.start()
    assert devices.hub(server)["state"] == "off"
    assert "warren0" not in server.host.ip("-o", "link")
    assert "off: it begins with the first device" in server.admin("hub").stdout


def test_server_that_may_not_make_a_device_says_so_and_goes_on(server, net):
    server.process.end()
    server.process = server.host.start("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin",
                                       overlay.SERVER, "--config", server.config)
    server.process.wait_for_output("server: started")
    key = peers.wg("pubkey", text=peers.wg("genkey"))
    with pytest.raises(AssertionError, match="CAP_NET_ADMIN"):
        devices.ask(server, "POST", "devices", {"name": "phone", "public_key": key})
    assert "no CAP_NET_ADMIN" in server.admin("hub").stdout
    net.nodes["dualstack"].host.wait_for_ping(net.nodes["office"].address())
    server.process.end()
    server.start()
