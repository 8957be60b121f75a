#include "node/os/dns_resolvconf.h"

#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "io/child_process.h"
#include "io/clock.h"
#include "io/file.h"
#include "node/os/dns_resolv_conf.h"

namespace warren::node {

namespace {

constexpr std::size_t kMaxNote = 64;

// It lists in our state directory which of the two was told, before it is told.
std::string note_path(const DnsHost& host) {
  return host.state_directory + "/dns-manager";
}

}  // namespace

// Debian's has no --version and says so; openresolv's says what it is.
DnsManager DnsResolvconf::find(const DnsHost& host) {
  const auto outcome =
      io::run_program({host.resolvconf, "--version"}, {}, io::boot_now() + kDnsCall);
  if (!outcome) return DnsManager::None;
  if (outcome->output.find("openresolv") != std::string::npos) return DnsManager::OpenResolv;
  return DnsManager::Resolvconf;
}

// Debian's sorts by name: "tun*" comes before the interfaces of the host.
std::string DnsResolvconf::record() const {
  return which_ == DnsManager::OpenResolv ? host_.device : "tun-warren.inet";
}

Result<std::string> DnsResolvconf::run(std::vector<std::string> arguments,
                                       std::string_view input) const {
  arguments.insert(arguments.begin(), host_.resolvconf);
  WARREN_TRY(auto outcome, io::run_program(arguments, input, io::boot_now() + kDnsCall));
  if (outcome.status == 0) return std::move(outcome.output);
  std::string_view said = outcome.output;
  while (said.ends_with('\n')) said.remove_suffix(1);
  return fail(Errc::Io, fmt::format("resolvconf: status {}: {}", outcome.status, said));
}

Result<void> DnsResolvconf::set(const OsDnsConfig& config) {
  if (config.is_hands_off()) {
    std::vector<std::string> words;
    if (which_ == DnsManager::OpenResolv) words.emplace_back("-f");
    words.insert(words.end(), {"-d", record()});
    WARREN_TRY([[maybe_unused]] const auto done, run(std::move(words), {}));
    unlink(note_path(host_).c_str());
    return {};
  }
  WARREN_TRY_VOID(io::replace_file(note_path(host_), to_string(which_), 0600));
  std::vector<std::string> words;
  if (which_ == DnsManager::OpenResolv) words.insert(words.end(), {"-m", "0", "-x"});
  words.insert(words.end(), {"-a", record()});
  WARREN_TRY([[maybe_unused]] const auto done, run(std::move(words), make_record(config)));
  return {};
}

Result<bool> DnsResolvconf::clean(const DnsHost& host) {
  const auto note = io::read_file(note_path(host), kMaxNote);
  if (!note) return false;
  const DnsManager which =
      *note == to_string(DnsManager::OpenResolv) ? DnsManager::OpenResolv : DnsManager::Resolvconf;
  WARREN_TRY_VOID(DnsResolvconf(host, which).set({}));
  return true;
}

// openresolv lists all records, ours too; what Debian's made of them has ours in front.
OsDnsBase DnsResolvconf::base() const {
  std::string text;
  if (which_ == DnsManager::OpenResolv) {
    text = run({"-l"}, {}).value_or(std::string());
  } else {
    text = io::read_file(host_.etc("resolv.conf"), kMaxResolvConf).value_or(std::string());
  }
  const ResolvConf conf = parse_resolv_conf(text);
  OsDnsBase out = to_base(conf, host_.own);
  if (out.nameservers.empty()) out.nameservers.push_back(kLocalNameserver);
  return out;
}

std::vector<std::string> DnsResolvconf::watched() const {
  return {host_.root + "/etc", host_.root + "/run/resolvconf"};
}

}  // namespace warren::node
