"""What goes over the wire: what a stranger's decoder says of it, and what hostile datagrams do."""
import json
import pathlib
import signal

import harness
import peers

NOISE = pathlib.Path(__file__).with_name("noise.py")
COOKIE_REPLY = "3/64"  # type and size: WireGuard paper, section 5.4.7


def resident(end):
    status = pathlib.Path(f"/proc/{end.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_tshark_decodes_the_traffic(pair, lab):
    both = pair()
    capture = lab.directory / "capture.pcap"
    tcpdump = both.responder.host.start("tcpdump", "-Z", "root", "-U", "--immediate-mode", "-i", "eth0", "-w", capture, "udp")
    tcpdump.wait_for_output("listening on")
    both.start()
    both.initiator.host.wait_for_ping(both.responder.address())
    both.initiator.host.run("ping", "-c", "5", "-i", "0.01", "-s", "1000", both.responder.address())

    def types(display_filter="wg"):
        text = both.responder.host.run("tshark", "-r", capture, "-Y", display_filter, "-T", "fields", "-e", "wg.type").stdout
        return text.split()

    harness.wait_until(lambda: len(types()) >= 14, "the capture of both directions")
    assert tcpdump.end(signal.SIGINT) == 0
    assert types()[:2] == ["1", "2"], "handshake initiation, handshake response"
    assert set(types()) == {"1", "2", "4"}
    assert types("_ws.malformed || wg.reserved != 00:00:00") == []
    assert types("!wg") == []


def test_garbage_changes_nothing(pair):
    both = pair().start()
    here, there = both.initiator, both.responder
    here.host.wait_for_ping(there.address())
    endpoint, before = there.status(here).endpoint, resident(there)

    here.host.run(harness.PYTHON, NOISE, "garbage", both.outside[1], peers.PORT, 20000)
    assert there.process.is_running()
    assert there.status(here).endpoint == endpoint
    assert here.host.pings(there.address())
    if there.kind == "ours":
        assert resident(there) - before < 4096, "KiB"


def test_handshake_under_a_flood_of_initiations(pair):
    """The responder answers the flood with cookies, and a peer that has none yet still gets its session."""
    both = pair()
    both.responder.start()
    host = both.initiator.host
    flood = host.start(harness.PYTHON, NOISE, "initiations", both.outside[1], peers.PORT, both.responder.public_key)
    harness.wait_until(lambda: both.responder.host.udp_counters()["received"] > 2000, "the flood to begin")
    both.initiator.start()
    host.wait_for_ping(both.responder.address(), seconds=25)  # the cookie is used in the next attempt, 5 s later
    assert flood.end() == 0
    answers = json.loads(flood.output())["answers"]
    assert set(answers) == {COOKIE_REPLY}
