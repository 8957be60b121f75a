#pragma once

#include <vector>

#include "acme/service.h"
#include "base/time.h"
#include "control/core/engine.h"
#include "io/listener.h"
#include "io/metrics_text.h"
#include "main/server/certificates.h"
#include "relay/service.h"
#include "relay/stun_responder.h"

// The server's numbers by name (spec: server section 7.2). They are counted where they happen; here
// they get their names.
namespace warren::server {

using io::Metric;

void add_metrics(const control::Engine& engine, std::vector<Metric>& out);
void add_metrics(const relay::Service& relay, std::vector<Metric>& out);
void add_metrics(const relay::StunCounters& stun, std::vector<Metric>& out);
// Of all listeners together.
void add_metrics(const io::ListenerCounters& listeners, std::vector<Metric>& out);

// `acme` may be null.
void add_certificate_metrics(const CertificateView& certificate,
                             const acme::Service* acme,
                             WallTime now,
                             std::vector<Metric>& out);

}  // namespace warren::server
