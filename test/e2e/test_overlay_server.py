"""warren-server is killed, stopped, told to read its files again, and loses its disk: what it acknowledged is there
afterwards, and the machines hardly notice."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import pytest

import harness
from peers import WARREN
from pulse import Pulse

KILLS = 20
DISK = 32 << 20  # bytes: room for the database, its log and its reserve


@pytest.fixture(scope="module")
def two(overlay_lab):
    overlay_lab.start_server()
    overlay_lab.join("home", "neighbour")
    return overlay_lab


@pytest.fixture
def server(two, net):
    return net.server


def online(server):
    return sorted(node["name"] for node in server.admin_json("node", "list")["nodes"] if node["online"])


def wait_until_online(server, *names):
    harness.wait_until(lambda: online(server) == sorted(names), f"{names} online")


def ready(server):
    """What /ready says, and with which status."""
    answer = server.host.run("curl", "-sS", "-w", "\n%{http_code}", "http://127.0.0.1:9180/ready").stdout
    body, _, status = answer.rpartition("\n")
    return int(status), json.loads(body)


class Clerk:
    """Gives one administrator's command after the other, and remembers which were acknowledged."""

    def __init__(self, server):
        self.server = server
        self.users = []
        self.keys = {}
        self.is_done = False

    def work(self, number):
        count = 0
        while not self.is_done:
            count += 1
            login = f"user{number}x{count}"
            if self.server.admin("user", "add", login, check=False).returncode == 0:
                self.users.append(login)
            made = self.server.admin("key", "create", "--user", "owner", "--json", check=False)
            if made.returncode == 0:
                key = json.loads(made.stdout)
                self.keys[key["id"]] = key["key"]


def test_kill_loses_nothing_that_was_acknowledged(server, net):
    clerk = Clerk(server)
    before = {node["name"]: node["ipv4"] for node in server.admin_json("node", "list")["nodes"]}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(clerk.work, number) for number in range(2)]
        try:
            for kill in range(KILLS):
                known = len(clerk.users)
                harness.wait_until(lambda: len(clerk.users) > known, "the clerk")  # pylint: disable=cell-var-from-loop
                time.sleep(kill * 0.003)  # another moment of its command each time
                server.kill()
                server.start()
        finally:
            clerk.is_done = True
        for each in running:
            each.result()
    assert len(clerk.users) >= KILLS
    assert set(clerk.users) <= {user["login"] for user in server.admin_json("user", "list")["users"]}
    assert set(clerk.keys) <= {key["id"] for key in server.admin_json("key", "list")["keys"]}
    assert {node["name"]: node["ipv4"] for node in server.admin_json("node", "list")["nodes"]} == before
    wait_until_online(server, *before)
    # The last key admits a machine.
    office = net.node("office")
    office.start()
    words = server.join_command()
    words[words.index("--auth-key") + 1] = list(clerk.keys.values())[-1]
    office.warren(*words, "--hostname", "office", "--timeout", "20s")
    server.admin("node", "rm", "office")
    office.stop()


def test_kill_is_not_noticed_on_a_direct_path_and_machines_come_back(server, net):
    home, neighbour = net.nodes["home"], net.nodes["neighbour"]
    pulse = Pulse(neighbour.host, home.host, home.address())
    pulse.wait_until_direct()
    since = time.monotonic()
    server.kill()
    harness.wait_until(lambda: neighbour.status()["Health"], "the machine to notice")
    server.start()
    started = time.monotonic()
    wait_until_online(server, "home", "neighbour")
    print(f"online again {time.monotonic() - started:.2f} s after the restart")
    assert pulse.silence(since) < 0.5
    harness.wait_until(lambda: not neighbour.status()["Health"], "no complaint any more")
    pulse.stop()


def test_kill_in_the_middle_of_joins(server, net):
    hotel = net.node("hotel")
    for delay in (0.0, 0.03, 0.06, 0.1, 0.15):
        key = server.new_key()
        hotel.start()
        asked = hotel.host.start(WARREN, "--socket", hotel.socket, *key, "--hostname", "hotel", "--timeout", "20s")
        time.sleep(delay)
        server.kill()
        server.start()
        # The key may have been taken just before, but then the machine is in.
        asked.popen.wait(20)
        hotel.wait_until_running()
        listed = server.admin_json("node", "list")["nodes"]
        assert [node["ipv4"] for node in listed if node["hostname"] == "hotel"] == [hotel.address()], listed
        server.admin("node", "rm", "hotel")
        hotel.stop()
    # After so many restarts the others may come back late, and count as online until then.
    for label in ("home", "neighbour"):
        harness.wait_until(lambda: "hotel" not in net.nodes[label].peers(), label)  # pylint: disable=cell-var-from-loop


def test_stop_on_sigterm_is_clean(server):
    server_process = server.process
    assert server_process.end() == 0
    assert "server: stopped" in server_process.output()
    assert not server.socket.exists()
    server.start()
    wait_until_online(server, "home", "neighbour")


def test_sighup_reads_the_log_level_again(server):
    config = json.loads(server.config.read_text())
    server.config.write_text(json.dumps({**config, "log": {"level": "debug"}}))
    server.process.popen.send_signal(signal.SIGHUP)
    server.process.wait_for_output("are read again")
    server.config.write_text('{"lgo": 1}')
    server.process.popen.send_signal(signal.SIGHUP)
    server.process.wait_for_output("the configuration stays as it was")
    assert "lgo" in server.process.output()
    server.config.write_text(json.dumps(config))
    server.process.popen.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: server.process.output().count("are read again") == 2, "the old level")
    assert server.process.is_running()


def fingerprint(server):
    shown = server.host.run("sh", "-c", "openssl s_client -connect 203.0.113.10:443 </dev/null 2>/dev/null | "
                            "openssl x509 -noout -fingerprint -sha256").stdout
    return shown.strip()


def make_certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "30", "-subj", "/CN=203.0.113.10", "-addext", "subjectAltName=IP:203.0.113.10", "-keyout",
                    directory / "key.pem", "-out", directory / "cert.pem"], check=True, capture_output=True)


def test_sighup_reads_the_certificate_again(server, net):
    server.process.end()
    make_certificate(net.directory)
    server.start(tls={"cert": str(net.directory / "cert.pem"), "key": str(net.directory / "key.pem")})
    first = fingerprint(server)
    assert "Fingerprint=" in first
    make_certificate(net.directory)
    server.process.popen.send_signal(signal.SIGHUP)
    server.process.wait_for_output("are read again")
    assert fingerprint(server) != first
    (net.directory / "cert.pem").write_text("nonsense")
    server.process.popen.send_signal(signal.SIGHUP)
    server.process.wait_for_output("the configuration stays as it was")
    assert "Fingerprint=" in fingerprint(server)
    server.process.end()
    server.start()
    wait_until_online(server, "home", "neighbour")


@pytest.fixture
def small_disk(server):
    """The server with its state on a disk of its own."""
    disk = server.lab.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", disk], check=True)
    usual = server.directory
    server.process.end()
    try:
        subprocess.run(["cp", "-a", usual, disk / "server"], check=True)
        server.directory = disk / "server"
        server.start()
        wait_until_online(server, "home", "neighbour")
        yield disk
    finally:
        server.process.end()
        server.directory = usual
        subprocess.run(["umount", "--lazy", disk], check=True)
        disk.rmdir()
        server.start()
        wait_until_online(server, "home", "neighbour")


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as filler:
        block = bytes(4096)
        try:
            while True:
                filler.write(block)
        except OSError:
            pass


def test_full_disk_is_said_and_keeps_the_network_up(server, net, small_disk):
    home, neighbour = net.nodes["home"], net.nodes["neighbour"]
    fill(small_disk)
    refused = None
    for count in range(200):  # until what the database has in reserve is used up
        refused = server.admin("user", "add", f"crowd{count}", check=False)
        if refused.returncode != 0:
            break
    assert refused.returncode != 0
    assert "the disk is full: free some space" in refused.stderr, refused.stderr
    status, said = ready(server)
    assert status == 503 and not said["ok"] and "full" in said["detail"], said
    # Who is in stays in.
    neighbour.host.wait_for_ping(home.address())
    assert set(home.peers()) == {"neighbour"}
    assert online(server) == ["home", "neighbour"]
    home.kill()
    home.start()
    home.wait_until_running()
    neighbour.host.wait_for_ping(home.address())
    # Also after a restart on the full disk.
    server.kill()
    server.start()
    wait_until_online(server, "home", "neighbour")
    os.unlink(small_disk / "filler")
    harness.wait_until(lambda: server.admin("user", "add", "later", check=False).returncode == 0, "room again", 20)
    assert ready(server)[0] == 200
    acknowledged = {user["login"] for user in server.admin_json("user", "list")["users"]}
    server.kill()
    server.start()
    assert acknowledged == {user["login"] for user in server.admin_json("user", "list")["users"]}
    assert {f"crowd{each}" for each in range(count)} <= acknowledged
    for login in acknowledged:
        if re.fullmatch(r"crowd\d+|later", login):
            server.admin("user", "rm", login, check=False)


def test_damaged_database_is_said_and_the_server_starts(server):
    server.process.end()
    kept = server.directory.parent / "kept"
    subprocess.run(["cp", "-a", server.directory, kept], check=True)
    database = next(path for path in server.directory.iterdir() if path.suffix in (".db", ".sqlite", ".sqlite3"))
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))
    try:
        server.start()
        assert re.search(r"(error|warn) .*(damaged|malformed|corrupt)", server.process.output()), server.process.output()
        assert server.admin("status").returncode == 0
        server.process.end()
    finally:
        subprocess.run(["rm", "-rf", server.directory], check=True)
        kept.rename(server.directory)
        server.start()
    wait_until_online(server, "home", "neighbour")
