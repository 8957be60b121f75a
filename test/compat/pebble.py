"""Pebble, the authority that ACME clients are tested with, and a name service that its validation asks.

    pebble = Pebble(host, "192.0.2.20", validity=90).start()
    pebble.point("warren.example.org", "203.0.113.10")
"""
import json
import os
import pathlib

import members
from harness import wait_until
from strangers import is_listening

PROGRAMS = pathlib.Path(__file__).resolve().parents[2] / "build/compat/acme"
PEBBLE, NAMES = PROGRAMS / "pebble", PROGRAMS / "pebble-challtestsrv"
PORT, MANAGEMENT, DNS, NAMES_MANAGEMENT = 14000, 15000, 8053, 8055


def why_missing():
    """Says why it can't be used here, or None."""
    missing = [str(program) for program in (PEBBLE, NAMES) if not os.access(program, os.X_OK)]
    return f"{', '.join(missing)} not built: test/compat/build" if missing else None


class Pebble:
    """An authority at an address, whose own certificate another authority vouches for. It forgets all when it ends."""

    def __init__(self, host, address, validity=90 * 86400, blocked=()):
        self.host, self.address = host, address
        self.directory = host.lab.directory / f"{host.label}-pebble"
        self.directory.mkdir()
        authority = members.Authority(self.directory / "authority")
        certificate, key = authority.issue(address)
        self.trusted = authority.certificate
        self.url = f"https://{address}:{PORT}/dir"
        self.config = self.directory / "pebble.json"
        self.config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{address}:{PORT}", "managementListenAddress": f"{address}:{MANAGEMENT}",
            "certificate": str(certificate), "privateKey": str(key), "httpPort": 80, "tlsPort": 443,
            "domainBlocklist": list(blocked), "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
            "profiles": {"default": {"description": "of the test", "validityPeriod": validity}}}}))
        self.process = self.names = None

    def start(self, refused_nonces=5):
        """Refuses so many good nonces of a hundred."""
        if not self.names:
            self.names = self.host.start(NAMES, "-defaultIPv4", "", "-defaultIPv6", "", "-dnsserver", f"127.0.0.1:{DNS}", "-http01",
                                         "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management",
                                         f"127.0.0.1:{NAMES_MANAGEMENT}")
            wait_until(lambda: is_listening(self.host, NAMES_MANAGEMENT), "the name service")
        self.process = self.host.start(
            PEBBLE, "-strict", "-config", self.config, "-dnsserver", f"127.0.0.1:{DNS}",
            environment={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(refused_nonces), "PEBBLE_AUTHZREUSE": "0"})
        wait_until(lambda: is_listening(self.host, PORT), "pebble")
        return self

    def stop(self):
        self.process.end()

    def point(self, name, address):
        """Lets a name have that address, and no other."""
        for command, data in (("clear-a", {"host": name}), ("add-a", {"host": name, "addresses": [address]})):
            self.host.run("curl", "-sSf", "-d", json.dumps(data), f"http://127.0.0.1:{NAMES_MANAGEMENT}/{command}")

    def root(self):
        """The certificate, as a file, that vouches for what it gives."""
        path = self.directory / "root.pem"
        path.write_text(self.host.run("curl", "-sSf", "--cacert", self.trusted,
                                      f"https://{self.address}:{MANAGEMENT}/roots/0").stdout)
        return path

    def asked(self, what):
        """How often."""
        return self.process.output().count(what)
