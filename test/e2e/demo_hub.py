"""The demo's second scene, the hub: a NAS box that knows nothing but WireGuard, and a laptop of the mesh. Each opens the
other's web page by name; the server in the middle is all that both can reach."""
import re
import shutil
import time

import harness
import overlay
import peers

PICTURE = """
nas, stock WireGuard -- router -- carrier's NAT, 198.51.100.7 --+
                                                                server and hub, 203.0.113.10
laptop, a mesh node -- a hotel's NAT, 198.51.100.40 ------------+
"""
PORT = 8080
PAGES = {"home": "<h1>Hello from the NAS</h1>\n", "laptop": "<h1>Hello from the laptop</h1>\n"}
STRANGERS = ("wg-quick", "wireguard-go", "wg")


def why_missing():
    return overlay.why_missing()


class Scene:
    """One server, one machine of the mesh, one device."""

    def __init__(self, keep):
        self.lab = overlay.Overlay(keep, name="warren-hub" if keep else None)
        self.nas = self.lab.place("home")  # its host: behind a router and the carrier
        self.laptop = self.lab.node("laptop")
        self.is_stranger = all(shutil.which(name) for name in STRANGERS)
        self.device = harness.unique_device()

    def join_laptop(self):
        self.lab.start_server()
        self.laptop.start()
        return self.laptop.up().stdout

    def add_device(self):
        made = self.lab.server.admin("device", "add", "nas")
        self.profile = made.stdout
        return "warren admin device add nas\n" + re.sub(r"(PrivateKey = ).*", r"\1(shown only now, and to the NAS only)", self.profile)

    def connect_device(self):
        # wg-quick hands DNS to resolvconf, which would be this machine's own here: the scene does its part.
        line = re.search(r"^DNS = (\S+), (\S+)\n", self.profile, re.MULTILINE)
        names = overlay.LABS / self.lab.name / "etc" / "home" / "resolv.conf"
        names.write_text(f"nameserver {line[1]}\nsearch {line[2]}\n")
        path = self.lab.directory / f"{self.device}.conf"
        path.write_text(self.profile.replace(line[0], ""))
        path.chmod(0o600)
        started = time.monotonic()
        if self.is_stranger:
            self.nas.run("env", "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go", "wg-quick", "up", path)
        else:
            tunnel = self.nas.start(peers.WARREN, "wg", "--name", self.device, "--config", path)
            tunnel.wait_for_output(f"warren: {self.device} is up")
        self.laptop.host.wait_for_ping("nas")
        who = "Debian's wg-quick with wireguard-go" if self.is_stranger else "warren wg (wireguard-go is not installed)"
        return time.monotonic() - started, f"with {who}; the laptop's first answer from it came after this time"

    def serve(self, host, label):
        www = self.lab.directory / f"www-{label}"
        www.mkdir()
        (www / "index.html").write_text(PAGES[label])
        host.serve(www, PORT)

    def open_page(self, host, name, of):
        url = f"http://{name}:{PORT}/"
        if host.fetch(url).decode() != PAGES[of]:
            raise AssertionError(f"{url} is not the page")
        return f"{url}: {PAGES[of]}"

    def page_of_nas(self):
        self.serve(self.nas, "home")
        return self.open_page(self.laptop.host, "nas", "home")

    def page_of_laptop(self):
        self.serve(self.laptop.host, "laptop")
        return self.open_page(self.nas, "laptop", "laptop")

    def hub(self):
        return self.lab.server.admin("hub").stdout

    def cut_off(self):
        started = time.monotonic()
        self.lab.server.admin("device", "disable", "nas")
        harness.wait_until(lambda: not self.laptop.host.pings("nas", seconds=1), "the device to be cut off")
        seconds = time.monotonic() - started
        self.lab.server.admin("device", "enable", "nas")
        self.laptop.host.wait_for_ping("nas", seconds=20)
        return seconds, "warren admin device disable nas: nothing reaches it; `enable` lets it in again"

    def tell(self, story):
        story.step("a box of stock WireGuard and a machine of the mesh", lambda: PICTURE)
        story.step("(a) warren-server, and warren up on the laptop", self.join_laptop)
        story.step("(b) the server makes the NAS's profile", self.add_device)
        story.step("(c) the NAS connects: time to its first answer", self.connect_device)
        story.step("(d) the laptop opens the NAS's page by name", self.page_of_nas)
        story.step("(d) the NAS opens the laptop's page by name", self.page_of_laptop)
        story.step("(e) the hub's view", self.hub)
        story.step("(f) the NAS is cut off: time", self.cut_off)

    def how_to_look(self):
        print(f"  the hub: sudo warren lab --name {self.lab.name} exec server warren --socket {self.lab.server.socket} admin hub")
        print(f"  the NAS: sudo warren lab --name {self.lab.name} exec home curl http://laptop:{PORT}/")

    def how_to_remove(self):
        print(f"  remove it: sudo warren lab --name {self.lab.name} down; rm -r {self.lab.directory}")
