"""`warren wg` as a program: what it sets up, what it refuses, what it leaves behind."""
import pathlib
import signal
import subprocess

import pytest

import harness
import peers
from conftest import need


def whole_internet(both):
    """Sends everything through the tunnel: this needs rules and a table of its own, as in wg-quick."""
    both.initiator.peers[0].allowed_ips = ["0.0.0.0/0", "::/0"]
    both.responder.host.ip("address", "add", "192.0.2.1/32", "dev", "lo")  # somewhere beyond the tunnel
    both.responder.host.ip("address", "add", "2001:db8::1/128", "dev", "lo")
    return both


def test_terminates_cleanly_and_leaves_nothing(ours):
    both = ours()
    before = both.initiator.host.leftovers()
    both.start()
    both.initiator.host.wait_for_ping(both.responder.address())
    assert both.initiator.process.end(signal.SIGTERM) == 0
    assert both.initiator.host.leftovers() == before
    assert not both.initiator.socket().exists()


def test_interrupt_ends_it_cleanly_too(ours):
    end = ours().responder.start()
    assert end.process.end(signal.SIGINT) == 0
    assert not end.socket().exists()


def test_default_route_goes_through_the_tunnel_and_is_taken_back(ours):
    both = whole_internet(ours())
    mark = "net.ipv4.conf.all.src_valid_mark"  # as wg-quick, for reverse path filters; wg-quick leaves it set
    both.initiator.host.run("sysctl", "-w", f"{mark}=0")
    before = both.initiator.host.leftovers()
    both.start()
    both.initiator.host.wait_for_ping("192.0.2.1")
    both.initiator.host.wait_for_ping("2001:db8::1")
    assert both.initiator.host.pings("10.9.0.2"), "the link itself stays reachable"
    assert both.initiator.process.end() == 0
    assert both.initiator.host.leftovers() == before
    assert both.initiator.host.run("sysctl", "-n", mark).stdout == "0\n"


@pytest.mark.parametrize("device", ["same", "another"])
def test_start_after_kill_removes_what_was_left(ours, device):
    both = whole_internet(ours())
    end, host = both.initiator, both.initiator.host
    before = host.leftovers()
    both.start()
    host.wait_for_ping("192.0.2.1")
    left = end.socket()
    end.process.end(signal.SIGKILL)
    assert left.exists() and host.leftovers()["rules"] != before["rules"], "else this test shows nothing"

    # The next run has other routes: nothing that it sets itself hides what the killed one left.
    end.peers[0].allowed_ips = ["10.7.0.2/32"]
    if device == "another":
        end.device = harness.unique_device()
    end.start()
    host.wait_for_ping("10.7.0.2")
    after = host.leftovers()
    assert (after["rules"], after["rules6"]) == (before["rules"], before["rules6"])
    assert left == end.socket() or not left.exists()
    assert end.process.end() == 0
    assert host.leftovers() == before
    assert not end.socket().exists()


def test_same_configuration_starts_again_after_kill(ours):
    both = whole_internet(ours())
    before = both.initiator.host.leftovers()
    both.start()
    for _ in range(3):
        both.initiator.process.end(signal.SIGKILL)
        both.initiator.start()
        both.initiator.host.wait_for_ping("192.0.2.1")
    assert both.initiator.process.end() == 0
    assert both.initiator.host.leftovers() == before


def test_endpoint_by_name(ours):
    both = ours(endpoint=f"home.example:{peers.PORT}")
    both.initiator.host.name("home.example", both.outside[1])
    both.start()
    both.initiator.host.wait_for_ping(both.responder.address())


def test_fwmark_and_table_of_the_file(ours):
    both = ours()
    end = both.initiator
    text = end.config().replace("[Interface]\n", "[Interface]\nTable = 4242\nFwMark = 0x77\n")
    both.responder.start()
    end.start_ours("--config", end.write_config(text=text))
    assert "10.7.0.2" in end.host.ip("-4", "route", "show", "table", "4242")
    assert end.host.run("wg", "show", end.device, "fwmark").stdout.strip() == "0x77"


@pytest.mark.parametrize("line", ["DNS = 192.0.2.53", "PreUp = true", "PostUp = true", "PreDown = true", "PostDown = true"])
def test_refuses_what_it_does_not_do(ours, line):
    end = ours().initiator
    before = end.host.leftovers()
    path = end.write_config(text=end.config().replace("[Interface]\n", f"[Interface]\n{line}\n"))
    result = end.host.run(peers.WARREN, "wg", "--config", path, check=False)
    assert result.returncode != 0
    assert line.split()[0] in result.stderr
    assert end.host.leftovers() == before


@pytest.mark.parametrize("text", [
    "", "[Interface]\n", "[Interface]\nPrivateKey = short\n", "[Interface]\nPrivateKey\n", "[Peer]\nPublicKey = x\n",
    "[Interface]\nListenPort = 70000\n", "[Interface]\nMTU = ten\n", "[Interface]\nUnheardOf = 1\n", "\0\xff" * 50])
def test_refuses_a_broken_file_with_a_sentence(ours, text):
    end = ours().initiator
    path = end.host.lab.directory / "broken.conf"
    path.write_bytes(text.encode("latin-1"))
    result = end.host.run(peers.WARREN, "wg", "--config", path, "--name", end.device, check=False, seconds=5)
    assert result.returncode not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert len(result.stderr.split()) >= 3, "an error says what is wrong and what to do"
    assert not end.socket().exists()


def test_missing_file_and_taken_name_are_said(ours):
    end = ours().initiator
    missing = end.host.run(peers.WARREN, "wg", "--config", "/nonexistent.conf", check=False)
    assert missing.returncode != 0 and "/nonexistent.conf" in missing.stderr
    end.start()
    taken = end.host.run(peers.WARREN, "wg", "--name", end.device, "--config", end.write_config(), check=False)
    assert taken.returncode != 0 and end.device in taken.stderr
    assert end.process.is_running()
    assert end.host.run("wg", "show", end.device).returncode == 0


def test_help_names_the_options():
    need("ours")
    for words in (["--help"], ["wg", "--help"]):
        result = subprocess.run([peers.WARREN, *words], capture_output=True, text=True)
        assert result.returncode == 0
        assert "wg" in result.stdout
    assert "--config" in result.stdout


def test_configured_by_wg_alone(ours):
    both = ours()
    end = both.initiator
    both.responder.start()
    end.start_ours()
    end.host.run("wg", "setconf", end.device, end.write_config(quick=False))
    end.host.add_address(end.device, *end.addresses)
    end.host.ip("link", "set", end.device, "up")
    end.host.wait_for_ping(both.responder.address())


def test_device_deleted_under_it_ends_it(ours):
    end = ours().initiator.start()
    end.host.ip("link", "delete", end.device)
    harness.wait_until(lambda: not end.process.is_running(), "the program to notice that its device is gone")
    assert not end.socket().exists()


@pytest.mark.parametrize("implementation", ["ours", "wireguard-go"])
def test_wg_quick_up_and_down(lab, implementation):
    need(implementation)
    both = peers.make_pair(lab, (implementation, implementation))
    end, host = both.initiator, both.initiator.host
    if host.run("ip", "link", "add", "probe", "type", "wireguard", check=False).returncode == 0:
        pytest.skip("wg-quick uses this kernel's own WireGuard")
    both.responder.start()
    whole_internet(both)
    before = host.leftovers()
    quick = ["env", f"WG_QUICK_USERSPACE_IMPLEMENTATION={peers.WARREN_WG if implementation == 'ours' else implementation}", "wg-quick"]
    path = end.write_config()
    host.run(*quick, "up", path)
    host.wait_for_ping("192.0.2.1")
    host.wait_for_ping("2001:db8::1")
    host.run(*quick, "down", path)
    harness.wait_until(lambda: not end.socket().exists(), "the socket to go")
    assert host.leftovers() == before


def test_memory_stays_small(ours, lab):
    both = ours().start()
    both.initiator.host.wait_for_ping(both.responder.address())
    (lab.directory / "zero").write_bytes(bytes(64 << 20))
    both.responder.host.serve(lab.directory)
    both.initiator.host.fetch(f"http://{both.responder.address()}:8080/zero")
    for end in (both.initiator, both.responder):
        status = pathlib.Path(f"/proc/{end.process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])
        assert peak <= 16 << 10, f"{peak} KiB, at most 16 MiB"
