#pragma once

#include <optional>

#include "base/ip_address.h"
#include "proto/dns/dns_name.h"

// Names by which addresses are looked up: in-addr.arpa (RFC 1035 section 3.5), ip6.arpa (RFC 3596
// section 2.5).
namespace warren::dns {

// None: it is not the name of a whole address.
std::optional<IpAddress> address_of_reverse(const Name& name);

// The zone that holds the names of a prefix whose length is a multiple of 8 (IPv4) or 4 (IPv6).
Name reverse_zone(const IpPrefix& prefix);

}  // namespace warren::dns
