#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "sim/virtual_time.h"
#include "sim/wg_host.h"

namespace warren::sim {

// What one WireGuard host may do, whatever happens to it (spec: paths section 1): a plain list of
// rules that knows nothing of how the engine keeps them. The first violation is kept as a sentence.
class WgModel final : public WgObserver {
 public:
  explicit WgModel(const VirtualTime& time) : time_(time) {}

  void on_sealed(const wg::Keypair& keypair, std::uint64_t counter) override;
  void on_accepted(const wg::Keypair& keypair, std::uint64_t counter) override;
  void on_delivered(wg::PeerId peer, ByteView packet) override;
  void on_message(const wg::SendMessage& message) override;
  void on_reason(wg::PeerId peer) override;

  // The peer's application has sent this packet to us, from an address it may use.
  void expect(std::uint64_t id) { expected_.insert(id); }

  // Persistent keepalives begin attempts on their own.
  void set_endless_attempts(bool on) { endless_attempts_ = on; }

  // Between events: tables and slots.
  void check(const WgHost& host);

  std::size_t delivered() const { return delivered_; }

  const std::optional<std::string>& violation() const { return violation_; }

 private:
  struct Attempts {
    std::optional<TimePoint> last;
    unsigned count = 0;  // since the last reason
  };

  void require(bool holds, std::string_view rule);

  const VirtualTime& time_;
  std::set<std::pair<std::string, std::uint64_t>> sealed_;    // key and counter
  std::set<std::pair<std::string, std::uint64_t>> accepted_;  // key and counter
  std::set<std::uint64_t> expected_;
  std::size_t delivered_ = 0;
  std::map<wg::PeerId, Attempts> attempts_;
  bool endless_attempts_ = false;
  std::optional<std::string> violation_;
};

}  // namespace warren::sim
