#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ip_address.h"
#include "base/result.h"

namespace warren::plain {

// io::resolve() on a thread of its own, which is left alone when the task is cancelled: a name
// service that hangs must not hold up the end of the program. The caller bounds how many there are.
boost::asio::awaitable<Result<std::vector<Endpoint>>> look_up_name(std::string host,
                                                                   std::uint16_t port);

}  // namespace warren::plain
