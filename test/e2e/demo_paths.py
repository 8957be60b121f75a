"""The demo's second scene: two machines that nobody can reach from outside find each other."""
import time

import harness
import internet
import nodes
from nodes import boot_time
from world import RELAY, World

PICTURE = """
both behind two NATs, no port is forwarded:
    laptop -- hotel -- carrier 198.51.100.2 --+
                                              internet -- relay 203.0.113.10
    home ---- router - carrier 192.0.2.2 -----+
"""


def why_missing():
    return internet.why_missing() or nodes.why_missing()


def describe(node, peer):
    path = node.path_to(peer)
    way = " and ".join(filter(None, [path["direct"] and f"directly to {path['direct']}", path["relay"] and "through the relay"]))
    return f"{node.host.label} sends {way}"


class Scene:
    """Two machines, each behind a home router and a carrier's NAT, and what happens to them."""

    def __init__(self, lab):
        self.lab = lab

    def build(self):
        self.world = World(self.lab, carriers=2, names=("laptop", "home"))
        self.laptop, self.home = self.world.nodes
        return PICTURE

    def start(self):
        self.started = self.world.start()
        pulse = self.world.pulse
        harness.wait_until(pulse.times, "the first answer", 30)
        first = pulse.times()[0] + boot_time() - time.monotonic()
        return first - self.started, ""

    def become_direct(self):
        found = self.world.wait_until_direct()
        relayed = self.laptop.status()["counts"]["relay_datagrams_received"]
        return found - self.started, f"{relayed} packets of data came through the relay until then, and now\n" + self.both_ways()

    def round_trip(self):
        text = self.laptop.host.run("ping", "-n", "-c", "5", "-i", "0.05", self.home.inside).stdout
        return text.strip().splitlines()[-1]

    def block_udp(self):
        silence = self.world.silence(lambda: self.world.net.block("home-b"))
        harness.wait_until(self.world.are_relayed, "both paths through the relay", 60)
        return silence, self.both_ways()

    def allow_udp(self):
        since = boot_time()
        self.world.net.unblock("home-b")
        found = self.world.wait_until_direct(since)
        return found - since, self.both_ways()

    def change_address(self):
        silence = self.world.silence(lambda: self.world.net.set_external("carrier-b", "192.0.2.77"))
        harness.wait_until(lambda: (self.laptop.path_to(self.home)["direct"] or "").startswith("192.0.2.77:"), "the new address", 60)
        self.world.wait_until_direct()
        return silence, self.both_ways()

    def web_page(self, page):
        www = self.lab.directory / "www"
        if not www.exists():
            www.mkdir()
            (www / "index.html").write_text(page)
            self.home.host.serve(www)
        if self.laptop.host.fetch(f"http://{self.home.inside}:8080/").decode() != page:
            raise AssertionError("it is not the page")
        return page

    def both_ways(self):
        return "\n".join(describe(node, peer) for node, peer in self.world.pairs())

    def tell(self, story, page):
        story.step("two machines behind carrier-grade NAT, and a relay", self.build)
        story.step("from the start of both to the first answer", self.start)
        story.step("from the start to a direct path through four NATs", self.become_direct)
        story.step("ping over the direct path", self.round_trip)
        story.step("UDP is blocked at home: silence until the relay", self.block_udp)
        story.step("a web page from home through the relay", lambda: self.web_page(page))
        story.step("UDP is allowed again: time to a direct path", self.allow_udp)
        story.step("home gets another public address: silence", self.change_address)
        story.step("a web page from home over the direct path", lambda: self.web_page(page))

    def how_to_look(self):
        for node in self.world.nodes:
            log = node.process.log
            print(f"  {node.host.label}: ip netns exec {node.host.namespace} bash        tail -f {log}")
        print(f"  the relay, {RELAY}: ip netns exec {self.world.server.namespace} bash")
