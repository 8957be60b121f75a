#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "lab/link.h"
#include "sim/host.h"
#include "sim/trace.h"
#include "sim/virtual_time.h"

namespace warren::sim {

using lab::LinkQuality;

// What jitter makes overtake is reordered.
inline constexpr LinkQuality kUsualQuality{.delay = 10ms, .keeps_order = false};

struct Datagram {
  Endpoint from;
  Endpoint to;
  std::vector<std::uint8_t> bytes;
};

// Hosts at endpoints, all joined by one link. A datagram goes to whoever is at its
// destination when it arrives. Bounded: beyond kMaxInFlight datagrams are dropped.
class Network {
 public:
  static constexpr std::size_t kMaxInFlight = 65536;

  Network(VirtualTime& time, std::uint64_t seed) : time_(time), link_(kUsualQuality, seed) {}

  VirtualTime& time() { return time_; }

  void set_quality(const LinkQuality& quality) { link_.set_quality(quality); }

  // Hears of every datagram that is sent, before the link has its way with it.
  void set_tap(std::function<void(const Datagram&)> tap) { tap_ = std::move(tap); }

  // None by default. Outlives the network.
  void set_trace(Trace* trace) { trace_ = trace; }

  void note(std::string_view who, std::string_view what) {
    if (trace_ != nullptr) trace_->line(time_.now(), who, what);
  }

  bool is_traced() const { return trace_ != nullptr; }

  // The host must detach before it goes.
  void attach(const Endpoint& at, Host& host) { hosts_[at] = &host; }

  void detach(const Endpoint& at) { hosts_.erase(at); }

  void send(const Endpoint& from, const Endpoint& to, ByteView bytes);
  // Past the tap and the link: what an attacker or a test puts there.
  void inject(Datagram datagram, Duration delay);

  std::size_t lost() const { return lost_; }

 private:
  VirtualTime& time_;
  lab::Link link_;
  std::function<void(const Datagram&)> tap_;
  Trace* trace_ = nullptr;
  std::unordered_map<Endpoint, Host*> hosts_;
  std::size_t in_flight_ = 0;
  std::size_t lost_ = 0;
};

}  // namespace warren::sim
