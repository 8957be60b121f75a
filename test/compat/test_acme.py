"""Our server gets its certificate from a stranger's authority.

    authority 192.0.2.20 ---- router ---- 203.0.113.10 server ("warren.example.org")
                                |
                              visitor 198.51.100.10
"""
import dataclasses
import re

import pytest

import harness
import members
import pebble

ADDRESS, AUTHORITY, NAME = "203.0.113.10", "192.0.2.20", "warren.example.org"


@pytest.fixture(scope="module", autouse=True)
def programs(prerequisites):
    reason = members.why_missing() or pebble.why_missing()
    if reason:
        pytest.skip(reason)


@dataclasses.dataclass
class Places:
    router: harness.Host
    server: harness.Host
    authority: harness.Host
    visitor: harness.Host

    def close(self, port):
        """Nobody reaches that TCP port of the server any more."""
        self.router.run("nft", "-f", "-", text=f"""
table inet closed{port} {{
  chain forward {{
    type filter hook forward priority 0;
    ip daddr {ADDRESS} tcp dport {port} reject with tcp reset;
  }}
}}
""")


@pytest.fixture
def places(lab):
    places = Places(*map(lab.host, ("router", "server", "authority", "visitor")))
    places.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    for number, (host, address) in enumerate(((places.server, ADDRESS), (places.authority, AUTHORITY),
                                              (places.visitor, "198.51.100.10"))):
        lab.link(host, places.router)
        gateway = address.rpartition(".")[0] + ".1"
        host.add_address("eth0", f"{address}/24")
        places.router.add_address(f"eth{number}", f"{gateway}/24")
        host.ip("route", "add", "default", "via", gateway)
    return places


@pytest.fixture
def make_authority(places):
    def make(start=None, **options):
        authority = pebble.Pebble(places.authority, AUTHORITY, **options).start(**(start or {}))
        authority.point(NAME, ADDRESS)
        return authority
    return make


class Server(members.Server):
    """Ours, at a name, with certificates of an authority."""

    def __init__(self, host, authority, url=f"https://{NAME}", **listen):
        super().__init__(host, ADDRESS)
        self.url = url
        self.settings["url"] = url
        self.settings["listen"].update(listen)
        self.settings["tls"] = {"mode": "acme", "acme": {"directory": authority.url, "ca-file": str(authority.trusted),
                                                         "email": "admin@example.org"}}

    def certificate(self):
        return self.admin("GET", "status")["certificate"]

    def wait_for_certificate(self, seconds=30.0):
        harness.wait_until(lambda: self.certificate()["source"] == "acme",
                           f"a certificate; {self.certificate()}; {self.process.output()[-2000:]}", seconds)
        return self

    def metric(self, name):
        text = self.host.fetch("http://127.0.0.1:9180/metrics").decode()
        return float(re.search(rf"^{name}\S* (\S+)$", text, re.MULTILINE)[1])


def visit(places, authority, port=443):
    """What a stranger's client, who trusts the authority alone, is answered."""
    return places.visitor.run("curl", "-sS", "--cacert", authority.root(), "--resolve", f"{NAME}:{port}:{ADDRESS}", "-w",
                              "%{http_code}", "-o", "/dev/null", f"https://{NAME}:{port}/key?v=100").stdout


def serial(places):
    """Of the certificate that is shown now."""
    shown = places.visitor.run("openssl", "s_client", "-connect", f"{ADDRESS}:443", "-servername", NAME, text="").stdout
    return places.visitor.run("openssl", "x509", "-noout", "-serial", text=shown).stdout


def test_gets_one_by_tls_alpn_while_port_80_is_closed(places, make_authority):
    authority = make_authority()
    places.close(80)
    server = Server(places.server, authority, http=[]).start().wait_for_certificate()
    assert visit(places, authority) == "200"
    assert "tls-alpn-01 for" in server.process.output() and "http-01" not in server.process.output()
    assert 80 * 86400 < server.metric("warren_cert_expiry_seconds") < 91 * 86400
    assert server.metric("warren_listener_challenges_total") > 0


def test_gets_one_by_http_where_443_is_another_port_inside_the_url(places, make_authority):
    authority = make_authority()
    server = Server(places.server, authority, url=f"https://{NAME}:8443", https=[":8443"]).start().wait_for_certificate()
    assert visit(places, authority, 8443) == "200"
    assert "http-01 for" in server.process.output() and "tls-alpn-01" not in server.process.output()


def test_changes_the_method_once_where_443_is_closed_to_the_authority(places, make_authority):
    authority = make_authority()
    places.close(443)
    server = Server(places.server, authority).start()
    harness.wait_until(lambda: "good until" in server.process.output(), f"a certificate: {server.process.output()}", 30)
    assert "TCP port 443" in server.process.output() and "http-01 for" in server.process.output()


def test_renews_short_lived_ones_under_open_connections(places, make_authority):
    authority = make_authority(validity=20)
    server = Server(places.server, authority).start().wait_for_certificate()
    first = serial(places)
    harness.wait_until(lambda: serial(places) != first, "another certificate", 40)
    assert visit(places, authority) == "200"
    assert authority.asked("accounts in memory") == 1
    assert "ARI: order" in authority.process.output()  # it says which one it replaces
    assert server.metric("warren_acme_certificates_total") >= 2


def test_bears_an_authority_that_refuses_most_nonces(places, make_authority):
    authority = make_authority(start={"refused_nonces": 50})
    Server(places.server, authority).start().wait_for_certificate(60)
    assert visit(places, authority) == "200"


def test_keeps_account_order_and_certificate_over_kills(places, make_authority):
    authority = make_authority()
    server = Server(places.server, authority)
    def is_there():
        return list((server.state / "acme").glob("*/*/certificate.pem"))
    def is_lost():
        return "warning acme: get the certificate" in server.process.output()
    for moment in ("/dir", "sign-me-up", "order-plz", "authZ", "chalZ", "finalize-order"):
        server.start()  # it is often further than that moment when it is killed
        harness.wait_until(lambda: moment in server.process.output() or is_there() or is_lost(),
                           f"{moment}: {server.process.output()}", 20)
        server.kill()
        if is_lost():  # the authority looked just when nobody was there: by right that order is over, and the next comes later
            assert authority.asked("accounts in memory") == 1
            return
    server.start().wait_for_certificate()
    assert visit(places, authority) == "200"
    kept = serial(places)
    issued = authority.asked("Issued certificate serial")
    server.kill()
    server.start()
    assert server.certificate()["source"] == "acme"
    assert serial(places) == kept
    assert authority.asked("Issued certificate serial") == issued == 1
    assert authority.asked("accounts in memory") == 1


def test_says_what_is_wrong_with_a_name_and_serves_nodes_meanwhile(places, make_authority):
    authority = make_authority()
    authority.point(NAME, "198.51.100.10")  # the visitor: nothing listens there
    server = Server(places.server, authority).start()
    # With the first method's error alone it is not over.
    harness.wait_until(lambda: server.certificate().get("next_try"), "both methods to fail", 30)
    wrong = server.certificate()
    assert "TCP port 443" in wrong["error"] and "TCP port 80" in wrong["error"] and "DNS" in wrong["error"]
    assert wrong["source"] == "own"
    server.kill()
    server.start()
    assert server.certificate()["next_try"] == wrong["next_try"]  # a restart does not ask sooner
    member = members.OurMember(places.visitor, server)
    member.host.name(NAME, ADDRESS)
    member.start().join()


def test_says_when_the_authority_does_not_want_the_name(places, make_authority):
    authority = make_authority(blocked=[NAME])
    server = Server(places.server, authority).start()
    wrong = harness.wait_until(lambda: server.certificate()["error"], "an error", 30)
    assert 'choose another one in "url"' in wrong


def test_waits_for_an_authority_that_is_not_there(places, make_authority):
    authority = make_authority()
    authority.stop()
    server = Server(places.server, authority).start()
    wrong = harness.wait_until(lambda: server.certificate()["error"], "an error", 30)
    assert "find the certificate authority" in wrong


def test_a_stock_node_joins_that_trusts_the_authority_alone(places, make_authority):
    authority = make_authority()
    server = Server(places.server, authority).start()
    ours = members.OurMember(places.authority, server)  # while the certificate is the server's own
    ours.host.name(NAME, ADDRESS)
    ours.start().join()
    server.wait_for_certificate()
    stock = members.StockMember(places.visitor, server, trusted=authority.root())
    stock.host.name(NAME, ADDRESS)
    stock.join().wait_until_up()
    ours.wait_until_online(stock.name)
    assert f"{stock.name} sees" in ours.fetch(f"http://{stock.address()}/")
