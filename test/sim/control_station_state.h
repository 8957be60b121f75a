#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/control_station.h"

// The station's inside, shared by its sources only.
namespace warren::sim {

class DiskIds final : public netmap::IdSource {
 public:
  explicit DiskIds(const ControlDisk& disk) : user_(disk.last_user()), node_(disk.last_node()) {}

  netmap::UserId next_user() override { return {++user_}; }

  netmap::NodeId next_node() override { return {++node_}; }

 private:
  std::int64_t user_;
  std::int64_t node_;
};

struct ControlStation::Connection {
  std::shared_ptr<Stream> stream;
  std::optional<MachinePublicKey> machine;
  std::map<std::uint64_t, control::RequestId> requests;  // by the node's number
};

// Where a request came from.
struct ControlStation::Asked {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
  MachinePublicKey machine;
  std::optional<NodePublicKey> registers;
};

// What dies with the program.
struct ControlStation::Process {
  Process(const ControlDisk& disk, std::uint64_t seed)
      : random(seed), ids(disk), model(netmap::Settings{}, ids, random) {}

  struct AdminAsked {
    std::string method;
    std::string path;
    AdminDone done;
  };

  SeededRandom random;
  DiskIds ids;
  netmap::Model model;
  std::optional<control::Engine> engine;
  control::Actions actions;
  bool performs = false;
  std::unique_ptr<RelayStation> relay;
  std::map<std::uint64_t, Connection> connections;
  std::uint64_t last_connection = 0;
  std::uint64_t last_request = 0;
  std::map<control::RequestId, Asked> asked;
  std::map<control::RequestId, AdminAsked> admins;
  std::map<control::RequestId, std::vector<std::uint8_t>> local;  // what fresh_map() asked, and got
  std::optional<control::Commit> commit;                          // under way
  bool members_changed = false;
  TimePoint wake = kNever;
  TimePoint last_wake = TimePoint::min();
  unsigned wakes_at_once = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace warren::sim
