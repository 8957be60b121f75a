#include "control/core/dns_settings.h"

#include <algorithm>

#include "base/ip_address.h"

namespace warren::control {
namespace {

constexpr std::size_t kMaxLabel = 63;    // RFC 1035 section 2.3.4
constexpr std::size_t kMaxDomain = 253;  // the same, as text without the last dot

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// As it is compared and sent.
std::string plain(std::string_view name) {
  std::string out(without_dot(name));
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_label(std::string_view text) {
  const auto is_fine = [](char c) {
    c = lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxLabel && std::ranges::all_of(text, is_fine);
}

bool is_within(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

std::vector<Resolver> to_resolvers(const std::vector<std::string>& addresses) {
  std::vector<Resolver> out;
  out.reserve(addresses.size());
  for (const std::string& address : addresses) {
    out.push_back({.addr = address, .bootstrap_resolution = {}, .use_with_exit_node = false});
  }
  return out;
}

}  // namespace

bool is_domain(std::string_view text) {
  text = without_dot(text);
  if (text.empty() || text.size() > kMaxDomain) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_resolver(std::string_view text) {
  if (IpAddress::parse(text)) return true;
  const auto endpoint = Endpoint::parse(text);
  return endpoint && endpoint->port != 0;
}

bool is_record(const DnsRecord& record) {
  const auto address = IpAddress::parse(record.value);
  if (!address || !is_domain(record.name)) return false;
  return record.type.empty() || record.type == (address->is_v4() ? "A" : "AAAA");
}

DnsConfig render_dns(const DnsSettings& settings,
                     std::string_view domain,
                     std::vector<DnsRecord> devices) {
  DnsConfig out;
  out.proxied = settings.magic;
  if (settings.magic) out.domains.emplace_back(domain);
  for (const std::string& suffix : settings.search) {
    std::string name = plain(suffix);
    if (std::ranges::find(out.domains, name) == out.domains.end()) {
      out.domains.push_back(std::move(name));
    }
  }
  (settings.override_local ? out.resolvers : out.fallback_resolvers) =
      to_resolvers(settings.resolvers);
  for (const auto& [suffix, resolvers] : settings.split) {
    out.routes[plain(suffix)] = to_resolvers(resolvers);
  }
  // Whoever answers for names: without that a record would be sent in vain.
  if (!settings.magic) return out;
  for (const DnsRecord& record : settings.records) {
    const bool is_v4 = IpAddress::parse(record.value).value_or(IpAddress()).is_v4();
    DnsRecord sent{.name = plain(record.name), .type = is_v4 ? "A" : "AAAA", .value = record.value};
    // A machine that sends only some suffixes to its node has to send this name too.
    const bool is_known =
        is_within(sent.name, domain) || std::ranges::any_of(out.routes, [&](const auto& route) {
          return is_within(sent.name, route.first);
        });
    if (!is_known) out.routes[sent.name];
    out.extra_records.push_back(std::move(sent));
  }
  std::ranges::move(devices, std::back_inserter(out.extra_records));
  return out;
}

}  // namespace warren::control
