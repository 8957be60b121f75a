#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "acme/core/messages.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "io/http_routes.h"
#include "io/tls_certificate.h"
#include "io/tls_server.h"

namespace warren::acme {

struct ServiceOptions {
  std::string directory;  // https URL
  std::string name;       // of DNS, in lower case
  std::string email;      // empty: none
  std::string ca_file;    // PEM of authorities to trust beside the system's; empty: none
  std::string state_directory;
  std::vector<Method> methods;  // that work here, the preferred one first
};

struct ServiceStatus {
  bool is_working = false;
  std::string error;                 // why there is no new certificate; empty: nothing is wrong
  std::optional<WallTime> next_try;  // while something is wrong
  std::optional<WallTime> renew_at;
};

struct ServiceCounters {
  std::uint64_t requests = 0;      // sent to the authority
  std::uint64_t unanswered = 0;    // of them
  std::uint64_t certificates = 0;  // received
  std::uint64_t errors = 0;        // attempts that ended without one
};

// Gets a certificate for one name, keeps it in the state directory and renews it:
// acme/core/engine.h with sockets, files and a clock. Lives on one strand.
class Service {
 public:
  // Reads what an earlier run kept; asks nobody yet. References outlive it. Challenges of
  // tls-alpn-01 are answered through `challenges`, those of http-01 by the routes.
  static Result<std::unique_ptr<Service>> create(const boost::asio::any_io_executor& executor,
                                                 ServiceOptions options,
                                                 io::TlsChallenges& challenges,
                                                 Random& random,
                                                 const WallClock& wall_clock,
                                                 const Log& log);
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // From now on `use` is called whenever there is a new certificate().
  virtual void start(std::function<void()> use) = 0;
  virtual void add_routes(io::HttpRoutes& routes) = 0;
  // The one that is kept; none while there is none.
  virtual Result<std::optional<io::TlsCertificate>> certificate() const = 0;
  virtual ServiceStatus status() const = 0;
  virtual const ServiceCounters& counters() const = 0;
  virtual boost::asio::awaitable<void> stop() = 0;
};

}  // namespace warren::acme
