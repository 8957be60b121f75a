"""Our programs for tests: the relay of `warren-test-relay` and, when it exists, the node of `warren-test-node`.

All that tests and benchmarks know of the two programs' command lines and output is in this file.
"""
import json
import os

from peers import PROGRAMS, wg
from strangers import RelayAddress, StockRelayClient

TEST_PROGRAMS = PROGRAMS.parent.parent / "test/e2e"


def find(name):
    """The program, or None if it is not built."""
    program = TEST_PROGRAMS / name
    return program if os.access(program, os.X_OK) else None


def why_missing(name):
    """Says why the program can't be used here, or None."""
    return None if find(name) else f"{name} is not built"


class Relay:
    """Our relay with STUN, admitting everybody. Key and certificate stay the same over restarts."""

    program = "warren-test-relay"

    def __init__(self, host, address, listen=None, port=443, stun_port=3478):
        self.host, self.name = host, address
        self.listen = listen or address
        self.port, self.stun_port = port, stun_port
        self.directory = host.lab.directory / f"{host.label}-relay"
        self.directory.mkdir()
        self.process = self.address = None

    def start(self, *options):
        target = f"[{self.listen}]" if ":" in self.listen else self.listen
        self.process = self.host.start(
            find(self.program), "--listen", f"{target}:{self.port}", "--stun", f"{target}:{self.stun_port}",
            "--name", self.name, "--state", self.directory, "--admit-all", *options)
        self.process.wait_for_output("\n")
        ready = json.loads(next(line for line in self.process.output().splitlines() if line.startswith("{")))
        self.address = RelayAddress(self.name, self.port, self.stun_port, ready["certificate"], self.name)
        return self


class RelayClient(StockRelayClient):
    """Our relay client; its program speaks the lines of the stock driver."""

    name = "warren-test-relay-client"

    @property
    def program(self):
        return (find(self.name),)


class Node:
    """Our node, from a static map of both ends and the relay.

    Of `warren-test-node` it needs: a configuration with the fields below, a TUN device of this name with the address,
    and that it ends with SIGTERM. Disco keys are given because nobody is there to tell them.
    """

    name = "warren-test-node"
    device = "warren0"

    def __init__(self, host, number):
        self.host = host
        self.private_key, self.disco_key = wg("genkey"), wg("genkey")
        self.inside = f"10.7.0.{number}"
        self.path = host.lab.directory / f"{host.label}-node.json"
        self.process = None

    def configure(self, peer, relay):
        self.path.write_text(json.dumps({
            "private_key": self.private_key, "disco_key": self.disco_key, "device": self.device,
            "address": f"{self.inside}/24", "port": 41641, "mtu": 1280,
            "relay": {"host": relay.host, "port": relay.port, "stun_port": relay.stun_port, "certificate": relay.pin},
            "peers": [{"public_key": wg("pubkey", text=peer.private_key), "disco_key": wg("pubkey", text=peer.disco_key),
                       "allowed_ips": [f"{peer.inside}/32"]}],
        }))

    def start(self):
        self.process = self.host.start(find(self.name), "--config", self.path)
        return self

    def stop(self):
        self.process.end()
        self.process = None

    def is_up(self):
        return self.process.is_running()

    def address(self):
        return self.inside

    def pids(self):
        return [self.process.pid]
