#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/control_station.h"
#include "sim/controlled_node.h"
#include "sim/internet.h"
#include "sim/machine.h"
#include "sim/site.h"
#include "sim/trace.h"
#include "sim/virtual_time.h"

namespace warren::sim {

// A server, any number of devices in places of their own, and the people who use them.
class ControlWorld {
 public:
  // A machine with its disk, and whoever sits before it.
  struct Device final : WgObserver {
    void on_delivered(wg::PeerId peer, ByteView packet) override;

    std::string name;
    std::uint8_t number = 0;  // in the packets that it sends
    const Site* site = nullptr;
    SiteRouters routers;
    const VirtualTime* time = nullptr;
    std::unique_ptr<Machine> machine;
    std::string file;  // the node's state
    Duration clock_step{};
    std::unique_ptr<ControlledNode> node;     // null: the program does not run
    bool is_wanted = true;                    // its user wants it to be connected
    bool is_welcome = true;                   // administrators let it in when it asks
    std::optional<IpAddress> address;         // that it had last
    std::map<std::uint8_t, TimePoint> heard;  // the last packet of each other device
    TimePoint up_at = TimePoint::min();       // when its user tried last
  };

  // `trace` may be null; else it outlives the world.
  ControlWorld(std::uint64_t seed, Trace* trace);

  Device& add(const Site& site);
  // Another machine with a copy of its file.
  Device& add_copy(const Device& of, const Site& site);
  void start(Device& device);
  void kill(Device& device);
  void move(Device& device, const Site& site);

  void note(std::string_view what) { internet.note("---", what); }

  // Every device's application sends a packet to every other's, each `interval`.
  void talk(Duration duration, Duration interval);
  // Whether each heard the other since then.
  static bool have_talked(const Device& a, const Device& b, TimePoint since);

  // Those who are admitted, as they see it.
  std::vector<Device*> members();

  // Waits until everybody who is wanted and welcome is in, knows what it would be told anew, and
  // talks to everybody; and nobody to anybody else. With the help of people: who is asked to log in
  // does so, and administrators approve it. What went wrong, as a sentence.
  std::optional<std::string> settle();

  // What does not hold at this moment.
  std::optional<std::string> check() const;

  VirtualTime time;
  Internet internet;
  Machine server_machine;
  std::unique_ptr<ControlStation> server;
  std::vector<std::unique_ptr<Device>> devices;
  std::string auth_key;  // that admits anybody; empty: none yet

 private:
  Endpoint server_endpoint() const;
  void send(Device& from, Device& to);
  void note_addresses();
  void let_people_act();
  void act(Device& device);
  std::optional<std::string> missing();  // who is not in yet, or does not know all
  std::optional<std::string> difference(const Device& device);
  std::optional<std::string> settle_traffic();

  SeededRandom random_;
  std::uint64_t next_packet_ = 1;
  int next_place_ = 1;
};

}  // namespace warren::sim
