#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "io/run_blocking.h"

namespace warren::node {

// Addresses of what we dial ourselves: the coordination server and relays. As long as the host asks
// us about names, our own questions go to the nameservers that it has without us: else a network
// that is down could keep us from getting up again. When those do not know, or none is known, the
// system's name service is asked. On one strand.
class HostLookup {
 public:
  // `random` outlives it. `mark`: of our own packets.
  HostLookup(std::uint32_t mark, Random& random) : mark_(mark), random_(random) {}

  // None: the system's name service is asked at once.
  void set_nameservers(std::vector<IpAddress> nameservers) {
    nameservers_ = std::move(nameservers);
  }

  // As io::async_resolve(). It may be destroyed meanwhile.
  boost::asio::awaitable<Result<std::vector<Endpoint>>> resolve(io::BlockingPool& pool,
                                                                std::string host,
                                                                std::uint16_t port,
                                                                TimePoint deadline) const;

 private:
  std::uint32_t mark_;
  Random& random_;
  std::vector<IpAddress> nameservers_;
};

// Whether /etc/hosts, of which this is the text, has the name.
bool is_in_hosts_file(std::string_view text, std::string_view name);

}  // namespace warren::node
