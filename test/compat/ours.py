"""Our programs in the shape of the strangers': the relay and the node are those of test/e2e/nodes.py."""
from nodes import Node, Relay, find, why_missing  # noqa: F401
from strangers import StockRelayClient


class RelayClient(StockRelayClient):
    """Our relay client; its program speaks the lines of the stock driver."""

    name = "warren-test-relay-client"

    @property
    def program(self):
        return (find(self.name),)

    def expect_gone(self, peer, reason):
        """It forgets the way to the peer whatever the reason (spec: paths section 2.4), and does not tell it."""
        return self.expect("gone", peer=peer)
