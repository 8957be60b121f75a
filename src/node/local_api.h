#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/time.h"
#include "io/local_http.h"
#include "node/daemon.h"
#include "node/dns_api.h"

namespace warren::node {

// The daemon's local API: /localapi/v0/ of stock software, as far as it is here (spec:
// node-features section 17), and /localapi/v0/warren/ for what only we have.
//
// Anybody on the machine may read; changes are for root, for the user that the daemon runs as, and
// for the operator that the preferences name.
class LocalApi {
 public:
  // All outlive it. `shut_down` ends the program.
  LocalApi(const boost::asio::any_io_executor& executor,
           Daemon& daemon,
           Random& random,
           const WallClock& wall_clock,
           std::function<void()> shut_down,
           Log& log);

  void handle(const io::LocalRequest& request, const std::shared_ptr<io::LocalReply>& reply);

 private:
  using Reply = std::shared_ptr<io::LocalReply>;

  void serve(std::string_view path, const io::LocalRequest& request, const Reply& reply);
  bool may_write(const io::PeerCredentials& peer) const;
  io::LocalResponse status(const io::LocalRequest& request) const;
  io::LocalResponse patch_prefs(const io::LocalRequest& request);
  io::LocalResponse start(const io::LocalRequest& request);
  io::LocalResponse who_is(const io::LocalRequest& request) const;
  io::LocalResponse netcheck() const;
  io::LocalResponse debug() const;
  io::LocalResponse metrics() const;
  io::LocalResponse bug_report() const;
  void watch(const io::LocalRequest& request, const Reply& reply);
  void ping(const io::LocalRequest& request, const Reply& reply);

  boost::asio::any_io_executor executor_;
  Daemon& daemon_;
  const WallClock& wall_clock_;
  std::function<void()> shut_down_;
  Log& log_;
  DnsApi dns_;
};

}  // namespace warren::node
