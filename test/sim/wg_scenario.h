#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/network.h"
#include "sim/wg_host.h"
#include "sim/wg_model.h"

namespace warren::sim {

// Two WireGuard hosts to which anything may happen: each step draws an event from `choices` (a
// seed, or a fuzzer's bytes): traffic, loss, replay, forgery, configuration, moves, clocks, the
// passing of time. Each host is held against a WgModel.
class WgScenario {
 public:
  // `choices` and `trace` (may be null) outlive the scenario.
  WgScenario(Random& choices, Trace* trace);

  void step();

  // Mends link and configuration; then both must agree on a key and hear all of each other.
  void settle();

  std::optional<std::string> violation() const;

 private:
  struct Side {
    std::string name;
    NodePrivateKey key;
    IpAddress address;  // inside the tunnel
    Endpoint endpoint;
    std::unique_ptr<WgModel> model;
    std::unique_ptr<WgHost> host;
    std::optional<wg::PeerId> peer;  // none while the other is not configured
  };

  Side& any_side() { return sides_[choices_.below(2)]; }

  Side& other(const Side& side) { return &side == &sides_[0] ? sides_[1] : sides_[0]; }

  // Below `longest`, in 4096 steps.
  Duration any_time(Duration longest);
  void run_for(Duration time);
  void check();

  void note(std::string_view who, std::string_view what) { network_.note(who, what); }

  void send(Side& side);
  void send_from_foreign_address(Side& side);
  void change_link();
  void replay();
  void forge();
  void forge_with_mac1();
  void toggle_peer(Side& side);
  void add_peer(Side& side);
  void remove_peer(Side& side);
  void change_preshared_key();
  void change_endpoint(Side& side);
  void move(Side& side);
  void change_private_key(Side& side);
  void change_persistent_keepalive(Side& side);

  Random& choices_;
  VirtualTime time_;
  Network network_;
  std::array<Side, 2> sides_;
  std::vector<Datagram> recorded_;  // a ring of what was sent
  std::size_t recorded_count_ = 0;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_key_ = 1;
  std::optional<std::string> violation_;
};

}  // namespace warren::sim
