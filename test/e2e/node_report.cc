#include "e2e/node_report.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include "base/hex.h"

namespace warren::e2e {

namespace json = boost::json;

namespace {

using Named = std::pair<std::string_view, std::uint64_t>;

json::object to_object(std::initializer_list<Named> values) {
  json::object out;
  for (const auto& [name, value] : values) out[name] = value;
  return out;
}

std::string_view name_of(path::PathState state) {
  switch (state) {
    case path::PathState::Idle:
      return "idle";
    case path::PathState::Relayed:
      return "relayed";
    case path::PathState::Direct:
      return "direct";
    case path::PathState::Doubt:
      return "doubt";
  }
  return "unknown";
}

json::value to_value(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return to_seconds(*duration);
}

json::object to_json(const path::Counters& x) {
  return to_object({{"pings_sent", x.pings_sent},
                    {"pings_received", x.pings_received},
                    {"pongs_sent", x.pongs_sent},
                    {"pongs_received", x.pongs_received},
                    {"call_me_maybes_sent", x.call_me_maybes_sent},
                    {"call_me_maybes_received", x.call_me_maybes_received},
                    {"malformed", x.malformed},
                    {"unknown_sender", x.unknown_sender},
                    {"not_authentic", x.not_authentic},
                    {"wrong_sender", x.wrong_sender},
                    {"unknown_answer", x.unknown_answer},
                    {"rate_limited", x.rate_limited},
                    {"candidates_evicted", x.candidates_evicted}});
}

json::object to_json(const relay::client::ClientCounters& x) {
  return to_object({{"connects", x.engine.connects},
                    {"ups", x.engine.ups},
                    {"pings", x.engine.pings},
                    {"pongs", x.engine.pongs},
                    {"declared_dead", x.engine.declared_dead},
                    {"refused_logins", x.engine.refused_logins},
                    {"malformed", x.engine.malformed},
                    {"packets_sent", x.loop.packets_sent},
                    {"packets_received", x.loop.packets_received},
                    {"bytes_sent", x.loop.bytes_sent},
                    {"bytes_received", x.loop.bytes_received},
                    {"no_region", x.loop.no_region},
                    {"queue_full", x.loop.queue_full},
                    {"not_connected", x.loop.not_connected},
                    {"over_rate", x.loop.over_rate},
                    {"inbound_full", x.loop.inbound_full},
                    {"upcalls_full", x.loop.upcalls_full},
                    {"answers_full", x.loop.answers_full},
                    {"calls_full", x.calls_full}});
}

}  // namespace

double to_seconds(TimePoint time) {
  return to_seconds(time.time_since_epoch());
}

double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

json::object make_event(std::string_view name, TimePoint now) {
  return {{"event", name}, {"time", to_seconds(now)}};
}

json::array to_json(const std::vector<Endpoint>& endpoints) {
  json::array out;
  for (const Endpoint& endpoint : endpoints) out.emplace_back(endpoint.to_string());
  return out;
}

json::object to_json(const path::Report& report) {
  json::object out{{"udp", report.udp},
                   {"ipv4", report.ipv4},
                   {"ipv6", report.ipv6},
                   {"mapping_varies", nullptr},
                   {"public_v4", to_json(report.public_v4)},
                   {"public_v6", to_json(report.public_v6)},
                   {"home", report.home.value}};
  if (report.mapping_varies_by_destination)
    out["mapping_varies"] = *report.mapping_varies_by_destination;
  json::array latencies;
  for (const path::RegionLatency& latency : report.latencies) {
    latencies.push_back(json::object{{"region", latency.region.value},
                                     {"v4", to_value(latency.v4)},
                                     {"v6", to_value(latency.v6)},
                                     {"https", to_value(latency.https)}});
  }
  out["latencies"] = std::move(latencies);
  return out;
}

json::object to_json(const path::PeerStatus& status) {
  json::object out{{"state", name_of(status.state)},
                   {"since", to_seconds(status.since)},
                   {"direct", nullptr},
                   {"relay", nullptr},
                   {"latency", to_value(status.latency)},
                   {"candidates", status.candidates},
                   {"answered", status.answered}};
  if (status.path.direct) out["direct"] = status.path.direct->remote.to_string();
  if (status.path.relay) out["relay"] = status.path.relay->region.value;
  return out;
}

json::object describe_peer(tunnel::Tunnel& tunnel, wg::PeerId peer) {
  const wg::PeerStatus session = tunnel.engine().status(peer);
  json::object out = to_json(tunnel.mesh()->paths().status(peer));
  out["peer"] = to_base64(session.public_key.bytes());
  out["has_session"] = session.last_handshake.has_value();
  out["sent"] = session.bytes_sent;
  out["received"] = session.bytes_received;
  return out;
}

json::object describe(tunnel::Tunnel& tunnel, const relay::client::ClientCounters& relay) {
  const path::Engine& paths = tunnel.mesh()->paths();
  json::array peers;
  for (const wg::PeerId peer : tunnel.engine().peers())
    peers.push_back(describe_peer(tunnel, peer));

  const tunnel::CounterSnapshot sum = tunnel.counters();
  json::object drops;
  json::object counts;
  for (std::size_t i = 0; i < tunnel::kDropReasonCount; ++i) {
    if (sum.drops[i] > 0) drops[to_string(static_cast<tunnel::DropReason>(i))] = sum.drops[i];
  }
  for (std::size_t i = 0; i < tunnel::kCounterCount; ++i)
    counts[to_string(static_cast<tunnel::Counter>(i))] = sum.counts[i];

  const tunnel::MeshCounters mesh = tunnel.mesh()->counters();
  return {{"port", tunnel.listen_port()},
          {"home", paths.home().value},
          {"endpoints", to_json(paths.endpoints())},
          {"report", to_json(paths.report())},
          {"peers", std::move(peers)},
          {"paths", to_json(mesh.path)},
          {"relayed_unknown", mesh.relayed_unknown},
          {"relayed_malformed", mesh.relayed_malformed},
          {"relay", to_json(relay)},
          {"drops", std::move(drops)},
          {"counts", std::move(counts)}};
}

}  // namespace warren::e2e
