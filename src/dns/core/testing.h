#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "dns/core/resolver.h"
#include "proto/dns/message.h"

// A small network of names, for tests only.
namespace warren::dns::testing {

using Bytes = std::vector<std::uint8_t>;

inline Name name(std::string_view text) {
  const auto parsed = Name::parse(text);
  WARREN_CHECK(parsed.has_value());
  return *parsed;
}

inline IpAddress ip(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  WARREN_CHECK(parsed.has_value());
  return *parsed;
}

inline Host host(std::string_view full_name, std::initializer_list<std::string_view> addresses) {
  Host out{.name = name(full_name)};
  for (const std::string_view address : addresses) out.addresses.push_back(ip(address));
  return out;
}

// web has both families, six IPv6 only, wild its own subdomains.
inline void fill(HostTable& hosts) {
  hosts.put({1}, host("web.net.example", {"100.64.0.1", "fd7a:115c:a1e0::1"}));
  hosts.put({2}, host("six.net.example", {"fd7a:115c:a1e0::2"}));
  Host wild = host("wild.net.example", {"100.64.0.3"});
  wild.owns_subdomains = true;
  hosts.put({3}, wild);
  hosts.put({4}, host("guest.other.example", {"100.64.0.4"}));
}

inline ZoneConfig zone_config() {
  return {.service_addresses = {ip("100.100.100.100"), ip("fd7a:115c:a1e0::53")},
          .suffixes = {name("net.example")},
          .authoritative = {name("net.example"), name("64.100.in-addr.arpa"),
                            name("0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa"), name("printer.example")},
          .records = {{name("db.net.example"), ip("192.0.2.1")},
                      {name("db.net.example"), ip("2001:db8::1")},
                      {name("printer.example"), ip("192.0.2.2")},
                      {name("phone.net.example"), ip("100.64.0.9")}}};
}

inline Bytes query(std::string_view text,
                   RecordType type = RecordType::A,
                   std::uint16_t id = 7,
                   std::uint16_t edns_size = 0) {
  return encode_query(id, {.name = name(text), .type = type}, edns_size);
}

// "NXDOMAIN", or the addresses and names of the answer section, blank between them.
inline std::string text_of(ByteView reply) {
  const auto head = decode_reply_head(reply);
  if (!head) return "unreadable";
  switch (head->code) {
    case ResponseCode::NoError:
      break;
    case ResponseCode::ServFail:
      return "SERVFAIL";
    case ResponseCode::NxDomain:
      return "NXDOMAIN";
    case ResponseCode::NotImp:
      return "NOTIMP";
    case ResponseCode::Refused:
      return "REFUSED";
    default:
      return "another code";
  }
  std::string out = head->truncated ? "TC" : "";
  RecordReader records(reply);
  while (const auto record = records.next()) {
    if (records.section() != Section::Answer) continue;
    if (!out.empty()) out += ' ';
    const auto address = address_of(*record);
    const auto pointer = name_of(reply, *record);
    out += address ? address->to_string() : pointer ? pointer->to_string() : "?";
  }
  return records.ok() ? out : "malformed";
}

}  // namespace warren::dns::testing
