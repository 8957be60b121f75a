#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "crypto/keys.h"
#include "proto/wgquick/config.h"

namespace warren::plain {

// When the names of endpoints are looked up: once at the start, after each failure with a growing
// pause, and again when a peer no longer answers, because its name may stand for another address by
// now. Pure: the caller looks up and reports back.
//
// An entry is due, then in flight, then done (or due again after a pause). A change of its name
// makes it due anew, and what comes back for the old name is ignored.
class EndpointSchedule {
 public:
  static constexpr Duration kFirstPause = 1s;
  static constexpr Duration kLongestPause = 60s;
  static constexpr std::size_t kMaxInFlight = 4;  // a resolver that hangs costs so many threads

  struct Lookup {
    NodePublicKey peer;
    wgquick::EndpointName name;

    bool operator==(const Lookup&) const = default;
  };

  // The peers of the file that have an endpoint by name; others are forgotten. Those whose name did
  // not change stay as they are.
  void set_names(const std::vector<Lookup>& names, TimePoint now);

  // The peer answered none of our handshakes.
  void on_given_up(const NodePublicKey& peer, TimePoint now);

  // What is to be looked up now; each must be answered with on_found or on_failed.
  std::vector<Lookup> take_due(TimePoint now);

  // False when the answer is for a name that the file no longer has.
  bool on_found(const Lookup& lookup);
  // The pause until the next attempt; zero when the file no longer has the name.
  Duration on_failed(const Lookup& lookup, TimePoint now);

  TimePoint next_timeout() const;

 private:
  struct Entry {
    wgquick::EndpointName name;
    TimePoint due;  // kNever: done, or in flight
    bool in_flight = false;
    Duration pause = kFirstPause;
  };

  Entry* find(const Lookup& lookup);

  std::unordered_map<NodePublicKey, Entry> entries_;  // bounded by the file's peers
  std::size_t in_flight_ = 0;
};

}  // namespace warren::plain
