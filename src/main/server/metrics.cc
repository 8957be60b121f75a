#include "main/server/metrics.h"

#include <string>

namespace warren::server {
namespace {

using io::MetricKind;

void count(std::vector<Metric>& out, const char* name, const char* help, std::uint64_t value) {
  out.push_back({.name = name,
                 .help = help,
                 .kind = MetricKind::Counter,
                 .value = static_cast<double>(value)});
}

void gauge(std::vector<Metric>& out, const char* name, const char* help, std::size_t value) {
  out.push_back(
      {.name = name, .help = help, .kind = MetricKind::Gauge, .value = static_cast<double>(value)});
}

}  // namespace

void add_metrics(const control::Engine& engine, std::vector<Metric>& out) {
  const control::EngineCounters& counters = engine.counters();
  count(out, "warren_control_registrations_total", "Machines let in", counters.registered);
  count(out, "warren_control_registrations_refused_total", "Machines refused", counters.refused);
  count(out, "warren_control_first_maps_total", "Whole maps sent", counters.maps);
  count(out, "warren_control_deltas_total", "Changes of maps sent", counters.deltas);
  count(out, "warren_control_keepalives_total", "Signs of life sent", counters.keepalives);
  count(out, "warren_control_commits_total", "Transactions stored", counters.commits);
  count(out, "warren_control_failed_commits_total", "Transactions that could not be stored",
        counters.failed_commits);
  count(out, "warren_control_unknown_nodes_total", "Requests for nodes that are not the asker's",
        counters.unknown_nodes);
  count(out, "warren_control_malformed_total", "Requests that could not be read",
        counters.malformed);
  count(out, "warren_control_overloaded_total", "Requests refused because too many waited",
        counters.overloaded);
  gauge(out, "warren_control_streams", "Nodes that listen for changes", engine.streams());
  gauge(out, "warren_control_online", "Nodes that are online", engine.online());
}

void add_metrics(const relay::Service& relay, std::vector<Metric>& out) {
  const relay::HubCounters& hub = relay.hub().counters();
  count(out, "warren_relay_connections_total", "Connections accepted", hub.connections);
  count(out, "warren_relay_connections_refused_total", "Connections refused",
        hub.connections_refused);
  count(out, "warren_relay_logins_total", "Logins", hub.logins);
  for (std::size_t i = 0; i < relay::kCloseReasons; ++i) {
    out.push_back({.name = "warren_relay_closed_total",
                   .help = "Connections that the relay closed",
                   .kind = MetricKind::Counter,
                   .value = static_cast<double>(hub.closed.at(i)),
                   .label = "reason",
                   .label_value = std::string(to_string(static_cast<relay::CloseReason>(i)))});
  }
  count(out, "warren_relay_received_packets_total", "Packets received", hub.packets_received);
  count(out, "warren_relay_received_bytes_total", "Bytes of packets received", hub.bytes_received);
  count(out, "warren_relay_sent_packets_total", "Packets forwarded", hub.packets_sent);
  count(out, "warren_relay_sent_bytes_total", "Bytes of packets forwarded", hub.bytes_sent);
  count(out, "warren_relay_dropped_overflow_total", "Packets dropped: the receiver was too slow",
        hub.data.overflow + hub.disco.overflow);
  count(out, "warren_relay_dropped_old_total", "Packets dropped: they waited too long",
        hub.data.waited + hub.disco.waited);
  count(out, "warren_relay_dropped_unknown_total", "Packets for somebody who is not here",
        hub.unknown_destination);
  count(out, "warren_relay_write_timeouts_total", "Connections whose socket took nothing",
        relay.counters().write_timeouts);
  gauge(out, "warren_relay_peers", "Machines connected", relay.hub().peers());
  gauge(out, "warren_relay_sessions", "Connections open", relay.sessions());
}

void add_metrics(const relay::StunCounters& stun, std::vector<Metric>& out) {
  count(out, "warren_stun_answered_total", "STUN requests answered", stun.answered.load());
  count(out, "warren_stun_malformed_total", "Datagrams that were no STUN request",
        stun.malformed.load());
  count(out, "warren_stun_limited_total", "STUN requests beyond the limit of their prefix",
        stun.limited.load());
}

void add_metrics(const io::ListenerCounters& listeners, std::vector<Metric>& out) {
  count(out, "warren_listener_accepted_total", "Connections accepted", listeners.accepted);
  count(out, "warren_listener_refused_prefix_total", "Connections refused: too many of one prefix",
        listeners.refused_prefix);
  count(out, "warren_listener_evicted_total", "Connections that gave way to newer ones",
        listeners.evicted);
  count(out, "warren_listener_refused_waiting_total", "Connections without a turn for TLS in time",
        listeners.refused_waiting);
  count(out, "warren_listener_failed_handshakes_total", "TLS handshakes that failed",
        listeners.failed_handshakes);
  count(out, "warren_listener_challenges_total", "Challenges of an authority answered in TLS",
        listeners.challenges);
  count(out, "warren_listener_bad_requests_total", "Requests that could not be read",
        listeners.bad_requests);
  count(out, "warren_listener_pages_total", "Pages answered", listeners.pages);
}

void add_certificate_metrics(const CertificateView& certificate,
                             const acme::Service* acme,
                             WallTime now,
                             std::vector<Metric>& out) {
  out.push_back({.name = "warren_cert_expiry_seconds",
                 .help = "Until the certificate that is shown ends",
                 .kind = MetricKind::Gauge,
                 .value = static_cast<double>(certificate.not_after.seconds - now.seconds),
                 .label = "source",
                 .label_value = std::string(to_string(certificate.source))});
  if (acme == nullptr) return;
  const acme::ServiceCounters& counters = acme->counters();
  count(out, "warren_acme_requests_total", "Requests to the certificate authority",
        counters.requests);
  count(out, "warren_acme_unanswered_total", "Requests that it did not answer",
        counters.unanswered);
  count(out, "warren_acme_certificates_total", "Certificates that it gave", counters.certificates);
  count(out, "warren_acme_errors_total", "Attempts to get one that failed", counters.errors);
}

}  // namespace warren::server
