#pragma once

#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "base/random.h"
#include "io/local_http.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "node/daemon.h"

namespace warren::node {

// What the local API says of names: dns-config, dns-osconfig, dns-query, warren/dns (spec:
// node-features section 17.2). On the control strand.
class DnsApi {
 public:
  // All outlive it.
  DnsApi(const boost::asio::any_io_executor& executor, Daemon& daemon, Random& random, Log& log);

  // False: it is none of its paths.
  bool serve(std::string_view path,
             const io::LocalRequest& request,
             const std::shared_ptr<io::LocalReply>& reply);

 private:
  io::LocalResponse host() const;
  io::LocalResponse status() const;
  boost::asio::awaitable<void> query(std::shared_ptr<io::LocalReply> reply,
                                     std::string name,
                                     std::string type);

  Daemon& daemon_;
  Random& random_;
  io::BlockingPool pool_;
  io::Tasks tasks_;
};

}  // namespace warren::node
