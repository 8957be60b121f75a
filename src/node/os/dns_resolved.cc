#include "node/os/dns_resolved.h"

#include <algorithm>
#include <utility>

#include <net/if.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "io/child_process.h"
#include "io/clock.h"
#include "io/file.h"
#include "node/os/dns_resolv_conf.h"

namespace warren::node {

namespace {

// org.freedesktop.resolve1(5)
constexpr std::string_view kBusName = "org.freedesktop.resolve1";
constexpr std::string_view kObject = "/org/freedesktop/resolve1";
constexpr std::string_view kInterface = "org.freedesktop.resolve1.Manager";
constexpr std::string_view kState = "/run/systemd/resolve";
constexpr std::string_view kOff = "no";

using Words = std::vector<std::string>;

Result<std::string> run_busctl(const DnsHost& host, Words words) {
  // Whoever is not there is not started, and nobody is asked for a password.
  Words all{host.busctl, "--system", "--auto-start=no", "--allow-interactive-authorization=no",
            "call"};
  all.insert(all.end(), std::make_move_iterator(words.begin()),
             std::make_move_iterator(words.end()));
  WARREN_TRY(auto outcome, io::run_program(all, {}, io::boot_now() + kDnsCall));
  if (outcome.status == 0) return std::move(outcome.output);
  std::string_view said = outcome.output;
  while (said.ends_with('\n')) said.remove_suffix(1);
  return fail(Errc::Io, fmt::format("status {}: {}", outcome.status, said));
}

struct Domain {
  std::string name;
  bool is_for_routing_only;
};

std::vector<Domain> domains_of(const OsDnsConfig& config) {
  std::vector<Domain> out;
  for (const std::string& name : config.search) out.push_back({name, false});
  for (const std::string& name : config.match_domains) {
    // It routes already.
    if (std::ranges::find(config.search, name) == config.search.end()) out.push_back({name, true});
  }
  if (config.match_domains.empty() && !config.nameservers.empty()) out.push_back({".", true});
  return out;
}

Words domain_arguments(const std::string& link, const std::vector<Domain>& domains) {
  Words out{link, std::to_string(domains.size())};
  for (const Domain& domain : domains) {
    out.push_back(domain.name);
    out.emplace_back(domain.is_for_routing_only ? "true" : "false");
  }
  return out;
}

Words server_arguments(const std::string& link, const std::vector<IpAddress>& servers) {
  Words out{link, std::to_string(servers.size())};
  for (const IpAddress& server : servers) {
    out.push_back(std::to_string(server.is_v6() ? AF_INET6 : AF_INET));
    out.push_back(std::to_string(server.bytes().size()));
    for (const std::uint8_t byte : server.bytes()) out.push_back(std::to_string(byte));
  }
  return out;
}

}  // namespace

bool DnsResolved::is_there(const DnsHost& host) {
  return run_busctl(host, {std::string(kBusName), std::string(kObject), "org.freedesktop.DBus.Peer",
                           "Ping"})
      .has_value();
}

Result<std::string> DnsResolved::call(const std::string& method,
                                      const std::string& signature,
                                      const Words& arguments) const {
  Words words{std::string(kBusName), std::string(kObject), std::string(kInterface), method};
  if (!signature.empty()) words.push_back(signature);
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto done = run_busctl(host_, std::move(words));
  if (!done) return with_context("systemd-resolved: " + method, std::move(done).error());
  return done;
}

// ("s \":1.5\"", as busctl prints it.)
std::string DnsResolved::owner() const {
  return run_busctl(host_, {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                            "GetNameOwner", "s", std::string(kBusName)})
      .value_or(std::string());
}

// Older ones take a limited number of domains: reverse zones are what is missed least.
Result<void> DnsResolved::set_domains(const std::string& link, const OsDnsConfig& config) const {
  std::vector<Domain> domains = domains_of(config);
  auto done = call("SetLinkDomains", "ia(sb)", domain_arguments(link, domains));
  if (!done && std::erase_if(domains, [](const Domain& domain) {
                 return domain.name.ends_with(".arpa");
               }) != 0) {
    done = call("SetLinkDomains", "ia(sb)", domain_arguments(link, domains));
  }
  if (!done) return unexpected(std::move(done).error());
  return {};
}

Result<void> DnsResolved::set(const OsDnsConfig& config) {
  const unsigned index = if_nametoindex(host_.device.c_str());
  if (config.is_hands_off()) {
    told_.clear();
    // What it knew of a device that is gone is gone with it.
    if (index == 0) return {};
    WARREN_TRY([[maybe_unused]] const auto done, call("RevertLink", "i", {std::to_string(index)}));
    return {};
  }
  if (index == 0) return fail(Errc::NotFound, fmt::format("there is no device {}", host_.device));
  const std::string link = std::to_string(index);
  const bool is_for_all = config.match_domains.empty() && !config.nameservers.empty();
  told_ = owner();
  WARREN_TRY([[maybe_unused]] const auto servers,
             call("SetLinkDNS", "ia(iay)", server_arguments(link, config.nameservers)));
  WARREN_TRY_VOID(set_domains(link, config));
  // Those that an older one does not know change nothing that we need.
  static_cast<void>(call("SetLinkDefaultRoute", "ib", {link, is_for_all ? "true" : "false"}));
  for (const char* const method :
       {"SetLinkLLMNR", "SetLinkMulticastDNS", "SetLinkDNSSEC", "SetLinkDNSOverTLS"}) {
    static_cast<void>(call(method, "is", {link, std::string(kOff)}));
  }
  static_cast<void>(call("FlushCaches", {}, {}));
  return {};
}

bool DnsResolved::holds() {
  return told_.empty() || owner() == told_;
}

OsDnsBase DnsResolved::base() const {
  const auto text =
      io::read_file(fmt::format("{}{}/resolv.conf", host_.root, kState), kMaxResolvConf);
  const ResolvConf conf = parse_resolv_conf(text.value_or(std::string()));
  OsDnsBase out = to_base(conf, host_.own);
  out.can_split = true;
  return out;
}

// It writes its files anew whenever it starts, or learns of other nameservers.
std::vector<std::string> DnsResolved::watched() const {
  return {host_.root + std::string(kState)};
}

}  // namespace warren::node
