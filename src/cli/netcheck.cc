#include "cli/netcheck.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_map.h"
#include "base/json_raw.h"
#include "base/time_text.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/text_table.h"
#include "node/core/answers.h"
#include "proto/control/codec.h"
#include "proto/control/derp_map.h"

namespace warren::cli {

namespace {

constexpr Duration kMeasureTimeout = 15s;  // a report takes 5 s at most

struct NetcheckArgs {
  std::string format;
  std::string every;
  bool verbose = false;
  bool json = false;
};

using Regions = std::map<relay::RegionId, control::DerpRegion>;

// "yes, ip:port" as node-features.md section 18.5 has it.
std::string v4_text(const node::NetcheckAnswer& report) {
  if (!report.ipv4) return "(no addr found)";
  return report.global_v4.empty() ? "yes" : "yes, " + printable(report.global_v4);
}

std::string v6_text(const node::NetcheckAnswer& report) {
  if (report.ipv6)
    return report.global_v6.empty() ? "(no addr found)" : "yes, " + printable(report.global_v6);
  return report.os_has_ipv6 ? "no, but OS has support" : "no, unavailable in OS";
}

std::string_view maybe_text(const std::optional<bool>& value) {
  if (!value) return "";
  return *value ? "true" : "false";
}

std::string port_mapping_text(const node::NetcheckAnswer& report) {
  std::vector<std::string_view> found;
  if (report.upnp.value_or(false)) found.emplace_back("UPnP");
  if (report.pmp.value_or(false)) found.emplace_back("NAT-PMP");
  if (report.pcp.value_or(false)) found.emplace_back("PCP");
  return fmt::format("{}", fmt::join(found, ", "));
}

std::string region_name(const Regions& regions, relay::RegionId id) {
  const auto found = regions.find(id);
  if (found == regions.end() || found->second.region_name.empty())
    return fmt::format("region {}", id.value);
  return printable(found->second.region_name);
}

std::string latency_text(const node::NetcheckAnswer& report, const Regions& regions, bool verbose) {
  struct Row {
    relay::RegionId id;
    std::string code;
    std::optional<Duration> latency;
  };

  std::vector<Row> rows;
  const auto add = [&](relay::RegionId id, std::string code) {
    const auto found = report.region_latency.find(id);
    rows.push_back({.id = id,
                    .code = std::move(code),
                    .latency = found == report.region_latency.end()
                                   ? std::nullopt
                                   : std::optional(found->second)});
  };
  for (const auto& [id, region] : regions) add(id, printable(region.region_code));
  for (const auto& [id, latency] : report.region_latency) {
    if (!regions.contains(id)) add(id, std::to_string(id.value));
  }
  std::ranges::sort(rows, {}, [](const Row& row) {
    return std::pair(row.latency.value_or(Duration::max()), row.id);
  });
  std::string out;
  for (const Row& row : rows) {
    out += fmt::format("\t\t- {}: {:<8}({}{})\n", row.code, row.latency ? brief(*row.latency) : "",
                       verbose ? fmt::format("derp{}, ", row.id.value) : "",
                       region_name(regions, row.id));
  }
  return out;
}

std::string report_text(const node::NetcheckAnswer& report, const Regions& regions, bool verbose) {
  std::string out = "\nReport:\n";
  const auto bullet = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("\t* {}:{}{}\n", name, value.empty() ? "" : " ", value);
  };
  if (report.now) bullet("Time", to_rfc3339(*report.now));
  bullet("UDP", report.udp ? "true" : "false");
  bullet("IPv4", v4_text(report));
  bullet("IPv6", v6_text(report));
  bullet("MappingVariesByDestIP", maybe_text(report.mapping_varies_by_dest_ip));
  bullet("PortMapping", port_mapping_text(report));
  if (report.captive_portal) bullet("CaptivePortal", maybe_text(report.captive_portal));
  bullet("Nearest DERP", report.preferred_derp.value == 0
                             ? "unknown (no response to latency probes)"
                             : region_name(regions, report.preferred_derp));
  if (report.preferred_derp.value != 0) {
    bullet("DERP latency", "");
    out += latency_text(report, regions, verbose);
  }
  return out;
}

// The names are a comfort: without them there are numbers.
Regions fetch_regions(const LocalApi& node) {
  const auto body = node.get("derpmap");
  if (!body) return {};
  auto map = control::decode<control::DerpMap>(*body);
  return map && map->regions ? std::move(*map->regions) : Regions();
}

Result<void> report_once(const NetcheckArgs& args, Context& context) {
  const LocalApi node = LocalApi::node(context);
  WARREN_TRY(const auto body, node.send("POST", "warren/netcheck", {}, kMeasureTimeout));
  if (args.json || args.format == "json") {
    context.out << indented(body, '\t', 1);
  } else if (args.format == "json-line") {
    const auto compact = json::Raw::parse(body);
    context.out << (compact ? compact->text() : body) << '\n';
  } else {
    WARREN_TRY(const auto report, node::decode_netcheck(body));
    context.out << report_text(report, fetch_regions(node), args.verbose);
  }
  context.out.flush();
  return {};
}

int run_netcheck(const NetcheckArgs& args, Context& context) {
  if (!args.format.empty() && args.format != "json" && args.format != "json-line")
    return fail_with(context, "netcheck", kBadUsage, "--format: choose json or json-line");
  const auto every =
      args.every.empty() ? std::optional(Duration::zero()) : json::parse_duration(args.every);
  if (!every)
    return fail_with(context, "netcheck", kBadUsage, "--every: expected a duration such as 30s");
  while (true) {
    const TimePoint began = context.now();
    if (const auto done = report_once(args, context); !done)
      return fail_with(context, "netcheck", done.error());
    if (*every == Duration::zero()) return 0;
    const Duration rest = began + *every - context.now();
    if (rest > Duration::zero()) context.sleep(rest);
  }
}

}  // namespace

void add_netcheck(CLI::App& root, Context& context) {
  auto args = std::make_shared<NetcheckArgs>();
  CLI::App* const command =
      root.add_subcommand("netcheck", "Measure what this machine's network lets through");
  command->footer(
      "MappingVariesByDestIP: true makes direct paths hard; UDP: false makes them impossible, and\n"
      "all goes through the relay.\n"
      "\n"
      "Example:\n"
      "  warren netcheck\n"
      "  warren netcheck --format=json-line --every=1m");
  command->add_option("--format", args->format, "json, or json-line: without line breaks")
      ->type_name("FORMAT");
  command->add_option("--every", args->every, "Go on, with a report this often")
      ->type_name("DURATION");
  command->add_flag("--verbose", args->verbose, "Also the numbers of the relays' regions");
  command->add_flag("--json", args->json, "As --format=json");
  command->callback([args, &context] { context.exit_code = run_netcheck(*args, context); });
}

}  // namespace warren::cli
