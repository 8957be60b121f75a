#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/noise_ik.h"
#include "io/http2/session.h"
#include "proto/ts2021/early_noise.h"
#include "proto/ts2021/records.h"

namespace warren::node {

// HTTP/2 in the records of a Noise connection, the node's end, without a socket (spec: control
// sections 2.6, 2.8, 3.1). The owner closes the connection when a call fails, and when is_over().
class ControlSession {
 public:
  // What was agreed with the server.
  explicit ControlSession(NoiseKeys keys)
      : sealer_(std::move(keys.from_initiator)), opener_(std::move(keys.from_responder)) {}

  // The next bytes from the server, cut anywhere.
  [[nodiscard]] Result<void> receive(ByteView wire, http2::Events& events);

  bool wants_output() const { return http2_.wants_output(); }

  // Appends records for the server, somewhat more than `enough` bytes at most.
  [[nodiscard]] Result<void> take_output(std::vector<std::uint8_t>& wire,
                                         std::size_t enough,
                                         http2::Events& events);

  bool is_over() const { return http2_.is_over(); }

  // To ask, to consume, to reset, to ping.
  http2::ClientSession& http2() { return http2_; }

 private:
  ts2021::RecordSealer sealer_;
  ts2021::RecordOpener opener_;
  ts2021::EarlyNoiseFilter early_;
  http2::ClientSession http2_;
};

}  // namespace warren::node
