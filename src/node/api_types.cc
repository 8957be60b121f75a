#include "node/api_types.h"

#include <utility>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "base/json_wire.h"
#include "base/json_writer.h"
#include "base/version.h"
#include "crypto/key_text.h"

namespace warren::node {
namespace {

using io::Metric;
using io::MetricKind;

// Bits of watch-ipn-bus's mask (spec: node-features section 17.3).
constexpr std::uint64_t kInitialState = 1 << 1;
constexpr std::uint64_t kInitialPrefs = 1 << 2;
constexpr std::uint64_t kInitialHealth = 1 << 7;

constexpr json::wire::Limits kLimits{.bytes = std::size_t{256} * 1024, .depth = 16, .list = 4096};

struct StartBody {
  json::Raw update_prefs;
  std::string auth_key;
  std::string server_key;
  bool force_reauth = false;
};

template <class Visitor, json::wire::Either<StartBody> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("UpdatePrefs", x.update_prefs);
  visit("AuthKey", x.auth_key);
  visit("ServerKey", x.server_key);
  visit("ForceReauth", x.force_reauth);
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out;
  json::Writer writer(out);
  writer.open_array();
  for (const std::string& text : texts) {
    writer.element();
    writer.text(text);
  }
  writer.close_array();
  return out;
}

}  // namespace

Result<StartRequest> decode_start_request(std::string_view text) {
  WARREN_TRY(const auto body, json::wire::read_text<StartBody>(text, kLimits));
  StartRequest out;
  out.auth_key = body.auth_key;
  out.force = body.force_reauth;
  if (!body.update_prefs.text().empty()) {
    WARREN_TRY(out.prefs, decode_masked_prefs(body.update_prefs.text()));
  }
  if (body.server_key.empty()) return out;
  MachinePublicKey key;
  if (!parse_key_text(body.server_key, key) || key.is_zero()) {
    return fail(Errc::InvalidArgument,
                "--server-key: expected mkey: and 64 digits, as in the command that the server "
                "printed");
  }
  out.server_key = key;
  return out;
}

std::string encode_notice(const Notice& notice, const Prefs& prefs) {
  json::ObjectText out;
  out.text("Version", version());
  if (notice.error) out.text("ErrMessage", *notice.error);
  if (notice.login_finished) out.json("LoginFinished", "{}");
  if (notice.state) out.number("State", std::to_underlying(*notice.state));
  if (notice.prefs_changed) out.json("Prefs", encode_prefs(prefs));
  if (notice.browse_to_url) out.text("BrowseToURL", *notice.browse_to_url);
  return out.done();
}

std::string encode_first_notice(const Daemon& daemon, std::uint64_t session, std::uint64_t mask) {
  const ClientStatus client = daemon.client_status();
  json::ObjectText out;
  out.text("Version", version());
  out.text("SessionID", fmt::format("{:016x}", session));
  if ((mask & kInitialState) != 0) {
    out.number("State", std::to_underlying(daemon.state()));
    if (!client.link.empty()) out.text("BrowseToURL", client.link);
    if (!daemon.refusal().empty()) out.text("ErrMessage", daemon.refusal());
  }
  if ((mask & kInitialPrefs) != 0) out.json("Prefs", encode_prefs(daemon.prefs()));
  if ((mask & kInitialHealth) != 0) out.json("Health", json_list(daemon.health()));
  return out.done();
}

std::string debug_text(const Daemon& daemon) {
  json::ObjectText out;
  const ClientStatus client = daemon.client_status();
  out.text("State", to_string(daemon.state()))
      .boolean("Connected", client.is_connected)
      .text("Error", client.error)
      .number("Peers", static_cast<std::int64_t>(daemon.map().peers().size()))
      .number("ContestedPrefixes", static_cast<std::int64_t>(daemon.map().contested()));
  std::string metrics;
  for (const Metric& metric : daemon_metrics(daemon)) {
    metrics += fmt::format(R"({}"{}{}":{})", metrics.empty() ? "" : ",", metric.name,
                           metric.label.empty() ? "" : "/" + metric.label_value, metric.value);
  }
  out.json("Metrics", "{" + metrics + "}");
  return out.done();
}

std::vector<Metric> daemon_metrics(const Daemon& daemon) {
  std::vector<Metric> out = io::process_metrics();
  const auto gauge = [&](const char* name, const char* help, double value) {
    out.push_back({.name = name, .help = help, .kind = MetricKind::Gauge, .value = value});
  };
  const auto count = [&](std::string name, const char* help, std::uint64_t value,
                         std::string label = {}, std::string label_value = {}) {
    out.push_back({.name = std::move(name),
                   .help = help,
                   .kind = MetricKind::Counter,
                   .value = static_cast<double>(value),
                   .label = std::move(label),
                   .label_value = std::move(label_value)});
  };
  const ClientStatus client = daemon.client_status();
  gauge("warren_node_connected", "Whether the coordination server is there",
        client.is_connected ? 1 : 0);
  gauge("warren_node_peers", "Machines in the network map",
        static_cast<double>(daemon.map().peers().size()));
  if (daemon.overlay() == nullptr) return out;
  const tunnel::CounterSnapshot counters = daemon.overlay()->tunnel().counters();
  for (std::size_t i = 0; i < tunnel::kDropReasonCount; ++i) {
    count("warren_tunnel_dropped_total", "Packets dropped", counters.drops.at(i), "reason",
          std::string(to_string(static_cast<tunnel::DropReason>(i))));
  }
  for (std::size_t i = 0; i < tunnel::kCounterCount; ++i) {
    count("warren_tunnel_work_total", "What the worker did", counters.counts.at(i), "what",
          std::string(to_string(static_cast<tunnel::Counter>(i))));
  }
  const path::Counters paths = daemon.overlay()->tunnel().mesh()->counters().path;
  count("warren_path_pings_sent_total", "Probes sent", paths.pings_sent);
  count("warren_path_pongs_received_total", "Probes answered", paths.pongs_received);
  count("warren_path_calls_sent_total", "Call-me-maybes sent", paths.call_me_maybes_sent);
  count("warren_path_calls_received_total", "Call-me-maybes received",
        paths.call_me_maybes_received);
  return out;
}

}  // namespace warren::node
