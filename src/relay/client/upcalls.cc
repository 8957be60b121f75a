#include "relay/client/upcalls.h"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "relay/client/constants.h"

namespace warren::relay::client {

template <class Function>
void Upcalls::post(Function function) {
  boost::asio::post(control_, [self = shared_from_this(), call = std::move(function)] {
    if (self->listener_ != nullptr) call(*self->listener_);
  });
}

template <class Function>
bool Upcalls::post_bounded(Function function) {
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= kMaxUpcallsInFlight) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  boost::asio::post(control_, [self = shared_from_this(), call = std::move(function)] {
    self->in_flight_.fetch_sub(1, std::memory_order_relaxed);
    if (self->listener_ != nullptr) call(*self->listener_);
  });
  return true;
}

void Upcalls::silence() {
  listener_ = nullptr;
  on_failure_ = nullptr;
}

void Upcalls::up(RegionId region) {
  post([region](Listener& listener) { listener.on_relay_up(region); });
}

void Upcalls::down(RegionId region) {
  post([region](Listener& listener) { listener.on_relay_down(region); });
}

void Upcalls::measured(RegionId region, std::optional<Duration> latency) {
  post([region, latency](Listener& listener) { listener.on_relay_measured(region, latency); });
}

void Upcalls::failed(RegionId region, Error error) {
  boost::asio::post(control_, [self = shared_from_this(), region, what = std::move(error)] {
    if (self->on_failure_) self->on_failure_(region, what);
  });
}

bool Upcalls::peer_gone(const Route& peer) {
  return post_bounded([peer](Listener& listener) { listener.on_peer_gone(peer); });
}

bool Upcalls::relayed(const Route& from, ByteView datagram) {
  return post_bounded([from, bytes = std::vector<std::uint8_t>(datagram.begin(), datagram.end())](
                          Listener& listener) { listener.on_relayed(from, bytes); });
}

}  // namespace warren::relay::client
