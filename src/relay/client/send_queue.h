#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "crypto/keys.h"
#include "relay/client/constants.h"
#include "relay/client/frame_queue.h"

namespace warren::relay::client {

enum class Urgency : std::uint8_t { Urgent, Data };  // disco and handshakes are urgent

// What waits for one region, and the TLS records it goes out in (spec: data-plane section 6): what
// the engine writes first, then all that is urgent, then data, as much as a record holds. A region
// that takes nothing loses its own oldest packets and delays no other's.
class SendQueue {
 public:
  // Bytes the engine wrote. False when a relay makes us answer more than it reads.
  bool write(ByteView bytes);
  // Returns how many packets were dropped for it.
  std::size_t push(Urgency urgency, const NodePublicKey& peer, ByteView datagram);

  // Fills the next record; the engine's bytes only, unless packets may go already. Returns its
  // size, zero when there is nothing. `out` has kMaxRecord bytes.
  enum class Packets : std::uint8_t { Hold, Send };
  std::size_t fill(MutableByteView out, Packets packets);

  // Forgets what belongs to a connection that is gone: the engine's bytes, and a packet half sent.
  void on_connection_closed();

  // Returns how many packets there were.
  std::size_t drop_packets() { return urgent_.clear() + data_.clear(); }

  std::size_t packet_bytes() const { return urgent_.bytes() + data_.bytes(); }

 private:
  static constexpr std::size_t kMaxWritten = 16384;  // a login is 300 bytes, a pong 13

  std::size_t take_begun(MutableByteView out);
  void on_frame_sent();

  std::vector<std::uint8_t> written_;  // by the engine
  std::vector<std::uint8_t> begun_;  // a frame larger than a record: its rest goes before all else
  std::size_t begun_sent_ = 0;
  FrameQueue urgent_{kUrgentQueueBytes};
  FrameQueue data_{kDataQueueBytes};
};

}  // namespace warren::relay::client
