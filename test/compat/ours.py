"""Our programs in the shape of the strangers': the relay and the node are those of test/e2e/nodes.py."""
from nodes import Node, Relay, find, why_missing  # noqa: F401
from strangers import StockRelayClient


class RelayClient(StockRelayClient):
    """Our relay client; its program speaks the lines of the stock driver."""

    name = "warren-test-relay-client"

    @property
    def program(self):
        return (find(self.name),)
