#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"
#include "io/run_blocking.h"

namespace warren::io {

inline constexpr std::size_t kMaxResolved = 32;  // addresses of one name

// The addresses of a host, in the order of preference of the system (RFC 6724), each with `port`.
// Numeric addresses need no name service and do not wait. Fails with NotFound when the name has no
// address, Unavailable when the name service cannot say now, Timeout at the deadline.
//
// Blocks the caller until the deadline at most; the system's own lookup may go on behind it.
Result<std::vector<Endpoint>> resolve(const std::string& host,
                                      std::uint16_t port,
                                      TimePoint deadline);

// The same on a pool.
boost::asio::awaitable<Result<std::vector<Endpoint>>> async_resolve(BlockingPool& pool,
                                                                    std::string host,
                                                                    std::uint16_t port,
                                                                    TimePoint deadline);

}  // namespace warren::io
