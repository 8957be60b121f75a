#include "node/machine.h"

#include <algorithm>
#include <fstream>

#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/version.h"

namespace warren::node {
namespace {

// os-release(5).
std::string os_release(std::string_view key) {
  std::ifstream file("/etc/os-release");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
    std::string value = line.substr(key.size() + 1);
    std::erase(value, '"');
    return value;
  }
  return {};
}

// As Go names processors: peers of stock software show it.
std::string go_arch(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

// Theirs are ordered by family: "901-v4" in seconds.
void add_latency(std::map<std::string, double>& out,
                 relay::RegionId region,
                 const char* family,
                 const std::optional<Duration>& latency) {
  if (!latency) return;
  out.emplace(fmt::format("{}-{}", region.value, family),
              std::chrono::duration<double>(*latency).count());
}

control::NetInfo to_net_info(const path::Report& report) {
  control::NetInfo out;
  out.mapping_varies_by_dest_ip = report.mapping_varies_by_destination;
  out.working_udp = report.udp;
  out.working_ipv6 = report.ipv6;
  out.preferred_derp = report.home;
  for (const path::RegionLatency& latency : report.latencies) {
    add_latency(out.derp_latency, latency.region, "v4", latency.v4);
    add_latency(out.derp_latency, latency.region, "v6", latency.v6);
    if (!latency.v4 && !latency.v6) {
      add_latency(out.derp_latency, latency.region, "v4", latency.https);
    }
  }
  return out;
}

bool is_public(const path::Report& report, const Endpoint& endpoint) {
  return std::ranges::find(report.public_v4, endpoint) != report.public_v4.end() ||
         std::ranges::find(report.public_v6, endpoint) != report.public_v6.end();
}

}  // namespace

std::string machine_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "unnamed";
  std::string out(name);
  out.resize(std::min(out.size(), out.find('.')));
  return out.empty() ? "unnamed" : out;
}

control::Hostinfo describe_machine() {
  control::Hostinfo out;
  out.ipn_version = version();
  out.backend_log_id = "none";  // stock servers expect any text
  out.os = "linux";
  out.distro = os_release("ID");
  out.distro_version = os_release("VERSION_ID");
  out.distro_code_name = os_release("VERSION_CODENAME");
  utsname system{};
  if (uname(&system) == 0) {
    out.os_version = std::string(system.release);
    out.machine = std::string(system.machine);
    out.go_arch = go_arch(out.machine);
  }
  out.userspace = false;
  out.userspace_router = false;
  return out;
}

Introduction make_introduction(const control::Hostinfo& machine,
                               const Prefs& prefs,
                               const DiscoPublicKey& disco_key,
                               const std::vector<Endpoint>& endpoints,
                               const path::Report* report) {
  Introduction out;
  out.disco_key = disco_key;
  out.hostinfo = machine;
  out.hostinfo.hostname = prefs.hostname.empty() ? machine_name() : prefs.hostname;
  out.hostinfo.shields_up = prefs.shields_up;
  if (report == nullptr) return out;
  if (report->home != relay::kNoRegion) out.hostinfo.net_info = to_net_info(*report);
  out.endpoints = endpoints;
  for (const Endpoint& endpoint : endpoints) {
    out.endpoint_types.push_back(is_public(*report, endpoint) ? control::EndpointType::Stun
                                                              : control::EndpointType::Local);
  }
  return out;
}

bool is_news(const Introduction& before, const Introduction& now) {
  Introduction a = before;
  Introduction b = now;
  for (Introduction* const each : {&a, &b}) {
    if (each->hostinfo.net_info) each->hostinfo.net_info->derp_latency.clear();
  }
  return a != b;
}

}  // namespace warren::node
