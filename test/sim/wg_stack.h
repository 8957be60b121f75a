#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "crypto/packet_cipher.h"
#include "policy/packet_filter.h"
#include "sim/virtual_time.h"
#include "wg/engine.h"

namespace warren::sim {

// Data packets that went nowhere, by reason.
struct WgCounters {
  std::size_t no_peer = 0;
  std::size_t staged_overflow = 0;
  std::size_t staged_dropped = 0;
  std::size_t path_none = 0;
  std::size_t rx_malformed = 0;
  std::size_t rx_index = 0;
  std::size_t rx_key_expired = 0;
  std::size_t rx_auth = 0;
  std::size_t rx_replay = 0;
  std::size_t inner_bad = 0;
  std::size_t inner_source = 0;
  std::size_t filtered = 0;  // either way
};

// Hears what a host does, to check it. Calls come before the effect.
class WgObserver {
 public:
  WgObserver() = default;
  WgObserver(const WgObserver&) = delete;
  WgObserver& operator=(const WgObserver&) = delete;
  virtual ~WgObserver() = default;

  virtual void on_sealed(const wg::Keypair& /*keypair*/, std::uint64_t /*counter*/) {}

  virtual void on_accepted(const wg::Keypair& /*keypair*/, std::uint64_t /*counter*/) {}

  virtual void on_delivered(wg::PeerId /*peer*/, ByteView /*packet*/) {}

  virtual void on_message(const wg::SendMessage& /*message*/) {}

  // Something that may begin a handshake or follows one: packets moved, or were wanted to.
  virtual void on_reason(wg::PeerId /*peer*/) {}
};

// The engine with the smallest data path that is one: the same functions of wg/ as the tunnel's
// workers call, one packet at a time. Between two events nothing holds a pointer, so what the
// engine retires is destroyed at the end of each event. What carries its datagrams derives from it.
class WgStack {
 public:
  static constexpr std::size_t kMaxStaged = 128;  // packets a peer, the oldest is dropped

  WgStack(const WgStack&) = delete;
  WgStack& operator=(const WgStack&) = delete;
  virtual ~WgStack();

  const wg::Engine& engine() const { return engine_; }

  VirtualWallClock& wall_clock() { return wall_clock_; }

  const WgCounters& counters() const { return counters_; }

  std::size_t staged(wg::PeerId peer) const;

  void set_observer(WgObserver* observer) { observer_ = observer; }

  // How many handshake messages seem to wait behind each that comes.
  void set_backlog(std::size_t messages) { backlog_ = messages; }

  // Changes configuration, does what comes of it and publishes it.
  void configure(const std::function<void(wg::Engine&, TimePoint, wg::Actions&)>& change);

  // Null, as at the start: nothing is checked.
  void set_filter(std::shared_ptr<const policy::Filter> filter);

  void send_packet(ByteView packet);  // an IP packet of an application here

 protected:
  WgStack(VirtualTime& time, std::uint64_t seed, wg::PathMode path_mode);

  VirtualTime& time() const { return time_; }

  Random& random() { return random_; }

  // A datagram that came for us; `from` as wg::Engine::on_handshake_message wants it.
  void receive(ByteView datagram, const UdpPath& from);
  // The peer's path is another, in wg::PathMode::Managed.
  void set_path(wg::PeerId peer, const wg::PeerPath& path);

  virtual void send_message(const wg::SendMessage& message) = 0;
  virtual void send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) = 0;

  // For a trace.
  virtual bool is_traced() const = 0;
  virtual void note(std::string_view what) = 0;

  virtual void on_session(wg::PeerId /*peer*/) {}

  // Who sends from there for sure, when data comes for no key of ours; none: nobody knows.
  virtual std::optional<wg::PeerId> sender(const UdpPath& /*from*/) const { return std::nullopt; }

  // The stamps of the peer changed.
  virtual void on_activity(const wg::DataPeer& /*peer*/) {}

 private:
  void finish_event();
  void on_timeout();
  void perform();
  void perform(const wg::Action& action);
  void note_activity(const wg::DataPeer& peer, bool is_news);
  void transmit(wg::DataPeer& peer, std::vector<std::uint8_t> packet);
  bool seal_and_send(wg::DataPeer& peer, ByteView packet);
  void flush(const wg::FlushStaged& action);
  void receive_data(ByteView datagram, const UdpPath& from);
  void deliver(wg::DataPeer& peer, ByteView plaintext);

  bool has_filter() const { return filter_.filter() != nullptr; }

  VirtualTime& time_;
  SeededRandom random_;
  VirtualWallClock wall_clock_;
  wg::Engine engine_;
  std::unique_ptr<PacketCipher> cipher_;
  policy::PacketFilter filter_;
  std::shared_ptr<const wg::AllowedIps> routes_ = std::make_shared<wg::AllowedIps>();
  std::unordered_map<wg::PeerId, std::deque<std::vector<std::uint8_t>>> staged_;
  wg::Actions actions_;  // what the engine asked for in this event and was not done yet
  TimePoint wake_ = kNever;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // timers in the queue hold it weakly
  WgObserver silent_;
  WgObserver* observer_ = &silent_;
  WgCounters counters_;
  std::size_t backlog_ = 0;
};

}  // namespace warren::sim
