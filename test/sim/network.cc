#include "sim/network.h"

#include <memory>
#include <utility>

namespace warren::sim {

void Network::send(const Endpoint& from, const Endpoint& to, ByteView bytes) {
  const Datagram datagram{.from = from, .to = to, .bytes = {bytes.begin(), bytes.end()}};
  if (tap_) tap_(datagram);
  const auto arrivals = link_.carry(bytes.size(), time_.now());
  if (arrivals.empty()) ++lost_;
  for (const TimePoint arrival : arrivals) inject(datagram, arrival - time_.now());
}

void Network::inject(Datagram datagram, Duration delay) {
  if (in_flight_ >= kMaxInFlight) {
    ++lost_;
    return;
  }
  ++in_flight_;
  time_.after(delay, [this, datagram = std::move(datagram)] {
    --in_flight_;
    const auto host = hosts_.find(datagram.to);
    if (host == hosts_.end()) {
      ++lost_;
      return;
    }
    host->second->on_datagram(datagram.bytes, {.remote = datagram.from, .source = std::nullopt});
  });
}

}  // namespace warren::sim
