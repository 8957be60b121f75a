#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "io/relay_port.h"
#include "proto/relay/region.h"

namespace warren::relay::client {

// Carries what the relay thread has to say to the listener on the control strand. Shared with what
// is under way, which may arrive when the client is gone: then nobody listens.
class Upcalls : public std::enable_shared_from_this<Upcalls> {
 public:
  using Listener = io::RelayPort::Listener;
  using OnFailure = std::function<void(RegionId region, const Error& error)>;

  explicit Upcalls(boost::asio::any_io_executor control) : control_(std::move(control)) {}

  // --- control strand
  // Null: nobody.
  void set_listener(Listener* listener) { listener_ = listener; }

  void set_on_failure(OnFailure on_failure) { on_failure_ = std::move(on_failure); }

  void silence();  // for good

  // --- relay thread
  void up(RegionId region);
  void down(RegionId region);
  void measured(RegionId region, std::optional<Duration> latency);
  void failed(RegionId region, Error error);
  // False when as many as the control strand may be behind are under way: what it says is lost.
  bool peer_gone(const Route& peer);
  bool relayed(const Route& from, ByteView datagram);

 private:
  template <class Function>
  void post(Function function);
  template <class Function>
  bool post_bounded(Function function);

  boost::asio::any_io_executor control_;
  Listener* listener_ = nullptr;  // control strand
  OnFailure on_failure_;          // control strand
  std::atomic<std::size_t> in_flight_ = 0;
};

}  // namespace warren::relay::client
