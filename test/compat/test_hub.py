"""A stock WireGuard device as people set one up: Debian's wg-quick with wireguard-go, and the profile that it was given."""
import shutil

import pytest

import devices
import harness
import overlay

NEEDED = ("wg-quick", "wireguard-go", "wg")


@pytest.fixture(scope="module")
def world():
    reason = overlay.why_missing() or next((f"{name} is not installed: scripts/setup --compat"
                                            for name in NEEDED if shutil.which(name) is None), None)
    if reason:
        pytest.skip(reason)
    overlay.remove_stale()
    with overlay.Overlay() as lab:
        lab.start_server()
        lab.join("dualstack", "office")
        yield lab
        for log in lab.logs():
            print(log)


@pytest.fixture
def quick(world):
    """Brings a device up by wg-quick; afterwards it is down and forgotten."""
    up = []

    def bring_up(name, place, **settings):
        device = devices.Device(world, name, place)
        for setting, value in settings.items():
            setattr(device, setting, value)
        path = world.directory / f"{device.device}.conf"
        path.write_text(device.config())
        path.chmod(0o600)
        device.host.run("env", "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go", "wg-quick", "up", path)
        up.append((device, path))
        return device

    yield bring_up
    for device, path in up:
        device.host.run("wg-quick", "down", path, check=False)
        device.forget()


@pytest.mark.parametrize("place, settings", [
    ("home", {}),  # behind two NATs, IPv4 only
    ("v6only", {"endpoint": "[2001:db8:1::10]:41641"}),
], ids=["IPv4-only", "IPv6-only"])
def test_wg_quick_reaches_the_mesh_and_is_reached(world, quick, place, settings):
    phone = quick("phone", place, **settings)
    for label in ("dualstack", "office"):
        node = world.nodes[label]
        for version in (4, 6):
            phone.host.wait_for_ping(node.address(version))
        for address in (phone.v4, phone.v6):
            node.host.wait_for_ping(address)


def test_two_devices_of_wg_quick_and_no_mesh_node_between(world, quick):
    phone = quick("phone", "home")
    tablet = quick("tablet", "neighbour")
    phone.host.wait_for_ping(tablet.v4)
    tablet.host.wait_for_ping(phone.v6)
    harness.wait_until(lambda: devices.hub(world.server)["forwarded_packets"] > 2, "the hub to have carried them")
