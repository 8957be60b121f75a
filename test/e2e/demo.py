#!/usr/bin/python3
"""The story that scripts/demo tells: two machines behind carrier-grade NAT reach each other (demo_overlay.py); a stock
WireGuard device joins them through the hub (demo_hub.py). Then two machines and plain WireGuard, without a server:

    laptop ---- home      the link: 10.9.0.1 and 10.9.0.2
    laptop ==== home      the tunnel: 10.7.0.1 and 10.7.0.2, fd07::1 and fd07::2
"""
import argparse
import os
import pwd
import sys
import time

import demo_hub
import demo_overlay
import harness
import overlay
import peers

PAGE = "<h1>Hello from home</h1> This page is served on 10.7.0.2, an address that exists only inside the tunnel.\n"


class Story:
    """Prints what happens, with the time it took; keeps it for the table at the end."""

    def __init__(self):
        self.steps = []
        self.scene = ""

    def begin(self, scene):
        self.scene = scene
        print(f"\n== {scene}", flush=True)

    def step(self, what, action):
        """Performs one step; its result is text to show, or a pair of the seconds that it is about and a text. A failure
        is told and ends the scene."""
        started = time.monotonic()
        try:
            shown = action()
        except Exception as error:
            self.end_step(what, time.monotonic() - started, "FAILED")
            print("\n".join(f"      {line}" for line in str(error).splitlines()))
            raise
        seconds, shown = shown if isinstance(shown, tuple) else (time.monotonic() - started, shown)
        self.end_step(what, seconds, "ok")
        for line in (shown or "").strip().splitlines():
            print(f"      {line}", flush=True)

    def end_step(self, what, seconds, result):
        took = f"{seconds * 1000:.0f} ms"
        self.steps.append((self.scene, what, result, took))
        print(f"  {what}: {result}, {took}", flush=True)

    def skip(self, reason):
        self.steps.append((self.scene, reason, "skipped", ""))
        print(f"  skipped: {reason}")

    def table(self):
        print("\n== What was seen")
        widths = [max(len(row[column]) for row in self.steps) for column in range(4)]
        for row in self.steps:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())

    def failed(self):
        return any(result == "FAILED" for _, _, result, _ in self.steps)


class Ssh:
    """A dropbear server at home that lets one key in, and the laptop that holds this key."""

    def __init__(self, lab, laptop, home):
        self.laptop = laptop
        self.directory = lab.directory / "ssh"
        # dropbear looks in the home directory of the password file: there, in its namespace alone, we mount our own.
        account = pwd.getpwuid(os.geteuid())
        owner_home = self.directory / "home"
        (owner_home / ".ssh").mkdir(parents=True, mode=0o700)
        owner_home.chmod(0o700)
        host_key = self.directory / "host_key"
        home.run("dropbearkey", "-t", "ed25519", "-f", host_key)
        laptop.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / "key")
        (owner_home / ".ssh" / "authorized_keys").write_text((self.directory / "key.pub").read_text())
        (owner_home / ".ssh" / "authorized_keys").chmod(0o600)
        public = next(line for line in home.run("dropbearkey", "-y", "-f", host_key).stdout.splitlines() if line.startswith("ssh-"))
        (self.directory / "known_hosts").write_text(f"* {public}\n")
        home.start("sh", "-c", f"mount --bind {owner_home} {account.pw_dir} && exec dropbear -F -E -s -p 22 "
                               f"-P {self.directory}/pid -r {host_key}")
        harness.wait_until(lambda: home.run("ss", "-Hltn", "sport = :22").stdout, "the SSH server at home")
        self.account = account.pw_name

    def command(self, address):
        return ["ssh", "-F", "/dev/null", "-i", str(self.directory / "key"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-o", f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "StrictHostKeyChecking=yes", f"{self.account}@{address}"]

    def session(self, address):
        script = 'echo "logged in over $SSH_CONNECTION"; ip -br address show up | sed "s/^/home has /"'
        return self.laptop.run(*self.command(address), script).stdout


def expect(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


def scene(story, lab, kinds):
    both = peers.make_pair(lab, kinds)
    laptop, home = both.initiator.host, both.responder.host
    laptop.label, home.label = "laptop", "home"
    www = lab.directory / "www"
    four, six = both.responder.address(4), both.responder.address(6)

    def start():
        both.start()
        return "\n".join(f"{end.host.label}: {end.kind if end.kind != 'ours' else 'warren wg'}, device {end.device}, "
                         f"{', '.join(end.addresses)}" for end in (both.initiator, both.responder))

    def first_ping():
        laptop.wait_for_ping(four)
        laptop.wait_for_ping(six)
        return laptop.run("ping", "-n", "-c", "3", "-i", "0.01", four).stdout.strip().splitlines()[-1]

    def web_page():
        www.mkdir()
        (www / "index.html").write_text(PAGE)
        home.serve(www)
        for url in (f"http://{four}:8080/", f"http://[{six}]:8080/"):
            expect(laptop.fetch(url).decode() == PAGE, f"{url} is not the page")
        return PAGE

    def big_file():
        size = 256 << 20
        with (www / "big").open("wb") as file:
            file.truncate(size)
        started = time.monotonic()
        body = laptop.fetch(f"http://{four}:8080/big")
        seconds = time.monotonic() - started
        expect(len(body) == size and not any(body[:4096]), "the download is not what was served")
        return f"256 MiB at {size * 8 / seconds / 1e9:.1f} Gbit/s"

    def ssh_session():
        shell = Ssh(lab, laptop, home)
        shown = shell.session(four)
        expect(f"{both.initiator.address()} " in shown, shown)
        return shown

    def show():
        text = laptop.run("wg", "show", both.initiator.device).stdout
        expect("latest handshake" in text, text)
        return text

    story.step("two machines and a tunnel", start)
    story.step("ping through the tunnel, IPv4 and IPv6", first_ping)
    story.step("a web page from home", web_page)
    story.step("a big download", big_file)
    story.step("an SSH session at home", ssh_session)
    story.step("wg show knows our device", show)
    return both


class TunnelScene:
    """Plain WireGuard, in the shape of demo_overlay.Scene."""

    def __init__(self, keep, kinds):
        self.lab = harness.Lab(keep)
        self.kinds = kinds

    def tell(self, story):
        self.both = scene(story, self.lab, self.kinds)

    def how_to_look(self):
        for end in (self.both.initiator, self.both.responder):
            print(f"  {end.host.label}: ip netns exec {end.host.namespace} bash        wg show {end.device}")

    def how_to_remove(self):
        names = " ".join(host.namespace for host in self.lab.hosts)
        print(f"  remove it: for n in {names}; do ip netns pids $n | xargs -r kill; ip netns delete $n; done; "
              f"rm -r {self.lab.directory}")


def why_no_tunnel(*kinds):
    return next(filter(None, map(peers.why_missing, kinds)), None)


SCENES = (  # title, what it needs, how it is made
    ("Two machines behind carrier-grade NAT", demo_overlay.why_missing, lambda keep: demo_overlay.Scene(keep, Ssh)),
    ("The hub: a stock WireGuard device", demo_hub.why_missing, demo_hub.Scene),
    ("Plain WireGuard, our tunnel at both ends", lambda: why_no_tunnel("ours"),
     lambda keep: TunnelScene(keep, ("ours", "ours"))),
    ("Plain WireGuard with a stranger: wireguard-go at home", lambda: why_no_tunnel("ours", "wireguard-go"),
     lambda keep: TunnelScene(keep, ("ours", "wireguard-go"))),
)


def main():
    parser = argparse.ArgumentParser(description="Two machines behind carrier-grade NAT reach each other through our "
                                                 "server, and a stock WireGuard device through its hub; then two machines open a "
                                                 "web page and an SSH session through "
                                                 "plain WireGuard, with us and with wireguard-go at one end.")
    parser.add_argument("--keep", action="store_true",
                        help="leave it running, until the next demo or test; say how to look and how to remove it")
    args = parser.parse_args()
    reason = harness.why_not() or peers.why_missing("ours")
    if reason:
        print(f"demo: {reason}", file=sys.stderr)
        return 1

    harness.die_with_signals()
    harness.remove_stale()
    overlay.remove_stale()
    story = Story()
    kept = []
    for title, why_not, make in SCENES:
        story.begin(title)
        missing = why_not()
        if missing:
            story.skip(missing)
            continue
        told = make(args.keep)
        with told.lab:
            try:
                told.tell(story)
                kept.append(told)
            except Exception:  # told already
                print("\n".join(told.lab.logs()))
    story.table()
    if args.keep:
        print("\n== Left running")
        for told in kept:
            told.how_to_look()
            told.how_to_remove()
    return 1 if story.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
