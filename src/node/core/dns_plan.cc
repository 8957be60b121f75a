#include "node/core/dns_plan.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "dns/core/reverse_name.h"
#include "node/core/plan.h"

namespace warren::node {

using control::Node;
using dns::Name;

namespace {

// Spec: node-features section 1.2.
constexpr const char* kGivesAaaa = "magicdns-aaaa";
constexpr const char* kOnlyIpv4Service = "force-register-magicdns-ipv4-only";
constexpr const char* kOwnsSubdomains = "dns-subdomain-resolve";

const std::array<IpAddress, 2> kServiceAddresses = {kDnsAddressV4, kDnsAddressV6};

// Names below which the network's addresses are looked up: 64.100.in-addr.arpa to
// 127.100.in-addr.arpa, and that of fd7a:115c:a1e0::/48 (spec: node-features section 4.2).
std::vector<Name> reverse_zones() {
  std::vector<Name> out;
  for (std::uint8_t second = 64; second < 128; ++second) {
    out.push_back(dns::reverse_zone({IpAddress::v4({100, second, 0, 0}), 16}));
  }
  out.push_back(dns::reverse_zone({kDnsAddressV6, 48}));
  return out;
}

// What the DNS configuration says, as values, and what of it makes no sense.
class Reader {
 public:
  Reader(const NetworkMap& map, const DevicePlan& device) : map_(map), device_(device) {
    const control::DnsConfig& config = map.dns();
    for (const auto& [suffix, resolvers] : config.routes) read_route(suffix, resolvers);
    if (config.proxied) {
      read_suffix();
      for (Name& zone : reverse_zones()) authoritative_.insert(std::move(zone));
    }
    // Behind the routes: they tell which names need a zone of their own.
    for (const control::DnsRecord& record : config.extra_records) read_record(record);
    defaults_ = upstreams_of(config.resolvers, "the default resolver");
  }

  dns::ZoneConfig zone() const {
    const Node& self = *map_.self();
    const bool has_v4 = std::ranges::any_of(
        self.addresses, [](const IpPrefix& prefix) { return prefix.address().is_v4(); });
    return {.service_addresses = {kServiceAddresses.begin(), kServiceAddresses.end()},
            .suffixes = suffixes_,
            .authoritative = {authoritative_.begin(), authoritative_.end()},
            .records = records_,
            .gives_aaaa = self.cap_map.contains(kGivesAaaa),
            .has_ipv6_only = !self.addresses.empty() && !has_v4};
  }

  const std::vector<dns::Route>& routes() const { return routes_; }

  const std::vector<dns::Upstream>& defaults() const { return defaults_; }

  // We can answer something ourselves.
  bool has_names() const { return !authoritative_.empty() || !records_.empty(); }

  // Names of which the host must ask us, when it asks others about the rest.
  std::set<Name> match_domains() const {
    std::set<Name> out = authoritative_;
    for (const dns::Route& route : routes_) out.insert(route.suffix);
    return out;
  }

  std::vector<std::string> search() {
    std::vector<std::string> out;
    for (const std::string& domain : map_.dns().domains) {
      const auto name = Name::parse(domain);
      if (!name || name->is_root()) {
        problems_.push_back(fmt::format("the server's search domain \"{}\" is no name", domain));
        continue;
      }
      std::string text = name->to_string();
      if (std::ranges::find(out, text) == out.end()) out.push_back(std::move(text));
    }
    return out;
  }

  std::vector<dns::Upstream> fallbacks() {
    return upstreams_of(map_.dns().fallback_resolvers, "the fallback resolver");
  }

  std::vector<dns::Upstream> base(const std::vector<IpAddress>& nameservers) const {
    std::vector<dns::Upstream> out;
    for (const IpAddress& address : nameservers) {
      if (!is_service(address)) add(out, {address, dns::kPort});
    }
    return out;
  }

  std::vector<std::string> take_problems() { return std::move(problems_); }

 private:
  static bool is_service(const IpAddress& address) {
    return std::ranges::find(kServiceAddresses, address) != kServiceAddresses.end();
  }

  void read_suffix() {
    std::string suffix = map_.name_suffix();
    if (suffix.empty() && !map_.dns().domains.empty()) suffix = map_.dns().domains.front();
    const auto name = Name::parse(suffix);
    if (!name || name->is_root()) return;
    suffixes_.push_back(*name);
    authoritative_.insert(*name);
  }

  void read_route(const std::string& suffix, const std::vector<control::Resolver>& resolvers) {
    const auto name = Name::parse(suffix);
    if (!name) {
      problems_.push_back(fmt::format("the server's DNS route \"{}\" is no name", suffix));
    } else if (resolvers.empty()) {
      authoritative_.insert(*name);
    } else {
      routes_.push_back(
          {.suffix = *name, .upstreams = upstreams_of(resolvers, "the resolver of " + suffix)});
    }
  }

  void read_record(const control::DnsRecord& record) {
    const bool is_known_type = record.type.empty() || record.type == "A" || record.type == "AAAA";
    if (!is_known_type) return;  // spec: node-features section 4.3
    const auto name = Name::parse(record.name);
    const auto address = IpAddress::parse(record.value);
    const bool fits = address && (record.type.empty() || address->is_v6() == (record.type != "A"));
    if (!name || name->is_root() || !fits) {
      problems_.push_back(fmt::format("the server's DNS record \"{}\" with \"{}\" makes no sense",
                                      record.name, record.value));
      return;
    }
    records_.push_back({*name, *address});
    const auto holds = [&](const Name& zone) { return name->is_within(zone); };
    const bool is_known = std::ranges::any_of(authoritative_, holds) ||
                          std::ranges::any_of(routes_, holds, &dns::Route::suffix);
    if (!is_known) authoritative_.insert(*name);
  }

  std::vector<dns::Upstream> upstreams_of(const std::vector<control::Resolver>& resolvers,
                                          const std::string& what) {
    std::vector<dns::Upstream> out;
    for (const control::Resolver& resolver : resolvers) {
      const auto address = IpAddress::parse(resolver.addr);
      const auto endpoint =
          address ? Endpoint{*address, dns::kPort} : Endpoint::parse(resolver.addr);
      if (!endpoint) {
        problems_.push_back(
            fmt::format("{}, {}, is of a kind that Warren cannot ask yet", what, resolver.addr));
      } else if (is_service(endpoint->address)) {
        problems_.push_back(fmt::format("{}, {}, is this node itself", what, resolver.addr));
      } else {
        add(out, *endpoint);
      }
    }
    return out;
  }

  void add(std::vector<dns::Upstream>& to, const Endpoint& endpoint) const {
    const auto holds = [&](const IpPrefix& prefix) { return prefix.contains(endpoint.address); };
    const dns::Upstream upstream{.endpoint = endpoint,
                                 .is_in_overlay = std::ranges::any_of(device_.routes, holds) ||
                                                  std::ranges::any_of(device_.addresses, holds)};
    if (std::ranges::find(to, upstream) == to.end() && to.size() < dns::kMaxUpstreams) {
      to.push_back(upstream);
    }
  }

  const NetworkMap& map_;
  const DevicePlan& device_;
  std::vector<Name> suffixes_;
  std::set<Name> authoritative_;
  std::vector<dns::StaticRecord> records_;
  std::vector<dns::Route> routes_;
  std::vector<dns::Upstream> defaults_;
  std::vector<std::string> problems_;
};

// As nameservers of the host; none when one of them cannot be that.
std::optional<std::vector<IpAddress>> plain(const std::vector<dns::Upstream>& upstreams) {
  std::vector<IpAddress> out;
  for (const dns::Upstream& upstream : upstreams) {
    if (upstream.endpoint.port != dns::kPort) return std::nullopt;
    out.push_back(upstream.endpoint.address);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

// Of all routes, when they have the same resolvers.
std::optional<std::vector<IpAddress>> only_resolvers(const std::vector<dns::Route>& routes) {
  for (const dns::Route& route : routes) {
    if (route.upstreams != routes.front().upstreams) return std::nullopt;
  }
  if (routes.empty()) return std::nullopt;
  return plain(routes.front().upstreams);
}

std::vector<IpAddress> service_nameservers(const Node& self) {
  if (self.cap_map.contains(kOnlyIpv4Service)) return {kDnsAddressV4};
  return {kServiceAddresses.begin(), kServiceAddresses.end()};
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const std::string& text : more) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(text);
  }
}

// The decision table of node-features section 4.4, without exit nodes.
struct Decision {
  OsDnsConfig os;
  std::vector<dns::Upstream> defaults = {};  // of our resolver
  std::string problem = {};
};

Decision decide(Reader& reader, const Node& self, const OsDnsBase& base) {
  Decision out{.os = {.search = reader.search()}, .defaults = reader.defaults()};
  const bool needs_us = reader.has_names() || !reader.routes().empty();
  if (!out.defaults.empty()) {
    const auto direct = plain(out.defaults);
    out.os.nameservers = direct && !needs_us ? *direct : service_nameservers(self);
    return out;
  }
  // For clients that ask us about everything, although the host does not.
  out.defaults = reader.base(base.nameservers);
  if (!needs_us) return out;
  if (base.can_split) {
    for (const Name& name : reader.match_domains()) {
      out.os.match_domains.push_back(name.to_string());
    }
    const auto direct = only_resolvers(reader.routes());
    out.os.nameservers = direct && !reader.has_names() ? *direct : service_nameservers(self);
    return out;
  }
  if (out.defaults.empty()) out.defaults = reader.fallbacks();
  if (out.defaults.empty()) {
    out.os = {};
    out.problem =
        "names of the network are not set up on this host: it has no nameserver of its own to ask "
        "about all others";
    return out;
  }
  append(out.os.search, base.search);
  out.os.nameservers = service_nameservers(self);
  return out;
}

std::optional<dns::Host> host_of(const NetworkMap& map, const Node& node) {
  const auto name = Name::parse(node.name);
  if (!name || name->is_root()) return std::nullopt;
  dns::Host out{.name = *name, .owns_subdomains = node.cap_map.contains(kOwnsSubdomains)};
  for (const bool is_v6 : {false, true}) {
    for (const IpPrefix& prefix : node.addresses) {
      if (prefix.address().is_v6() != is_v6 || !prefix.is_single()) continue;
      const Node* const owner = map.find_by_address(prefix.address());
      if (owner == nullptr || owner->id != node.id) continue;
      out.addresses.push_back(prefix.address());
      break;
    }
  }
  return out;
}

dns::HostId id_of(control::NodeId id) {
  return {id.value};
}

void put(const NetworkMap& map, const Node& node, dns::HostTable& hosts) {
  auto host = host_of(map, node);
  if (host) {
    hosts.put(id_of(node.id), *std::move(host));
  } else {
    hosts.remove(id_of(node.id));
  }
}

}  // namespace

DnsPlan plan_dns(const NetworkMap& map,
                 const Prefs& prefs,
                 const DevicePlan& device,
                 const OsDnsBase& base) {
  DnsPlan out;
  if (!is_tunnel_wanted(map, prefs)) return out;
  Reader reader(map, device);
  Decision decision = decide(reader, *map.self(), base);
  out.problems = reader.take_problems();
  if (prefs.corp_dns) {
    out.os = std::move(decision.os);
    if (!decision.problem.empty()) out.problems.push_back(std::move(decision.problem));
  }
  out.is_served = map.dns().proxied ||
                  std::ranges::find(out.os.nameservers, kDnsAddressV4) != out.os.nameservers.end();
  out.resolver.zone = reader.zone();
  out.resolver.routes = reader.routes();
  const bool has_default_route = std::ranges::any_of(
      out.resolver.routes, [](const dns::Route& route) { return route.suffix.is_root(); });
  if (!decision.defaults.empty() && !has_default_route) {
    out.resolver.routes.push_back({.suffix = {}, .upstreams = std::move(decision.defaults)});
  }
  return out;
}

void update_hosts(const NetworkMap& map,
                  const MapChange& change,
                  const Prefs& prefs,
                  dns::HostTable& hosts) {
  if (change.is_first || change.self) return replace_hosts(map, prefs, hosts);
  if (!is_tunnel_wanted(map, prefs)) return;
  for (const control::NodeId id : change.removed) hosts.remove(id_of(id));
  for (const control::NodeId id : change.peers) {
    if (const Node* const peer = map.find(id)) put(map, *peer, hosts);
  }
}

void replace_hosts(const NetworkMap& map, const Prefs& prefs, dns::HostTable& hosts) {
  hosts.clear();
  if (!is_tunnel_wanted(map, prefs)) return;
  put(map, *map.self(), hosts);
  for (const auto& [id, peer] : map.peers()) put(map, peer, hosts);
}

}  // namespace warren::node
