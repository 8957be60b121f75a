"""The measurements of bench/tunnel: one variant on one link, in new namespaces and new processes."""
import json
import os
import pathlib
import resource
import signal

import harness
import peers

PROBE = pathlib.Path(__file__).resolve().parent.parent / "build/release/bench/udp_probe"
GIB = 1 << 30
TICKS = os.sysconf("SC_CLK_TCK")
IPERF_PORT, PROBE_PORT = 5201, 7000
OMITTED = 2  # seconds at the start that iperf3 leaves out of the sum
SMALL = 64  # bytes of payload
LOSS = 0.01
FIRST_RATE, LOWEST_RATE = 20_000, 1_000  # packets a second
PRECISION = 1.06  # of the highest rate
MAX_FOREIGN, MAX_STEAL = 0.02, 0.005  # parts of the machine; a run above them says little


class Disturbance:
    """How many runs other work on the machine, or its host, disturbed."""

    def __init__(self, what="TCP runs"):
        self.what = what
        self.runs = 0
        self.disturbed = 0

    def note(self, before, after):
        """Counts a run; returns how it was disturbed, or nothing."""
        self.runs += 1
        total = sum(after.machine.values()) - sum(before.machine.values())
        foreign = ((after.busy() - before.busy()) - (after.ours - before.ours) * TICKS) / total
        steal = (after.machine["steal"] - before.machine["steal"]) / total
        if foreign <= MAX_FOREIGN and steal <= MAX_STEAL:
            return ""
        self.disturbed += 1
        return f"{100 * foreign:.1f} % foreign, {100 * steal:.1f} % stolen"

    def __str__(self):
        return f"{self.disturbed} of {self.runs} {self.what} disturbed by other work (over 2 % foreign or 0.5 % stolen)"


class Times:
    """CPU time now: of the machine by kind, and of what belongs to the measurement."""

    def __init__(self, pids):
        names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        self.machine = dict(zip(names, map(int, fields)))
        self.daemons = sum(map(cpu_seconds, pids))
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        me = resource.getrusage(resource.RUSAGE_SELF)
        self.ours = self.daemons + sum(one.ru_utime + one.ru_stime for one in (children, me))

    def busy(self):
        return self.machine["user"] + self.machine["nice"] + self.machine["system"]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime, stime: fields 14 and 15 of proc(5)


def peak_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Setup:
    """Two hosts with the variant's tunnel between them, or only the link."""

    def __init__(self, lab, how, link):
        kind = how["kind"] if how else "wireguard-go"  # raw: a pair that is never started
        both = peers.make_pair(lab, (kind, kind))
        self.client, self.server = both.initiator.host, both.responder.host
        if link == "nic-like":
            for host in (self.client, self.server):
                host.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off", "tso", "off", "gro", "on")
        self.daemons, self.device, self.address = [], "eth0", both.outside[1]
        if how:
            for end in (both.initiator, both.responder):
                end.options = how.get("options", ())
            both.start()
            self.daemons = [both.initiator.process.pid, both.responder.process.pid]
            self.device, self.address = both.responder.device, both.responder.address()
        self.client.wait_for_ping(self.address)

    def received_bytes(self):
        return int(self.server.run("cat", f"/sys/class/net/{self.device}/statistics/rx_bytes").stdout)


def iperf(setup, seconds, *options):
    """Runs one client against a new server; returns iperf3's report."""
    server = setup.server.start("iperf3", "-s", "-1", "-p", IPERF_PORT)
    harness.wait_until(lambda: setup.server.run("ss", "-Hltn", f"sport = :{IPERF_PORT}").stdout, "the iperf3 server")
    result = setup.client.run("iperf3", "-c", setup.address, "-p", IPERF_PORT, "-t", f"{max(1, round(seconds))}", "-O", OMITTED,
                              "-J", "-C", "cubic", *options, seconds=seconds + 30)
    server.popen.wait(10)
    return json.loads(result.stdout)["end"]


def tcp(setup, seconds, disturbed, *options):
    """Gbit/s, and the daemons' CPU seconds per GiB that the far TUN device delivered."""
    before, bytes_before = Times(setup.daemons), setup.received_bytes()
    end = iperf(setup, seconds, *options)
    after, delivered = Times(setup.daemons), setup.received_bytes() - bytes_before
    disturbed.note(before, after)
    bits = end["sum_received"]["bits_per_second"] + end.get("sum_received_bidir_reverse", {}).get("bits_per_second", 0)
    return bits / 1e9, (after.daemons - before.daemons) / (delivered / GIB)


def loss_at(setup, rate, seconds):
    receiver = setup.server.start(PROBE, "receive", PROBE_PORT)
    receiver.wait_for_output("ready")
    report = setup.client.run(PROBE, "send", setup.address, PROBE_PORT, rate, seconds, SMALL, seconds=seconds + 30)
    sent = json.loads(report.stdout)["sent"]
    receiver.end(signal.SIGTERM)
    received = json.loads(receiver.output().split("ready\n")[1])["received"]
    achieved = sent / seconds
    return (1 - received / sent if sent else 1), achieved


def small_packets(setup, seconds):
    """The highest rate, in thousands a second, that loses less than 1 %: doubled until it fails, then bisected."""
    best, failed, rate = 0.0, None, FIRST_RATE
    while rate > LOWEST_RATE and (failed is None or failed > best * PRECISION):
        loss, achieved = loss_at(setup, round(rate), seconds)
        if loss < LOSS:
            best = max(best, achieved)
        if loss >= LOSS or achieved < rate / PRECISION:  # too fast for the tunnel, or for the sender itself
            failed = rate
        rate = 2 * rate if failed is None else (best + failed) / 2
    return best / 1000


def round_trips(setup, seconds):
    server = setup.server.start(PROBE, "echo", PROBE_PORT)
    server.wait_for_output("ready")
    report = json.loads(setup.client.run(PROBE, "ping", setup.address, PROBE_PORT, seconds, seconds=seconds + 30).stdout)
    server.end(signal.SIGTERM)
    return report["p50"], report["p99"]


def round_trips_under_load(setup, seconds):
    """While one TCP stream goes the same way."""
    server = setup.server.start("iperf3", "-s", "-1", "-p", IPERF_PORT)
    harness.wait_until(lambda: setup.server.run("ss", "-Hltn", f"sport = :{IPERF_PORT}").stdout, "the iperf3 server")
    stream = setup.client.start("iperf3", "-c", setup.address, "-p", IPERF_PORT, "-t", round(seconds) + 5, "-C", "cubic")
    before = setup.received_bytes()
    harness.wait_until(lambda: setup.received_bytes() - before > 64 << 20, "the stream to flow", 20)
    result = round_trips(setup, seconds)
    stream.end()
    server.end()
    return result


def measure(how, link, seconds, disturbed):
    """All figures of one variant; small packets and latency only on the default link."""
    figures = {}
    with harness.Lab() as lab:
        setup = Setup(lab, how, link)
        figures["tcp x1"], cost = tcp(setup, seconds, disturbed, "-P", "1")
        if setup.daemons:
            figures["cpu, both daemons, tcp x1"] = cost
        figures["tcp x8"], _ = tcp(setup, seconds, disturbed, "-P", "8")
        figures["tcp both ways"], _ = tcp(setup, seconds, disturbed, "--bidir")
        if link == "default":
            figures["64-byte packets, loss < 1 %"] = small_packets(setup, min(2.0, seconds / 2))
            figures["round trip idle p50"], figures["round trip idle p99"] = round_trips(setup, seconds)
            figures["round trip under tcp p50"], figures["round trip under tcp p99"] = round_trips_under_load(setup, seconds)
        if setup.daemons:
            figures["peak memory of one daemon"] = max(map(peak_mib, setup.daemons))
    return figures
