#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "dns/service.h"
#include "node/core/dns_plan.h"
#include "node/core/network_map.h"
#include "node/core/prefs.h"
#include "node/os/dns_setup.h"
#include "node/os/host_lookup.h"

namespace warren::node {

struct NamesOptions {
  // Where the resolver is asked, or why it cannot be.
  Result<dns::Sockets> sockets = fail(Errc::Unavailable, "it has no sockets");
  // The host that is told to ask it, unless it is foreign; its own nameservers are asked about the
  // rest. None: no host.
  std::optional<DnsHost> host = std::nullopt;
  // Others ask too, at our addresses in the overlay: `sockets` are made when these are known.
  bool serves_own_addresses = false;
};

// Names of the network on this machine: the resolver that answers for them, and the host that is
// told to ask it. On the control strand.
class Names {
 public:
  // First takes back what a run that was killed has left on the host: blocks, seconds at most. What
  // does not work is in health().
  // `changed`: apply() is to be called, because the host's own nameservers are others. `lookup` is
  // told which those are. References outlive the object.
  static std::unique_ptr<Names> start(const boost::asio::any_io_executor& executor,
                                      NamesOptions options,
                                      std::uint32_t mark,
                                      HostLookup& lookup,
                                      Random& random,
                                      Log& log,
                                      std::function<void()> changed);
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  ~Names();

  // After the map changed: touches what `change` names. `device` is what the host's network stack
  // knows of the overlay.
  void apply(const NetworkMap& map,
             const MapChange& change,
             const Prefs& prefs,
             const DevicePlan& device);
  // After preferences or the host changed, or at the start: everything.
  void apply_all(const NetworkMap& map, const Prefs& prefs, const DevicePlan& device);
  // There is no tunnel: the host is left alone, and nobody is known.
  void clear();

  // The machine's network is another.
  void look_again();

  // What shall be on the device so that the resolver is reached. Empty: nothing.
  std::vector<IpAddress> service_addresses() const;

  const DnsPlan& plan() const { return plan_; }

  // Null: no host is told anything.
  const DnsSetup* setup() const { return setup_.get(); }

  // Empty without a service.
  const dns::HostTable& hosts() const;

  // Null: it could not be opened.
  const dns::Service* service() const { return service_.get(); }

  std::vector<std::string> health() const;

  // Takes everything back on the host, and ends.
  boost::asio::awaitable<void> stop();

 private:
  Names(const boost::asio::any_io_executor& executor,
        std::uint32_t mark,
        HostLookup& lookup,
        Random& random,
        Log& log,
        std::function<void()> changed);

  void serve(dns::Sockets sockets);
  void serve_addresses_of(const NetworkMap& map);

  void on_host_changed();
  void apply_plan(DnsPlan plan);
  void tell_lookup();

  boost::asio::any_io_executor executor_;
  std::uint32_t mark_;
  HostLookup& lookup_;
  Random& random_;
  Log& log_;
  std::function<void()> changed_;
  bool serves_own_addresses_ = false;
  std::unique_ptr<dns::Service> service_;
  std::string problem_;  // why there is no service
  std::unique_ptr<DnsSetup> setup_;
  bool is_active_ = false;  // apply() was called since clear()
  DnsPlan plan_;
};

}  // namespace warren::node
