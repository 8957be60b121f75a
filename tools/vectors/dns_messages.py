#!/usr/bin/env python3
"""DNS messages, made by dnspython (2.3 was used): questions as stub resolvers send them, answers as servers do, with compression.

    tools/vectors/dns_messages.py > src/proto/dns/testdata/messages.txt
"""
import dns.flags
import dns.message
import dns.rrset


def query(name, kind, edns=None, dnssec=False):
    message = dns.message.make_query(name, kind, use_edns=0 if edns else -1, want_dnssec=dnssec, payload=edns or 0)
    message.id = 0x1234
    return message


def answer(question, records, authority=(), rcode=0, authoritative=False, available=True, edns=None):
    message = dns.message.make_response(question, recursion_available=available)
    if edns:
        message.use_edns(0, payload=edns, ednsflags=0)
    elif question.edns >= 0:
        message.use_edns(-1)
    if authoritative:
        message.flags |= dns.flags.AA
    message.set_rcode(rcode)
    for section, lines in ((message.answer, records), (message.authority, authority)):
        for line in lines:
            name, ttl, _, kind, data = line.split(None, 4)
            section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return message


def show(name, message):
    print(name, message.to_wire().hex())


node = query("Web.Net.Example.", "A", edns=1232)
plain = query("www.example.com.", "A")
reverse = query("2.0.64.100.in-addr.arpa.", "PTR")
show("query", plain)
show("query_edns", node)
show("query_dnssec", query("www.example.com.", "AAAA", edns=4096, dnssec=True))
show("query_root", query(".", "NS"))
show("answer_node", answer(node, ["web.net.example. 5 IN A 100.64.0.2"], authoritative=True, edns=4095))
show("answer_reverse", answer(reverse, ["2.0.64.100.in-addr.arpa. 5 IN PTR web.net.example."], authoritative=True))
show("answer_refused", answer(plain, [], rcode=5))
show("answer_chain", answer(plain, ["www.example.com. 60 IN CNAME web.example.com.", "web.example.com. 60 IN A 192.0.2.7",
                                    "web.example.com. 60 IN AAAA 2001:db8::7"], ["example.com. 60 IN NS ns.example.com."]))
