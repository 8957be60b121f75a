"""Who may do what on warrend's socket: other users of the machine, its operator, web pages in a browser of the machine."""
import json
import pwd

import pytest

import harness
from peers import WARREN

NOBODY = pwd.getpwnam("nobody")
READS = (("status",), ("ip",), ("netcheck",), ("whois", "100.64.0.1"), ("ping", "-c", "1", "--until-direct=false", "neighbour"))
WRITES = (("down",), ("up",), ("logout",), ("set", "--hostname", "other"), ("debug", "state"))
TOO_MUCH = 64 << 20  # bytes
CROWD = 300  # connections
HOLD = ("import contextlib, socket, sys, time\n"
        "held = []\n"
        f"for _ in range({CROWD}):\n"
        "    held.append(socket.socket(socket.AF_UNIX)); held[-1].connect(sys.argv[1])\n"
        "    with contextlib.suppress(BrokenPipeError):  # beyond its share it is closed at once\n"
        "        held[-1].send(b'GET /localapi/v0/watch-ipn-bus HTTP/1.1\\r\\nHost: local-warrend.sock\\r\\n\\r\\n')\n"
        "print('held', flush=True); time.sleep(1000)\n")


@pytest.fixture(scope="module")
def two(overlay_lab):
    overlay_lab.directory.chmod(0o711)  # others must get at the sockets
    overlay_lab.start_server()
    overlay_lab.join("home", "neighbour")
    return overlay_lab


@pytest.fixture
def home(two, net):
    return net.nodes["home"]


AS_NOBODY = ("setpriv", "--reuid", NOBODY.pw_uid, "--regid", NOBODY.pw_gid, "--clear-groups")


def as_nobody(node, *command):
    return node.host.run(*AS_NOBODY, *command, check=False)


def warren_as_nobody(node, *words):
    return as_nobody(node, WARREN, "--socket", node.socket, *words)


def ask(node, method, path, *options):
    """The HTTP status of a request to the socket, and the answer."""
    shown = node.host.run("curl", "-sS", "--max-time", "10", "--unix-socket", node.socket, "-X", method, "-w", "\n%{http_code}",
                          *options, f"http://local-warrend.sock/localapi/v0/{path}", check=False).stdout
    body, _, status = shown.rpartition("\n")
    return int(status), body


def test_another_user_may_look(home):
    for words in READS:
        result = warren_as_nobody(home, *words)
        assert result.returncode == 0, (words, result)


def test_another_user_may_not_change_anything(home):
    before = ask(home, "GET", "prefs")
    for words in WRITES:
        result = warren_as_nobody(home, *words)
        assert result.returncode == 1, (words, result)
        assert "access denied" in result.stderr and "sudo warren set --operator=nobody" in result.stderr, result.stderr
    assert ask(home, "GET", "prefs") == before
    assert home.state() == "Running"


def test_operator_may(home):
    home.warren("set", "--operator", "nobody")
    try:
        for words in (("down",), ("up",), ("set", "--hostname", "home")):
            result = warren_as_nobody(home, *words)
            assert result.returncode == 0, (words, result)
        home.wait_until_running()
    finally:
        home.warren("set", "--operator", "")
    assert warren_as_nobody(home, "down").returncode == 1
    assert home.state() == "Running"


def test_requests_of_web_pages_are_refused(home):
    assert ask(home, "GET", "status")[0] == 200
    for header in ("Origin: http://evil.example", "Referer: http://evil.example/", "Host: evil.example", "Host: 127.0.0.1:80"):
        for method, path in (("GET", "status"), ("GET", "prefs"), ("POST", "logout"), ("POST", "shutdown")):
            status, body = ask(home, method, path, "-H", header)
            assert status == 403, (header, method, path, status, body)
            assert "nodekey:" not in body
    assert home.state() == "Running"


def test_a_crowd_of_one_user_keeps_nobody_else_out(home):
    crowd = home.host.start(*AS_NOBODY, harness.PYTHON, "-c", HOLD, home.socket)
    crowd.wait_for_output("held")
    assert home.warren("status").returncode == 0
    home.warren("set", "--hostname", "home")
    crowd.end()
    assert warren_as_nobody(home, "status").returncode == 0


def test_nonsense_is_refused(home, net):
    big = net.directory / "big"
    with big.open("wb") as file:
        file.truncate(TOO_MUCH)
    for method, path in (("PATCH", "prefs"), ("POST", "start")):
        status, _ = ask(home, method, path, "--data-binary", f"@{big}")
        assert status in (400, 413), status
        assert ask(home, method, path, "--data-binary", '{"UpdatePrefs":')[0] == 400
        assert ask(home, method, path, "--data-binary", "[" * 10000)[0] == 400
    assert ask(home, "GET", "nothing")[0] == 404
    assert ask(home, "DELETE", "status")[0] == 405
    assert ask(home, "GET", "status?" + "x" * 60000)[0] >= 400
    assert ask(home, "GET", "status", "-H", "X: " + "y" * 100000)[0] >= 400
    resident = int(home.kernel_status()["VmRSS"].split()[0])
    assert resident < 64 * 1024, f"{resident} kB"
    assert json.loads(ask(home, "GET", "status")[1])["BackendState"] == "Running"


def test_admin_socket_is_for_administrators(net):
    server = net.server
    result = server.host.run(*AS_NOBODY, WARREN, "--socket", server.socket, "admin", "node", "list", check=False)
    assert result.returncode != 0 and "only root may" in result.stderr, result
    status = net.place("server").run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", server.socket,
                                     "-H", "Origin: http://evil.example", "http://localhost/api/warren/v1/nodes").stdout
    assert status == "403"
