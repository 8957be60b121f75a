#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/run_blocking.h"
#include "io/tcp_dial.h"
#include "io/tls_client.h"
#include "proto/relay/region.h"
#include "relay/client/connection.h"

namespace warren::relay::client {

// What connecting takes; all outlive the dials.
struct DialTools {
  io::BlockingPool& lookups;
  io::TlsContext& tls;
  std::uint32_t mark = 0;
};

struct Dialed {
  std::unique_ptr<io::TlsClient> tls;
  Connected facts;
};

// A TCP connection to the node (spec: paths section 2.1, item 1). Addresses of the map are used
// without a look-up; only when they do not answer, or there are none, is the host name looked up
// for families that the map leaves open. At most kNodeDialLimit.
boost::asio::awaitable<Result<io::DialedTcp>> reach(DialTools tools, Node node, TimePoint deadline);

// TLS over it, checked as the map wants it (items 2 and 3).
boost::asio::awaitable<Result<Dialed>> secure(DialTools tools,
                                              Node node,
                                              io::DialedTcp tcp,
                                              TimePoint deadline);

// How long the region's relay takes for a request, on a connection of its own; connecting does not
// count (spec: paths section 3.3).
boost::asio::awaitable<Result<Duration>> measure(DialTools tools, Node node, TimePoint deadline);

}  // namespace warren::relay::client
