"""`warren admin device` against a real server: what it prints is what the server and a device can use."""
import configparser
import shutil
import stat
import struct
import subprocess

import pytest

import devices
import peers

OVERLAY = "100.64.0.0/10, fd7a:115c:a1e0::/48"


@pytest.fixture(scope="module")
def started(overlay_lab):
    overlay_lab.start_server()
    return overlay_lab


@pytest.fixture
def server(started, net):
    yield net.server
    for device in net.server.admin_json("device", "list")["devices"]:
        net.server.admin("device", "rm", device["name"])


def parsed(text):
    profile = configparser.ConfigParser()
    profile.optionxform = str
    profile.read_string(text)
    return profile


def refused(server, *words):
    result = server.admin("device", *words, check=False)
    assert result.returncode == 1 and result.stdout == "", result
    return result.stderr


def test_profile_has_all_that_wg_quick_needs(server):
    made = server.admin("device", "add", "phone")
    profile = parsed(made.stdout)
    shown = server.admin_json("device", "show", "phone")
    inner, peer = profile["Interface"], profile["Peer"]
    assert peers.wg("pubkey", text=inner["PrivateKey"]) == shown["public_key"]
    assert inner["Address"] == f"{shown['ipv4']}/32, {shown['ipv6']}/128"
    assert inner["MTU"] == "1280"
    assert peer["PublicKey"] == devices.hub(server)["public_key"]
    assert peer["Endpoint"].endswith(":41641")
    assert peer["AllowedIPs"] == OVERLAY
    assert peer["PersistentKeepalive"] == "25"
    dns, domain = inner["DNS"].split(", ")
    assert dns in devices.hub(server)["addresses"] and domain == server.admin_json("status")["domain"]
    assert "shown only now" in made.stderr
    assert inner["PrivateKey"] not in server.process.output(), "the server was told the private key"


def test_profile_is_what_wg_accepts(server, tmp_path):
    text = server.admin("device", "add", "phone").stdout
    path = tmp_path / "phone.conf"
    path.write_text(text)
    path.chmod(0o600)
    stripped = subprocess.run(["wg-quick", "strip", path], check=True, capture_output=True, text=True).stdout
    assert "PublicKey" in stripped and "Address" not in stripped


def test_json_and_picture(server, tmp_path):
    picture = tmp_path / "phone.png"
    made = server.admin_json("device", "add", "phone", "--user", "owner", "--expiry", "30d", "--png", picture)
    assert made["user"] == "owner" and made["expires"] and made["warning"] == ""
    assert made["private_key"] in made["wg_quick"]
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width == height and width % 8 == 0 and width > 8 * 40, (width, height)
    if shutil.which("zbarimg"):
        read = subprocess.run(["zbarimg", "--quiet", "--raw", picture], check=True, capture_output=True, text=True).stdout
        assert read.strip() == made["wg_quick"].strip()


def test_device_that_has_a_key(server):
    private_key = peers.wg("genkey")
    public_key = peers.wg("pubkey", text=private_key)
    made = server.admin("device", "add", "router", "--public-key", public_key, "--tag", "tag:home")
    assert "\nPrivateKey" not in made.stdout and "# PrivateKey" in made.stdout
    shown = server.admin_json("device", "show", "router")
    assert shown["public_key"] == public_key and shown["tags"] == ["tag:home"] and shown["user"] == ""


def test_device_is_listed_renamed_disabled_and_removed(server):
    assert "There are no devices" in server.admin("device", "list").stdout
    first = parsed(server.admin("device", "add", "phone").stdout)
    assert "phone" in server.admin("device", "list").stdout
    assert server.admin("device", "rename", "phone", "handset").stdout == "phone is handset now.\n"
    server.admin("device", "disable", "handset")
    assert "disabled" in server.admin("device", "list").stdout
    server.admin("device", "enable", "handset")
    assert server.admin_json("device", "expiry", "handset", "12h")["expires"]
    assert server.admin_json("device", "expiry", "handset", "never")["expires"] is None
    second = parsed(server.admin("device", "key", "handset").stdout)
    assert second["Interface"]["PrivateKey"] != first["Interface"]["PrivateKey"]
    assert second["Interface"]["Address"] == first["Interface"]["Address"]
    assert "device" in server.admin("node", "list").stdout
    server.admin("device", "rm", "handset")
    assert server.admin_json("device", "list")["devices"] == []


def test_devices_outlive_the_server(server):
    before = parsed(server.admin("device", "add", "phone").stdout)
    public_key = server.admin_json("device", "show", "phone")["public_key"]
    server.kill()
    server.start()
    devices.wait_for_hub(server)
    after = server.admin_json("device", "show", "phone")
    assert after["public_key"] == public_key and after["warning"] == ""
    assert after["profile"]["hub_key"] == before["Peer"]["PublicKey"]


def test_errors_say_what_is_wrong(server):
    server.admin("device", "add", "phone")
    assert "the name phone is in use" in refused(server, "add", "phone")
    assert "is no name" in refused(server, "add", "My Phone")
    assert "there is no user eve" in refused(server, "add", "pad", "--user", "eve")
    assert "is no tag" in refused(server, "add", "pad", "--tag", "home")
    assert "not both" in refused(server, "add", "pad", "--tag", "tag:a", "--user", "owner")
    assert "wg pubkey" in refused(server, "add", "pad", "--public-key", "nonsense")
    assert "each device needs one of its own" in refused(
        server, "add", "pad", "--public-key", server.admin_json("device", "show", "phone")["public_key"])
    assert "there is no device pad" in refused(server, "show", "pad")
    assert "no device" in refused(server, "disable", "hub")
    assert server.admin("device", "add", "pad", "--expiry", "soon", check=False).returncode == 2
    assert [device["name"] for device in server.admin_json("device", "list")["devices"]] == ["phone"]


def test_tags_of_a_key_and_of_a_node(server, started):
    words = started.server.admin("key", "create", "--tag", "tag:web").stdout.split()
    assert "--auth-key" in words
    keys = started.server.admin_json("key", "list")["keys"]
    assert any(key["tags"] == ["tag:web"] and key["user"] == "" for key in keys)
    started.server.admin("device", "add", "phone")
    assert started.server.admin("node", "tag", "phone", "tag:b", "tag:a").stdout == "phone is tag:a,tag:b now.\n"
    started.server.admin("node", "tag", "phone", "--user", "owner")
    assert started.server.admin_json("device", "show", "phone")["user"] == "owner"
