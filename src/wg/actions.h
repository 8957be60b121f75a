#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/udp_path.h"
#include "proto/wireguard/messages.h"
#include "wg/data_peer.h"

// What the engine asks its caller to do. Values, so a test compares a list with a list.
namespace warren::wg {

// An encoded handshake message or cookie reply.
class MessageBytes {
 public:
  MessageBytes() = default;

  explicit MessageBytes(ByteView bytes) : size_(bytes.size()) {
    WARREN_CHECK(bytes.size() <= bytes_.size());
    std::memcpy(bytes_.data(), bytes.data(), bytes.size());
  }

  ByteView view() const { return ByteView(bytes_).first(size_); }

  bool operator==(const MessageBytes&) const = default;

 private:
  std::array<std::uint8_t, wireguard::kInitiationSize> bytes_{};  // the longest
  std::size_t size_ = 0;
};

// Send this datagram. `peer` is none for a cookie reply to a stranger, which goes back to where his
// message came from. `to` is none for a peer whose paths are managed: their manager knows the ways.
struct SendMessage {
  std::optional<PeerId> peer;
  std::optional<UdpPath> to;
  MessageBytes message;

  bool operator==(const SendMessage&) const = default;
};

// Seal an empty packet under the peer's current keypair and send it.
struct SendKeepalive {
  PeerId peer;

  bool operator==(const SendKeepalive&) const = default;
};

// The peer has a key to send under: send what was staged for it. `or_keepalive`: if nothing was,
// send an empty packet, because the peer's end does not use the key before it has seen a packet
// under it.
struct FlushStaged {
  PeerId peer;
  bool or_keepalive = false;

  bool operator==(const FlushStaged&) const = default;
};

// No handshake came about, or the peer is gone: drop what was staged for it.
struct DropStaged {
  PeerId peer;

  bool operator==(const DropStaged&) const = default;
};

// A session began: for the log, and for whoever resolves names again after a failure.
struct HandshakeCompleted {
  PeerId peer;

  bool operator==(const HandshakeCompleted&) const = default;
};

// All attempts went unanswered.
struct HandshakeGivenUp {
  PeerId peer;

  bool operator==(const HandshakeGivenUp&) const = default;
};

using Action = std::variant<SendMessage,
                            SendKeepalive,
                            FlushStaged,
                            DropStaged,
                            HandshakeCompleted,
                            HandshakeGivenUp>;
using Actions = std::vector<Action>;

}  // namespace warren::wg
