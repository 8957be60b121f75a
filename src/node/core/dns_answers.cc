#include "node/core/dns_answers.h"

#include "base/json_wire.h"
#include "proto/control/dns_fields.h"

namespace warren::node {

namespace {

namespace wire = json::wire;
using wire::Either;

// A message of the DNS has 64 KiB at most.
constexpr wire::Limits kLimits{.bytes = std::size_t{4} << 20U, .depth = 16, .list = 16'384};

}  // namespace

template <class Visitor, Either<DnsHostAnswer> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Nameservers", x.nameservers);
  visit.always("SearchDomains", x.search_domains);
  visit.always("MatchDomains", x.match_domains);
}

template <class Visitor, Either<DnsQueryAnswer> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Bytes", x.bytes);
  visit.always("Resolvers", x.resolvers);
}

template <class Visitor, Either<DnsStatusAnswer> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("AcceptDNS", x.accept_dns);
  visit.always("Served", x.is_served);
  visit.always("Manager", x.manager);
  visit.always("Told", x.told);
  visit.always("Queries", x.queries);
  visit.always("Forwarded", x.forwarded);
  visit.always("Failed", x.failed);
  visit.always("Problems", x.problems);
}

std::string encode_dns_host(const DnsHostAnswer& answer) {
  return wire::write_text(answer);
}

std::string encode_dns_query(const DnsQueryAnswer& answer) {
  return wire::write_text(answer);
}

std::string encode_dns_status(const DnsStatusAnswer& answer) {
  return wire::write_text(answer);
}

Result<DnsHostAnswer> decode_dns_host(std::string_view text) {
  return wire::read_text<DnsHostAnswer>(text, kLimits);
}

Result<DnsQueryAnswer> decode_dns_query(std::string_view text) {
  return wire::read_text<DnsQueryAnswer>(text, kLimits);
}

Result<DnsStatusAnswer> decode_dns_status(std::string_view text) {
  return wire::read_text<DnsStatusAnswer>(text, kLimits);
}

}  // namespace warren::node
