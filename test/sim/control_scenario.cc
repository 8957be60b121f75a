#include "sim/control_scenario.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace warren::sim {

namespace {

constexpr Duration kLongestOutage = 300s;
constexpr std::size_t kMostDevices = 6;
constexpr std::uint64_t kMostDisturbances = 3;  // at once
// Two devices with one file: what each of them costs the server.
constexpr double kMostPerMinute = 20;
constexpr Duration kUnreachable = 90s;  // the longest time that neither is

// 1970, now, and 2050, with 1.7e9 s since 1970 at the beginning of the simulation.
constexpr std::array kClocks{-1'700'000'000s, 0s, 824'000'000s, -3600s, 3600s};

}  // namespace

ControlScenario::ControlScenario(Random& choices, Trace* trace)
    : choices_(choices), world_(choices.u64(), trace) {
  world_.server->set_commit_time(any_time(200ms));
  if (choices_.below(4) == 0) set_server_clock();
  world_.server->admin("POST", "users", R"({"login":"ann"})");
  make_key(true, [this](std::string secret) { world_.auth_key = std::move(secret); });
  world_.time.run_for(1s);
  const std::uint64_t count = 2 + choices_.below(3);
  for (std::uint64_t i = 0; i < count; ++i) add_device();
  settle();
}

Duration ControlScenario::any_time(Duration longest) {
  // Short ones as often as long ones.
  const Duration scale = longest / (std::int64_t{1} << choices_.below(10));
  return Duration(choices_.below(static_cast<std::uint64_t>(scale.count()) + 1));
}

Duration ControlScenario::any_clock() {
  return kClocks[choices_.below(kClocks.size())];
}

ControlScenario::Device& ControlScenario::any_device() {
  return *world_.devices[choices_.below(world_.devices.size())];
}

void ControlScenario::live(Duration time) {
  if (is_likely()) {
    world_.talk(time, 500ms);
  } else {
    world_.time.run_for(time);
  }
}

void ControlScenario::heal() {
  note("all is well again");
  for (const auto& heal : std::exchange(heals_, {})) heal();
}

void ControlScenario::settle() {
  if (!violation_) violation_ = world_.settle();
}

void ControlScenario::step() {
  if (choices_.below(10) == 0) {
    share_file();
  } else {
    for (std::uint64_t left = 1 + choices_.below(kMostDisturbances); left > 0; --left) {
      disturb();
      if (is_likely()) live(any_time(10s));
    }
    live(any_time(kLongestOutage));
  }
  if (!violation_) violation_ = world_.check();
  heal();
  settle();
}

void ControlScenario::disturb() {
  using Disturbance = void (ControlScenario::*)();
  static constexpr std::array<Disturbance, 22> kAll{
      &ControlScenario::restart_server,
      &ControlScenario::restart_server,
      &ControlScenario::kill_server_while_it_stores,
      &ControlScenario::kill_server_while_it_stores,
      &ControlScenario::fill_disk,
      &ControlScenario::silence_server,
      &ControlScenario::set_server_clock,
      &ControlScenario::rename_device,
      &ControlScenario::delete_device,
      &ControlScenario::expire_device,
      &ControlScenario::share_single_use_key,
      &ControlScenario::revoke_key,
      &ControlScenario::log_out,
      &ControlScenario::log_in_again,
      &ControlScenario::add_device,
      &ControlScenario::restart_device,
      &ControlScenario::set_device_clock,
      &ControlScenario::lose_connection,
      &ControlScenario::reboot_router,
      &ControlScenario::change_place,
      &ControlScenario::block_udp,
      &ControlScenario::lose_link,
  };
  const std::uint64_t which = choices_.below(kAll.size() + 1);
  if (which == kAll.size()) return change_quality();
  (this->*kAll[which])();
}

// --- the server

void ControlScenario::restart_server() {
  world_.server->kill();
  if (is_likely()) {
    world_.time.run_for(any_time(30s));
    if (!world_.server->is_running()) world_.server->start();
    return;
  }
  heal_later([this] {
    if (!world_.server->is_running()) world_.server->start();
  });
}

void ControlScenario::kill_server_while_it_stores() {
  Device& device = any_device();
  if (is_likely() || !device.node) {
    make_key(true, {});
  } else {
    device.node->up(world_.auth_key, is_likely());
  }
  const TimePoint until = world_.time.now() + 1s;
  while (!world_.server->is_committing() && world_.time.now() < until) world_.time.run_for(5ms);
  world_.time.run_for(any_time(50ms));
  if (!world_.server->is_running()) return;
  note(world_.server->is_committing() ? "during a commit:" : "after a commit:");
  world_.server->kill();
  world_.time.run_for(any_time(5s));
  world_.server->start();
}

void ControlScenario::fill_disk() {
  note("the server's disk is full");
  world_.server->set_disk_full(true);
  heal_later([this] { world_.server->set_disk_full(false); });
}

void ControlScenario::silence_server() {
  note("the server's machine has no link");
  world_.server_machine.set_link(1, false);
  heal_later([this] { world_.server_machine.set_link(1, true); });
}

void ControlScenario::set_server_clock() {
  static constexpr Duration kRight = 1'700'000'000s;
  const Duration now = std::chrono::seconds(world_.server->wall_clock().now().seconds) -
                       world_.time.now().time_since_epoch() - kRight;
  const Duration to = any_clock();
  note(fmt::format("the server's clock is {} s wrong", to / 1s));
  world_.server->set_clock(to - std::chrono::duration_cast<std::chrono::seconds>(now));
}

// --- administrators and users

void ControlScenario::make_key(bool is_reusable, std::function<void(std::string)> use) {
  world_.server->admin(
      "POST", "keys",
      fmt::format(R"({{"user":"ann","reusable":{},"lifetime":"24h"}})", is_reusable),
      [use = std::move(use)](unsigned status, const std::string& json) {
        if (status == 200 && use) use(text_field(json, "key"));
      });
}

std::string ControlScenario::path_of(const Device& device) {
  const netmap::Node* const row =
      device.node ? world_.server->tables().find_node(device.node->node_key()) : nullptr;
  return row == nullptr ? std::string("nodes/nobody") : "nodes/" + row->name;
}

void ControlScenario::rename_device() {
  world_.server->admin("POST", path_of(any_device()) + "/rename",
                       fmt::format(R"({{"name":"other-{}"}})", choices_.below(4)));
}

void ControlScenario::delete_device() {
  Device& device = any_device();
  world_.server->admin("DELETE", path_of(device), {});
  if (is_likely()) return;
  note(device.name + " is not welcome any more");
  device.is_welcome = false;
}

void ControlScenario::expire_device() {
  Device& device = any_device();
  world_.server->admin("POST", path_of(device) + "/expire", {});
  if (is_likely()) return;
  note(device.name + " is not welcome any more");
  device.is_welcome = false;
}

void ControlScenario::share_single_use_key() {
  std::vector<Device*> users;
  for (const auto& device : world_.devices) {
    if (is_likely()) users.push_back(device.get());
  }
  make_key(false, [this, users](const std::string& secret) {
    for (Device* const device : users) {
      if (device->node && device->is_wanted) device->node->up(secret, true);
    }
  });
}

void ControlScenario::revoke_key() {
  const std::string& secret = world_.auth_key;
  for (const auto& [id, key] : world_.server->tables().auth_keys()) {
    if (secret.find(id) == std::string::npos || id.empty()) continue;
    world_.server->admin("DELETE", "keys/" + id, {});
  }
  make_key(true, [this](std::string made) { world_.auth_key = std::move(made); });
}

void ControlScenario::log_out() {
  Device& device = any_device();
  if (!device.node) return;
  if (is_likely()) {
    device.node->log_out();
  } else {
    device.node->down();
  }
  device.is_wanted = is_likely();
}

void ControlScenario::log_in_again() {
  for (const auto& device : world_.devices) {
    device->is_welcome = true;
    device->is_wanted = true;
  }
  Device& device = any_device();
  if (device.node) device.node->up(is_likely() ? world_.auth_key : std::string(), is_likely());
}

void ControlScenario::add_device() {
  if (world_.devices.size() >= kMostDevices) return;
  Device& device = world_.add(any_site());
  device.clock_step = any_clock();
  world_.start(device);
  device.node->up(is_likely() ? world_.auth_key : std::string());
}

// --- devices

void ControlScenario::restart_device() {
  Device& device = any_device();
  world_.kill(device);
  if (is_likely()) return world_.start(device);
  heal_later([this, &device] {
    if (!device.node) world_.start(device);
  });
}

// While nothing else is wrong, so that what it costs can be told.
void ControlScenario::share_file() {
  Device& original = any_device();
  if (!original.node || !original.node->is_joined()) return;
  Device& copy = world_.add_copy(original, any_site());
  note(fmt::format("{} runs with a copy of {}'s file", copy.name, original.name));
  copy.is_wanted = false;  // nobody logs it in
  world_.start(copy);
  const auto costs = [&] {
    const auto& counters = world_.server->counters();
    return counters.maps + counters.registered + counters.refused;
  };
  world_.talk(60s, 500ms);
  const std::uint64_t before = costs();
  const TimePoint start = world_.time.now();
  TimePoint reached = start;
  for (const TimePoint until = start + 120s + any_time(180s); world_.time.now() < until;) {
    world_.talk(1s, 500ms);
    for (const auto& device : world_.devices) {
      if (device.get() == &original || device.get() == &copy) continue;
      const bool is_heard = ControlWorld::have_talked(*device, original, world_.time.now() - 2s) ||
                            ControlWorld::have_talked(*device, copy, world_.time.now() - 2s);
      if (is_heard || !device->node || !device->node->is_joined()) reached = world_.time.now();
    }
    if (world_.time.now() - reached > kUnreachable && world_.members().size() > 2)
      violation_ = "neither of two devices with one file is reached";
  }
  const double minutes = std::chrono::duration<double>(world_.time.now() - start) / 60s;
  const double rate = static_cast<double>(costs() - before) / minutes;
  note(fmt::format("two devices with one file cost {:.1f} requests a minute", rate));
  if (rate > kMostPerMinute)
    violation_ = fmt::format("two devices with one file cost {:.1f} requests a minute", rate);
  // Whichever stops, the other one has the name for itself.
  if (is_likely()) world_.kill(original);
  world_.kill(copy);
  world_.devices.pop_back();
  if (!original.node) world_.start(original);
}

void ControlScenario::set_device_clock() {
  Device& device = any_device();
  const Duration to = any_clock();
  note(fmt::format("{}'s clock is {} s wrong", device.name, to / 1s));
  if (device.node) device.node->set_clock(to - device.clock_step);
  device.clock_step = to;
}

void ControlScenario::lose_connection() {
  Device& device = any_device();
  if (device.node) device.node->lose_connection();
}

void ControlScenario::reboot_router() {
  const Device& device = any_device();
  Router* const router = is_likely() ? device.routers.home : device.routers.outer();
  if (router->parent() == nullptr) return;
  note(router->name() + " reboots");
  router->reboot();
}

void ControlScenario::change_place() {
  Device& device = any_device();
  const Site& site = any_site();
  note(fmt::format("{} goes to another place: {}", device.name, site.name));
  world_.move(device, site);
}

void ControlScenario::block_udp() {
  Device& device = any_device();
  Router* const router = device.routers.home;
  if (router->parent() == nullptr) return;
  note(router->name() + " blocks UDP");
  router->block(lab::Block::Udp);
  const lab::Block before = device.site->block;
  heal_later([router, before] { router->block(before); });
}

void ControlScenario::lose_link() {
  Device& device = any_device();
  note(device.name + " has no link");
  device.machine->set_link(1, false);
  heal_later([&device] { device.machine->set_link(1, true); });
}

void ControlScenario::change_quality() {
  Device& device = any_device();
  LinkQuality quality{.delay = any_time(100ms), .jitter = any_time(20ms), .keeps_order = false};
  quality.loss_percent = static_cast<double>(choices_.below(6));
  note(fmt::format("{}'s link: delay {} ms, loss {} %", device.name, quality.delay / 1ms,
                   quality.loss_percent));
  device.machine->set_quality(1, quality, quality);
}

}  // namespace warren::sim
