#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/core/control_client.h"
#include "node/core/network_map.h"
#include "node/core/node_state.h"
#include "node/core/plan.h"
#include "sim/control_wire.h"
#include "sim/machine.h"
#include "sim/mesh_node.h"

namespace warren::sim {

// Our node as a whole, as a program on a machine: the real control client, network map, plan and
// state file, and the mesh node as its data plane, put together as warrend does. Destroying it is
// kill -9.
class ControlledNode {
 public:
  struct Config {
    std::string name;  // also the host name
    Endpoint server;
    Duration clock_step{};  // how wrong the machine's clock is
  };

  // `file` outlives the program, which reads it now: empty at the first start.
  ControlledNode(
      Machine& machine, Config config, std::string& file, std::uint64_t seed, WgObserver& observer);
  ControlledNode(const ControlledNode&) = delete;
  ControlledNode& operator=(const ControlledNode&) = delete;
  ~ControlledNode();

  // --- what its user does
  void up(std::string auth_key, bool force = false);
  void down();
  void log_out();

  // --- what happens to it
  void set_clock(Duration step);
  // Its connection to the server goes, and the server does not hear of it.
  void lose_connection();

  // --- what it is
  const node::ClientStatus& status() const { return client_.status(); }

  const node::ControlClientCounters& counters() const { return client_.counters(); }

  const node::NetworkMap& map() const { return map_; }

  const node::NodeState& state() const { return state_; }

  MachinePublicKey machine_key() const { return state_.machine_key.public_key(); }

  NodePublicKey node_key() const { return state_.node_key.public_key(); }

  bool is_joined() const {
    return status().login == node::LoginState::Joined && status().is_connected;
  }

  WallTime wall_now() const { return wall_clock_.now(); }

  // Null: no packets can flow.
  MeshNode* overlay() { return overlay_.get(); }

 private:
  TimePoint now() const { return machine_.internet().time().now(); }

  void note(std::string_view what) { machine_.internet().note(config_.name, what); }

  void save() { file_ = node::encode_node_state(state_); }

  // --- the server (as node/control_link.cc)
  template <class Event>
  void feed(Event event);
  void perform(const node::Connect& action);
  void perform(const node::Disconnect& action);
  void perform(const node::Post& action);
  void perform(const node::Cancel& action);
  void perform(const node::Ping& action);
  void perform(const node::KeyChanged& action);
  void perform(const node::StatusChanged& action);
  void perform(node::MapNews& action);
  void on_message(const ControlMessage& message);
  void send(const ControlMessage& message);
  void wake_later();

  // --- the map (as node/daemon.cc)
  void introduce();
  void follow_map(const node::MapChange& change);
  void start_overlay();
  void look_at_expiry();

  // --- the data plane (as node/overlay.cc)
  void apply(const node::MapChange& change);
  void apply_all();
  void apply_relays();
  void apply_filter();
  void apply_peers(const node::MapChange& change);

  Machine& machine_;
  const Config config_;
  std::string& file_;
  WgObserver& observer_;
  SeededRandom random_;
  VirtualWallClock wall_clock_;
  Duration clock_step_;
  DiscoPrivateKey disco_key_;
  node::NodeState state_;
  node::ControlClient client_;
  node::ClientActions pending_;
  bool performs_ = false;
  TimePoint wake_ = kNever;

  std::shared_ptr<Stream> stream_;  // to the server; null: none
  std::uint64_t attempt_ = 0;
  bool is_open_ = false;
  std::map<std::uint64_t, bool> asked_;  // whether it is a stream

  node::NetworkMap map_;
  std::uint64_t expiry_look_ = 0;  // the last that was planned
  std::unique_ptr<MeshNode> overlay_;
  std::optional<node::FilterPlan> filter_;
  std::map<NodePublicKey, node::PeerPlan> peers_;
  std::uint64_t watcher_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace warren::sim
