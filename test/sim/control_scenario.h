#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/control_world.h"

namespace warren::sim {

// A network to which anything may happen: each step draws disturbances from `choices` (a seed),
// lets the world live with them, takes back what can be taken back, and expects that everybody who
// should be in is in, knows the truth and talks to everybody else (ControlWorld::settle), without
// anybody restarting anything.
class ControlScenario {
 public:
  // `choices` and `trace` (may be null) outlive the scenario.
  ControlScenario(Random& choices, Trace* trace);

  void step();

  // What went wrong first, as a sentence.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  using Device = ControlWorld::Device;

  Duration any_time(Duration longest);
  Duration any_clock();

  bool is_likely() { return choices_.below(2) == 0; }

  const Site& any_site() { return all_sites()[choices_.below(all_sites().size())]; }

  Device& any_device();

  void note(std::string_view what) { world_.note(what); }

  void heal_later(std::function<void()> heal) { heals_.push_back(std::move(heal)); }

  void heal();
  void live(Duration time);
  void settle();

  void disturb();
  // --- the server
  void restart_server();
  void kill_server_while_it_stores();
  void fill_disk();
  void silence_server();
  void set_server_clock();
  // --- administrators and users
  void rename_device();
  void delete_device();
  void expire_device();
  void share_single_use_key();
  void revoke_key();
  void log_out();
  void log_in_again();
  void add_device();
  // --- devices
  void restart_device();
  void share_file();
  void set_device_clock();
  void lose_connection();
  void reboot_router();
  void change_place();
  void block_udp();
  void lose_link();
  void change_quality();

  void make_key(bool is_reusable, std::function<void(std::string)> use);
  std::string path_of(const Device& device);

  Random& choices_;
  ControlWorld world_;
  std::vector<std::function<void()>> heals_;
  std::optional<std::string> violation_;
};

}  // namespace warren::sim
