#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/core/engine.h"
#include "netmap/model.h"
#include "proto/control/map.h"
#include "sim/control_disk.h"
#include "sim/control_wire.h"
#include "sim/machine.h"
#include "sim/relay_station.h"
#include "sim/virtual_time.h"

namespace warren::sim {

// The server as a program on a machine: the real model and engine with a store, a relay beside
// them. What it holds against them at every step:
//   - nobody hears of anything but what is on the disk (so no restart loses what was acknowledged),
//   - the model's invariants hold, and what is on the disk loads again whole,
//   - a node key is one machine's for ever, an address as long as its quarantine can be trusted.
class ControlStation {
 public:
  static constexpr std::uint16_t kPort = 80;
  static constexpr relay::RegionId kRegion{1};

  ControlStation(Machine& machine, std::uint64_t seed);
  ~ControlStation();

  // --- the program
  void start();
  // Kill -9. A commit that is under way is on the disk or not; nobody was told.
  void kill();

  bool is_running() const { return process_ != nullptr; }

  bool is_committing() const;

  // --- the machine
  VirtualWallClock& wall_clock() { return wall_clock_; }

  // The clock was set: addresses may be given away early.
  void set_clock(Duration step);

  void set_disk_full(bool is_full) { is_disk_full_ = is_full; }

  void set_commit_time(Duration longest) { commit_time_ = longest; }

  // --- administrators. `done` is called unless the server dies before.
  using AdminDone = std::function<void(unsigned status, const std::string& json)>;
  void admin(std::string method, std::string path, std::string body, AdminDone done = {});

  // --- for tests
  const ControlDisk& disk() const { return disk_; }

  const netmap::Tables& tables() const { return disk_.tables(); }

  // The first message that a new stream of this node would begin with; none: no such node, or not
  // now.
  std::optional<control::MapResponse> fresh_map(const netmap::Node& node);
  const control::EngineCounters& counters() const;
  std::size_t streams() const;

  // What went wrong first, as a sentence.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  struct Connection;
  struct Process;
  struct Asked;

  void check_admitted(const Asked& asked, const std::string& body);
  void check_told(const std::string& method, const std::string& path, const std::string& body);

  control::Moment moment() const;
  void fail(std::string what);
  StreamEvents accept(const std::shared_ptr<Stream>& stream);
  void on_message(std::uint64_t number, const ControlMessage& message);
  void on_closed(std::uint64_t number);
  void finish();
  void wake_later();
  void perform(control::Respond& respond);
  void perform(const control::OpenStream& open);
  void perform(control::StreamData& data);
  void perform(const control::EndStream& end);
  void perform(control::Commit& commit);
  void perform(const control::MembersChanged& changed);
  void send(control::RequestId to, ControlMessage message);
  void forget(control::RequestId request);
  void drain_later(control::RequestId request, Duration delay);
  void admit_members();
  void check_disk();

  Machine& machine_;
  SeededRandom random_;
  VirtualWallClock wall_clock_;
  Duration commit_time_ = 5ms;
  bool is_disk_full_ = false;
  std::array<std::uint8_t, kKeySize> relay_key_{};
  ControlDisk disk_;
  std::unique_ptr<Process> process_;
  std::map<NodePublicKey, MachinePublicKey> key_owners_;
  std::map<IpAddress, MachinePublicKey> address_owners_;
  std::optional<std::string> violation_;
};

// The value of "name":"value" in an answer to an administrator; empty: there is none.
std::string text_field(const std::string& json, std::string_view name);

}  // namespace warren::sim
