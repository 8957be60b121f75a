#pragma once

#include "proto/control/dns.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<Resolver> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Addr", x.addr);
  visit("BootstrapResolution", x.bootstrap_resolution);
  visit("UseWithExitNode", x.use_with_exit_node);
}

template <class Visitor, Either<DnsRecord> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Name", x.name);
  visit("Type", x.type);
  visit.always("Value", x.value);
}

template <class Visitor, Either<DnsConfig> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Resolvers", x.resolvers);
  visit("Routes", x.routes);
  visit("FallbackResolvers", x.fallback_resolvers);
  visit("Domains", x.domains);
  visit("Proxied", x.proxied);
  visit("CertDomains", x.cert_domains);
  visit("ExtraRecords", x.extra_records);
  visit("ExitNodeFilteredSet", x.exit_node_filtered_set);
}

}  // namespace warren::control
