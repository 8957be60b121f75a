#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "path/local_network.h"

namespace warren::path {

// What peers may reach us under (spec: paths sections 5.2, 9.3): public endpoints as STUN servers
// and peers saw them, then the addresses of our interfaces. Unlike stock, carrier addresses of
// 100.64.0.0/10 are among them: the overlay's own interface is not in LocalNetwork.
class OwnEndpoints {
 public:
  // A different network: what was observed in the old one is gone.
  void set_network(const LocalNetwork& network, bool is_same_network);
  // Somebody saw us under this endpoint. True when it is news.
  bool observe(const Endpoint& endpoint, TimePoint now);

  // Best first: public, the most often seen before others, then local.
  std::vector<Endpoint> list(TimePoint now) const;
  std::vector<Endpoint> observed(bool is_v6, TimePoint now) const;

  // When a STUN server or peer last confirmed what is public; none: never in this network.
  std::optional<TimePoint> last_observed() const { return last_observed_; }

  std::size_t size() const { return observed_.size(); }

 private:
  struct Observed {
    Endpoint endpoint;
    TimePoint last;
    unsigned times = 0;
  };

  LocalNetwork network_;
  std::vector<Observed> observed_;  // at most kMaxObserved
  std::optional<TimePoint> last_observed_;
};

}  // namespace warren::path
