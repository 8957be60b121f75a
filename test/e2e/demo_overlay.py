"""The demo's main scene: two machines that nobody can reach from outside find each other, with a server on the Internet.
The network is the one of `warren lab` (docs/lab.md)."""
import json
import time

import harness
import overlay
from pulse import Pulse

PICTURE = """
home   -- router -- carrier's NAT, 198.51.100.7 -----------+
                                                           internet -- server, 203.0.113.10
laptop -- a hotel's NAT, 198.51.100.40, of the worst kind -+
"""
PORT = 8080
PAGE = "<h1>Hello from home</h1> This page is served at home, which no one can reach from outside.\n"


def why_missing():
    return overlay.why_missing()


class Scene:
    """One server, one machine at home, one on the way, and what happens to them."""

    def __init__(self, keep, make_ssh):
        self.lab = overlay.Overlay(keep, name="warren-lab" if keep else None)
        self.make_ssh = make_ssh
        self.pulse = None

    # --- (a)

    def forward_a_port(self):
        """The home router forwards port 8080 to home, where a web server waits."""
        home = self.lab.place("home")
        www = self.lab.directory / "www"
        www.mkdir()
        (www / "index.html").write_text(PAGE)
        home.serve(www, PORT)
        if self.lab.place("neighbour").fetch(f"http://100.64.0.20:{PORT}/") != PAGE.encode():
            raise AssertionError("the home router does not forward its port")
        dropped = self._dropped_by_carrier()
        answer = self.lab.place("server").run("curl", "-sS", "--max-time", "2", f"http://198.51.100.7:{PORT}/", check=False)
        if answer.returncode == 0:
            raise AssertionError("the carrier let the page through")
        now = self._dropped_by_carrier()
        if now <= dropped:
            raise AssertionError("the carrier did not drop what came for port 8080")
        return (f"the router at home forwards port {PORT}, and the neighbour of the same carrier gets the page at 100.64.0.20.\n"
                f"From the Internet, 198.51.100.7:{PORT}: no answer. Behind this address are many customers; the carrier's NAT\n"
                f"knows no port {PORT} there and dropped {now - dropped} packets (nat_no_mapping). Only the carrier could change that.")

    def _dropped_by_carrier(self):
        routers = json.loads(self.lab.lab("status", "--json"))["routers"]
        carrier = next(router for router in routers if router["name"] == "carrier")
        return carrier.get("drops", {}).get("nat_no_mapping", 0)

    # --- (b)

    def start_server(self):
        started = time.monotonic()
        server = self.lab.start_server()
        self.command = " ".join(["warren", *server.join_command()])
        return time.monotonic() - started, "it printed the command that lets machines join:\nsudo " + _short(self.command)

    def join_home(self):
        return self._join("home")

    def _join(self, label):
        node = self.lab.node(label)
        node.start()
        started = time.monotonic()
        said = node.up()
        return time.monotonic() - started, said.stdout

    # --- (c)

    def join_laptop(self):
        home = self.lab.node("home")
        self.pulse = Pulse(self.lab.place("laptop"), home.host, home.address())
        shown = self._join("laptop")
        self.joined = time.monotonic()
        return shown

    def first_answer(self):
        harness.wait_until(self.pulse.times, "the first answer", 30)
        first = max(0.0, self.pulse.times()[0] - self.joined)
        harness.wait_until(self.pulse.is_steady, "steady answers", 30)
        return first, "the hotel's NAT lets no direct path through: the server's relay carries it, over TCP 443\n" + self._show_path()

    def move(self):
        since = time.monotonic()
        self.lab.lab("move", "laptop", "dualstack")
        self.pulse.wait_until_direct()
        found = max(self.pulse.times("in", since)[0], self.pulse.times("out", since)[0])
        return found - since, (f"from hotel Wi-Fi to a friend's home; {self.pulse.silence(since):.2f} s without an answer meanwhile\n"
                               + self._show_path())

    def _show_path(self):
        laptop = self.lab.node("laptop")
        asked = (("ping", "-c", "1", "--until-direct=false", "home"), ("status",))
        return "\n".join(laptop.warren(*words).stdout.strip() for words in asked)

    # --- (d)

    def web_page(self):
        address = self.lab.node("home").address()
        if self.lab.place("laptop").fetch(f"http://{address}:{PORT}/") != PAGE.encode():
            raise AssertionError("it is not the page")
        return PAGE

    def ssh_session(self):
        shell = self.make_ssh(self.lab, self.lab.place("laptop"), self.lab.place("home"))
        shown = shell.session(self.lab.node("home").address())
        if self.lab.node("laptop").address() not in shown:
            raise AssertionError(shown)
        return shown.splitlines()[0]

    # --- (e)

    def block_udp(self):
        since = time.monotonic()
        self.lab.lab("block-udp", "laptop")
        silence = self.pulse.silence(since)
        harness.wait_until(lambda: self.lab.node("laptop").path_to(self.lab.node("home")) == "relayed", "the relayed path", 30)
        return silence, self._show_path()

    def allow_udp(self):
        since = time.monotonic()
        self.lab.lab("unblock-udp", "laptop")
        self.pulse.wait_until_direct()
        found = max(self.pulse.times("in", since)[0], self.pulse.times("out", since)[0])
        return found - since, self._show_path()

    # --- (f)

    def restart_server(self):
        since = time.monotonic()
        self.lab.server.kill()
        harness.wait_until(lambda: "refused" in self._health(), "the laptop to notice", 30)
        self.lab.server.start()
        harness.wait_until(lambda: "refused" not in self._health(), "the laptop to be connected again", 30)
        return self.pulse.silence(since), ("killed with SIGKILL and started again; the machines' own path needs no server.\n"
                                           + self._show_path())

    def _health(self):
        return " ".join(self.lab.node("laptop").status()["Health"] or [])

    def tell(self, story):
        story.step("two machines behind NATs", lambda: PICTURE)
        story.step("(a) a forwarded port at home is of no use", self.forward_a_port)
        story.step("(b) warren-server starts for the first time", self.start_server)
        story.step("(b) warren up at home", self.join_home)
        story.step("(b) warren up on the laptop", self.join_laptop)
        story.step("(c) from `up` to the first answer from home", self.first_answer)
        story.step("(c) the laptop moves: time to a direct path", self.move)
        story.step("(d) a web page from home", self.web_page)
        story.step("(d) an SSH session at home", self.ssh_session)
        story.step("(e) UDP is blocked at the laptop: longest silence", self.block_udp)
        story.step("(e) a web page from home through the relay", self.web_page)
        story.step("(e) UDP is back: time to the direct path", self.allow_udp)
        story.step("(f) the server is killed and restarted: silence", self.restart_server)

    def how_to_look(self):
        for label in ("laptop", "home"):
            print(f"  {label}: sudo warren lab exec {label} warren --socket {self.lab.node(label).socket} status")
        print(f"  the server: sudo warren lab exec server warren --socket {self.lab.server.socket} admin status")
        print("  a shell on a machine: sudo warren lab shell laptop")

    def how_to_remove(self):
        print(f"  remove it: sudo warren lab down; rm -r {self.lab.directory}")


def _short(command):
    return " ".join(word if len(word) < 50 else word[:20] + "…" for word in command.split())
