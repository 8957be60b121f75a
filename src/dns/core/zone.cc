#include "dns/core/zone.h"

#include <algorithm>
#include <array>

#include "dns/core/reverse_name.h"

namespace warren::dns {

namespace {

// Questions about a zone that nobody needs of us (spec: node-features section 4.2).
bool is_not_implemented(RecordType type) {
  switch (type) {
    case RecordType::Ns:
    case RecordType::Soa:
    case RecordType::Hinfo:
    case RecordType::Ixfr:
    case RecordType::Axfr:
      return true;
    default:
      return false;
  }
}

bool asks_for(const Question& question, RecordType type) {
  return question.type == type || question.type == RecordType::Any;
}

bool is_onion(const Name& name) {
  static const Name onion = *Name::parse("onion");
  return name.is_within(onion);
}

// Where one browses for services (RFC 6763 section 11): some systems ask for these all the time.
bool is_service_browsing(const Name& name) {
  constexpr auto kBrowse = std::to_array<std::string_view>({"b", "db", "r", "dr", "lb"});
  if (std::ranges::find(kBrowse, name.first_label()) == kBrowse.end()) return false;
  const Name second = name.parent();
  return second.first_label() == "_dns-sd" && second.parent().first_label() == "_udp";
}

// The IPv4 address that an address of fd7a:115c:a1e0:ab12:4843:cd96:6200::/104 stands for (spec:
// node-features section 1.1).
std::optional<IpAddress> mapped_v4(const IpAddress& address) {
  static const IpPrefix range = *IpPrefix::parse("fd7a:115c:a1e0:ab12:4843:cd96:6200::/104");
  if (!range.contains(address)) return std::nullopt;
  const auto bytes = address.bytes();
  return IpAddress::v4({100, bytes[13], bytes[14], bytes[15]});
}

Record soa(std::optional<Name> owner) {
  return {.name = std::move(owner), .ttl = kNegativeTtl, .data = SoaData{kNegativeTtl}};
}

}  // namespace

Zone::Zone(const ZoneConfig& config) : config_(config) {
  for (const StaticRecord& record : config.records) {
    auto& addresses = records_[std::string(record.name.wire())];
    if (std::ranges::find(addresses, record.address) == addresses.end()) {
      addresses.push_back(record.address);
    }
    reverse_.try_emplace(record.address, record.name);
  }
  for (const Name& name : config.authoritative) authoritative_.emplace(name.wire());
  config_.records.clear();
  config_.authoritative.clear();
}

std::optional<Answer> Zone::answer(const Question& question, const HostTable& hosts) const {
  if (question.klass != RecordClass::In && question.klass != RecordClass::Any) {
    return Answer{.code = ResponseCode::NotImp};
  }
  if (is_onion(question.name) || is_service_browsing(question.name)) {
    return Answer{.code = ResponseCode::NxDomain, .authorities = {soa(std::nullopt)}};
  }
  if (const auto found = find(question.name, hosts)) return answer_found(question, *found);
  return answer_reverse(question, hosts);
}

std::optional<Zone::Found> Zone::find(const Name& name, const HostTable& hosts) const {
  static const Name daemon = *Name::parse(kDaemonName);
  if (name == daemon) return Found{.addresses = config_.service_addresses};
  if (auto found = find_full(name, hosts)) return found;
  if (name.labels() != 1) return std::nullopt;
  for (const Name& suffix : config_.suffixes) {
    const auto full = name.followed_by(suffix);
    if (!full) continue;
    if (auto found = find_full(*full, hosts)) return found;
  }
  return std::nullopt;
}

std::optional<Zone::Found> Zone::find_full(const Name& name, const HostTable& hosts) const {
  const auto record = records_.find(name.wire());
  if (record != records_.end()) return Found{.addresses = record->second};
  if (const Host* const host = hosts.find_by_name(name.wire())) {
    return Found{.addresses = host->addresses, .is_host = true};
  }
  for (Name above = name.parent(); !above.is_root(); above = above.parent()) {
    const Host* const host = hosts.find_by_name(above.wire());
    if (host == nullptr || !host->owns_subdomains) continue;
    return Found{.addresses = host->addresses, .is_host = true};
  }
  return std::nullopt;
}

Answer Zone::answer_found(const Question& question, const Found& found) const {
  if (is_not_implemented(question.type)) return {.code = ResponseCode::NotImp};
  const bool has_v4 = std::ranges::any_of(found.addresses, &IpAddress::is_v4);
  const bool withholds_v6 =
      found.is_host && has_v4 && !config_.gives_aaaa && !config_.has_ipv6_only;
  const bool withholds_v4 = found.is_host && config_.has_ipv6_only;
  Answer out{.authoritative = true};
  for (const IpAddress& address : found.addresses) {
    if (!asks_for(question, address.is_v4() ? RecordType::A : RecordType::Aaaa)) continue;
    if (address.is_v4() ? withholds_v4 : withholds_v6) continue;
    out.answers.push_back({.ttl = kTtl, .data = address});
  }
  if (out.answers.empty()) return empty_answer(question.name);
  return out;
}

std::optional<Answer> Zone::answer_reverse(const Question& question, const HostTable& hosts) const {
  const auto address = address_of_reverse(question.name);
  if (!address) return std::nullopt;
  const Name* name = nullptr;
  if (const Host* host = hosts.find_by_address(*address)) {
    name = &host->name;
  } else if (const auto record = reverse_.find(*address); record != reverse_.end()) {
    name = &record->second;
  } else if (const auto v4 = mapped_v4(*address)) {
    host = hosts.find_by_address(*v4);
    if (host != nullptr) name = &host->name;
  }
  if (name == nullptr) return std::nullopt;
  if (is_not_implemented(question.type)) return Answer{.code = ResponseCode::NotImp};
  if (!asks_for(question, RecordType::Ptr)) return empty_answer(question.name);
  return Answer{.authoritative = true, .answers = {{.ttl = kTtl, .data = *name}}};
}

std::optional<Name> Zone::authority(const Name& name) const {
  for (Name above = name;; above = above.parent()) {
    if (authoritative_.contains(above.wire())) return above;
    if (above.is_root()) return std::nullopt;
  }
}

Answer Zone::denial(const Question& question, const Name& authority) const {
  // A zone exists, although it has no address: were it denied, all below it would be.
  if (question.name == authority) {
    if (is_not_implemented(question.type)) return {.code = ResponseCode::NotImp};
    return empty_answer(question.name);
  }
  return {.code = ResponseCode::NxDomain, .authoritative = true, .authorities = {soa(authority)}};
}

// The name is there, with other types of records.
Answer Zone::empty_answer(const Name& name) const {
  return {.authoritative = true, .authorities = {soa(authority(name))}};
}

}  // namespace warren::dns
