#include "main/server/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "acme/core/url.h"
#include "base/json_map.h"
#include "base/log.h"
#include "io/file.h"

namespace warren::server {
namespace {

constexpr std::size_t kMaxConfig = std::size_t{1} << 20;
constexpr std::string_view kListenForm =
    R"(expected a list of addresses and ports, such as ":443" or "192.0.2.1:443")";

// RFC 8555 section 7.3: one address, without header fields. What else is wrong with it, the
// authority says.
bool is_email(std::string_view text) {
  const bool is_plain = std::ranges::all_of(
      text, [](char c) { return c > ' ' && c < 0x7f && c != ',' && c != '?' && c != '"'; });
  return is_plain && text.find('@') != std::string_view::npos;
}

constexpr std::size_t kMaxDnsEntries = 1000;  // of each kind: every node is told all of them
constexpr std::string_view kResolverForm =
    R"(expected addresses of resolvers, such as "192.0.2.53" or "[2001:db8::53]:5353")";
constexpr std::string_view kDomainForm = R"(expected names of domains, such as "corp.example")";

bool are_resolvers(const std::vector<std::string>& texts) {
  return std::ranges::all_of(texts, control::is_resolver);
}

bool are_places(const std::vector<std::string>& texts) {
  return std::ranges::all_of(
      texts, [](const std::string& text) { return parse_listen(text).has_value(); });
}

constexpr std::string_view kRolesForm =
    R"(expected ["control", "relay", "hub"], of which only "hub" can be left out)";

bool are_roles(const Config& config) {
  const bool are_known = std::ranges::all_of(config.roles, [](const std::string& role) {
    return role == "control" || role == "relay" || role == "hub";
  });
  return are_known && config.has_role("control") && config.has_role("relay");
}

}  // namespace

template <class Visitor>
static void fields(Visitor& visit, ListenConfig& x) {
  visit("https", x.https);
  visit.check("https", are_places(x.https), kListenForm);
  visit("http", x.http);
  visit.check("http", are_places(x.http), kListenForm);
  visit("stun", x.stun);
  visit("wireguard", x.wireguard);
  visit.check("wireguard", x.wireguard != 0, "is a port: profiles of devices name it");
  visit("metrics", x.metrics);
  visit.check("metrics", are_places(x.metrics), kListenForm);
  visit("admin-socket", x.admin_socket);
}

std::span<const json::EnumText<TlsMode>> texts_of(TlsMode) {
  static constexpr json::EnumText<TlsMode> kTexts[] = {{"auto", TlsMode::Auto},
                                                       {"files", TlsMode::Files},
                                                       {"acme", TlsMode::Acme},
                                                       {"own", TlsMode::Own}};
  return kTexts;
}

template <class Visitor>
static void fields(Visitor& visit, AcmeConfig& x) {
  visit("directory", x.directory);
  visit.check("directory", x.directory.empty() || acme::parse_url(x.directory).has_value(),
              "expected an https URL");
  visit("email", x.email);
  visit.check("email", x.email.empty() || is_email(x.email), "expected one address of mail");
  visit("staging", x.staging);
  visit.check("staging", !x.staging || x.directory.empty(),
              "is Let's Encrypt's: leave it out beside \"directory\"");
  visit("ca-file", x.ca_file);
}

template <class Visitor>
static void fields(Visitor& visit, TlsConfig& x) {
  visit("mode", x.mode);
  visit("cert", x.certificate);
  visit("key", x.key);
  visit("acme", x.acme);
  visit.check("cert", x.mode != TlsMode::Files || !x.certificate.empty(),
              "is missing, with mode \"files\"");
  visit.check("mode", x.mode != TlsMode::Auto || !x.acme || x.certificate.empty(),
              R"(say which with "files" or "acme": there are "cert" and "acme")");
  visit.check("cert", x.key.empty() || !x.certificate.empty(), "is missing beside \"key\"");
}

template <class Visitor>
static void fields(Visitor& visit, NetworkConfig& x) {
  visit("name", x.name);
  visit.check("name", !x.name.empty() && x.name.size() <= 63, "has 1 to 63 characters");
  visit("base-domain", x.base_domain);
}

static control::DnsRecord to_record(const DnsRecordConfig& x) {
  return {.name = x.name, .type = x.type, .value = x.value};
}

template <class Visitor>
static void fields(Visitor& visit, DnsRecordConfig& x) {
  visit.required("name", x.name);
  visit("type", x.type);
  visit.required("value", x.value);
  visit.check("value", control::is_record(to_record(x)),
              R"(expected a name with an IPv4 ("A") or IPv6 ("AAAA") address)");
}

template <class Visitor>
static void fields(Visitor& visit, DnsConfig& x) {
  visit("magic", x.magic);
  visit("resolvers", x.resolvers);
  visit.check("resolvers", are_resolvers(x.resolvers), kResolverForm);
  visit("override", x.override_local);
  visit("split", x.split);
  for (const auto& [suffix, resolvers] : x.split) {
    visit.check("split", control::is_domain(suffix), kDomainForm);
    visit.check("split", are_resolvers(resolvers), kResolverForm);
  }
  visit("search", x.search);
  visit.check("search", std::ranges::all_of(x.search, control::is_domain), kDomainForm);
  visit("records", x.records);
  const std::size_t most =
      std::max({x.resolvers.size(), x.split.size(), x.search.size(), x.records.size()});
  visit.check("records", most <= kMaxDnsEntries, "too many entries");
}

template <class Visitor>
static void fields(Visitor& visit, RelayConfig& x) {
  visit("region", x.region);
  visit.check("region", x.region >= 900, "is a number from 900 on");
  visit("code", x.code);
}

template <class Visitor>
static void fields(Visitor& visit, LimitsConfig& x) {
  visit("nodes", x.nodes);
  visit("streams", x.streams);
}

template <class Visitor>
static void fields(Visitor& visit, DatabaseConfig& x) {
  visit("soft-flush", x.soft_flush);
}

template <class Visitor>
static void fields(Visitor& visit, LogConfig& x) {
  visit("level", x.level);
  visit.check("level", parse_log_level(x.level) != nullptr,
              R"(expected one of "trace", "debug", "info", "warn", "error")");
}

template <class Visitor>
static void fields(Visitor& visit, Config& x) {
  visit("url", x.url);
  visit("state-dir", x.state_dir);
  visit("roles", x.roles);
  visit.check("roles", are_roles(x), kRolesForm);
  visit("listen", x.listen);
  visit("tls", x.tls);
  visit("network", x.network);
  visit("dns", x.dns);
  visit("relay", x.relay);
  visit("limits", x.limits);
  visit("database", x.database);
  visit("log", x.log);
}

std::optional<std::vector<Endpoint>> parse_listen(std::string_view text) {
  if (!text.starts_with(':')) {
    const auto one = Endpoint::parse(text);
    if (!one) return std::nullopt;
    return std::vector{*one};
  }
  const auto v4 = Endpoint::parse(fmt::format("0.0.0.0{}", text));
  const auto v6 = Endpoint::parse(fmt::format("[::]{}", text));
  if (!v4 || !v6) return std::nullopt;
  return std::vector{*v4, *v6};
}

Result<Config> parse_config(std::string_view text) {
  WARREN_TRY(Config out, json::read_text<Config>(text));
  if (out.network.base_domain.empty()) out.network.base_domain = out.network.name + ".internal";
  if (out.relay.code.empty()) out.relay.code = out.network.name;
  return out;
}

control::DnsSettings dns_settings(const DnsConfig& config) {
  control::DnsSettings out;
  out.magic = config.magic;
  out.resolvers = config.resolvers;
  out.override_local = config.override_local;
  out.split = config.split;
  out.search = config.search;
  std::ranges::transform(config.records, std::back_inserter(out.records), to_record);
  return out;
}

Result<Config> load_config(const std::string& path) {
  const std::string from = path.empty() ? std::string(kConfigPath) : path;
  const auto text = io::read_file(from, kMaxConfig);
  if (!text && path.empty() && text.error().code == Errc::NotFound) return parse_config("{}");
  if (!text) return unexpected(text.error());
  auto out = parse_config(*text);
  if (!out) return with_context(from, std::move(out).error());
  return out;
}

}  // namespace warren::server
