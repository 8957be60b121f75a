#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "path/actions.h"
#include "path/home_choice.h"
#include "path/local_network.h"
#include "path/own_endpoints.h"
#include "path/report.h"
#include "proto/relay/region.h"
#include "proto/stun/binding.h"

namespace warren::path {

// Asks STUN servers beside the relays what the network around us does (spec: paths section 3): a
// full check measures every region and makes a Report; a refresh asks only the home region for our
// public endpoint, which also keeps the NAT's mapping. Relay nodes are reached by the addresses in
// the map: whoever sets it has looked up names before.
class Netcheck {
 public:
  // The references outlive the object; what is observed goes to `endpoints`.
  Netcheck(Random& random, OwnEndpoints& endpoints) : random_(random), endpoints_(endpoints) {}

  void set_map(std::shared_ptr<const relay::Map> map) { map_ = std::move(map); }

  // Begins a full check; one that is running begins again.
  void start(const LocalNetwork& network, TimePoint now);
  // Nothing while a full check runs: it asks anyway.
  void refresh(const LocalNetwork& network, relay::RegionId home, TimePoint now);

  // True when it answers a request of ours; `news` when our public endpoint is another.
  bool on_answer(const stun::BindingSuccess& answer, bool& news, TimePoint now);
  void on_measured(relay::RegionId region, std::optional<Duration> latency);
  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  // A full check whose time has come: its report, without the choice of a home. Once.
  std::optional<Report> take_report(TimePoint now);

  bool running() const { return finish_by_ != kNever; }

  // The round trip to a region by STUN, as last measured.
  std::optional<Duration> latency(relay::RegionId region) const;

  std::size_t size() const { return requests_.size() + targets_.size(); }

 private:
  // One region in one family: tried until it answers.
  struct Target {
    relay::RegionId region;
    bool is_v6 = false;
    std::vector<Endpoint> servers;  // of the region's nodes, in turn
    std::size_t tries = 0;
    TimePoint next_try = kNever;
    bool answered = false;
  };

  struct Request {
    stun::TransactionId transaction{};
    relay::RegionId region;
    Endpoint server;
    TimePoint sent;
  };

  void add_targets(const relay::Region& region, const LocalNetwork& network, TimePoint now);
  RegionLatency& latency_entry(relay::RegionId region);
  void update_finish(TimePoint now);

  Random& random_;
  OwnEndpoints& endpoints_;
  std::shared_ptr<const relay::Map> map_ = std::make_shared<const relay::Map>();
  std::vector<Target> targets_;    // bounded by the map
  std::vector<Request> requests_;  // at most kMaxProbesInFlight; the oldest go
  std::vector<RegionLatency> latencies_;

  // Of the full check that runs.
  TimePoint began_;
  TimePoint finish_by_ = kNever;
  TimePoint measure_at_ = kNever;
  std::size_t measuring_ = 0;
  bool saw_v4_ = false;
  bool saw_v6_ = false;
  std::optional<std::pair<IpAddress, Endpoint>> first_v4_;  // server, and what it saw
  std::optional<bool> mapping_varies_;
};

}  // namespace warren::path
