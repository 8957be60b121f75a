#include "sim/control_world.h"

#include <algorithm>

#include <fmt/format.h>

#include "path/constants.h"
#include "sim/packet.h"

namespace warren::sim {

using control::Node;

namespace {

// A dead connection to the server is noticed after 120 s without a message, then attempts to make
// another one are up to 30 s apart and last 10 s (spec: control section 5.3, node/core/retry.h).
constexpr Duration kJoinLimit = 200s;
// As in mesh_scenario.cc: a peer that starts again with a clock that was set back is not believed.
constexpr Duration kTalkLimit = 30s;
constexpr Duration kDirectLimit = path::kLastRound + 5s;
constexpr Duration kPatience = 3s;     // of a user, between two attempts to log in
constexpr Duration kInFlight = 500ms;  // packets that were sent before
constexpr Duration kOutside = 5s;      // for packets of those who are not in

std::string_view mask_of(const Node& ours, const Node& fresh) {
  if (ours.id != fresh.id || ours.name != fresh.name || ours.user != fresh.user) return "identity";
  if (ours.key != fresh.key || ours.key_expiry != fresh.key_expiry) return "key";
  if (ours.expired != fresh.expired) return "expired";
  if (ours.addresses != fresh.addresses) return "addresses";
  if (ours.home_derp != fresh.home_derp) return "home";
  return {};
}

// Nobody looks at when one was seen last that is online.
Node comparable(Node node) {
  if (node.online == true) node.last_seen.reset();
  return node;
}

std::string_view what_differs(const Node& a, const Node& b) {
  if (const auto mask = mask_of(a, b); !mask.empty()) return mask;
  if (a.disco_key != b.disco_key) return "disco key";
  if (a.endpoints != b.endpoints) return "endpoints";
  if (a.online != b.online) return "online";
  if (a.last_seen != b.last_seen) return "last seen";
  if (a.hostinfo != b.hostinfo) return "hostinfo";
  return "something";
}

}  // namespace

void ControlWorld::Device::on_delivered(wg::PeerId /*peer*/, ByteView packet) {
  heard[static_cast<std::uint8_t>(packet_id(packet) & 0xff)] = time->now();
}

ControlWorld::ControlWorld(std::uint64_t seed, Trace* trace)
    : internet(time, seed), server_machine(internet, "server"), random_(seed) {
  internet.set_trace(trace);
  server_machine.attach(internet.root());
  server = std::make_unique<ControlStation>(server_machine, random_.u64());
  server->start();
}

Endpoint ControlWorld::server_endpoint() const {
  return {.address = *server_machine.interfaces().front().addresses.v4,
          .port = ControlStation::kPort};
}

ControlWorld::Device& ControlWorld::add(const Site& site) {
  auto device = std::make_unique<Device>();
  device->number = static_cast<std::uint8_t>(devices.size() + 1);
  device->name = fmt::format("n{}", device->number);
  device->time = &time;
  device->machine = std::make_unique<Machine>(internet, device->name);
  device->site = &site;
  const int place = next_place_++;
  device->routers =
      make_site(internet, site, fmt::format("{}p{}", device->name, place), place % 128);
  device->machine->attach(*device->routers.home);
  note(fmt::format("{}: {}", device->name, site.name));
  return *devices.emplace_back(std::move(device));
}

ControlWorld::Device& ControlWorld::add_copy(const Device& of, const Site& site) {
  const std::string file = of.file;
  Device& copy = add(site);
  copy.file = file;
  copy.address = of.address;
  return copy;
}

void ControlWorld::move(Device& device, const Site& site) {
  const int place = next_place_++;
  device.site = &site;
  device.routers = make_site(internet, site, fmt::format("{}p{}", device.name, place), place % 128);
  device.machine->move(1, *device.routers.home, device.routers.home->lease());
}

void ControlWorld::start(Device& device) {
  WARREN_CHECK(device.node == nullptr);
  device.node = std::make_unique<ControlledNode>(
      *device.machine,
      ControlledNode::Config{
          .name = device.name, .server = server_endpoint(), .clock_step = device.clock_step},
      device.file, random_.u64(), device);
}

void ControlWorld::kill(Device& device) {
  if (!device.node) return;
  note(device.name + " is killed");
  device.node.reset();
  device.machine->reset_streams();
}

// --- packets

void ControlWorld::send(Device& from, Device& to) {
  MeshNode* const overlay = from.node->overlay();
  const std::uint64_t id = (next_packet_++ << 8) | from.number;
  overlay->send_packet(make_packet(*from.address, *to.address, id));
}

void ControlWorld::note_addresses() {
  for (const auto& device : devices) {
    if (!device->node || !device->node->map().self()) continue;
    const auto& addresses = device->node->map().self()->addresses;
    if (!addresses.empty()) device->address = addresses.front().address();
  }
}

void ControlWorld::talk(Duration duration, Duration interval) {
  for (const TimePoint until = time.now() + duration; time.now() < until;) {
    note_addresses();
    for (const auto& from : devices) {
      if (!from->node || from->node->overlay() == nullptr || !from->address) continue;
      for (const auto& to : devices) {
        if (to != from && to->address && to->address != from->address) send(*from, *to);
      }
    }
    time.run_for(std::min(interval, until - time.now()));
  }
}

bool ControlWorld::have_talked(const Device& a, const Device& b, TimePoint since) {
  const auto has_heard = [&](const Device& who, const Device& whom) {
    const auto found = who.heard.find(whom.number);
    return found != who.heard.end() && found->second >= since;
  };
  return has_heard(a, b) && has_heard(b, a);
}

// --- people

std::vector<ControlWorld::Device*> ControlWorld::members() {
  std::vector<Device*> out;
  for (const auto& device : devices) {
    if (device->node && device->node->is_joined()) out.push_back(device.get());
  }
  return out;
}

void ControlWorld::let_people_act() {
  for (const auto& device : devices) {
    if (device->node && device->is_wanted) act(*device);
  }
}

void ControlWorld::act(Device& device) {
  const node::ClientStatus& status = device.node->status();
  if (status.login == node::LoginState::Stopped) {
    device.up_at = time.now();
    return device.node->up({});
  }
  if (status.login != node::LoginState::NeedsLogin || !device.is_welcome) return;
  if (!status.link.empty()) {
    const std::string id = status.link.substr(status.link.rfind('/') + 1);
    return server->admin("POST", "logins/" + id + "/approve", R"({"user":"ann"})");
  }
  if (time.now() < device.up_at + kPatience) return;
  device.up_at = time.now();
  device.node->up({});
}

// --- what must come true

std::optional<std::string> ControlWorld::check() const {
  if (server->violation()) return server->violation();
  if (server->streams() > devices.size()) return "the server keeps streams that are gone";
  return std::nullopt;
}

std::optional<std::string> ControlWorld::difference(const Device& device) {
  const netmap::Node* const row = server->tables().find_node(device.node->node_key());
  if (row == nullptr) return device.name + " is in but unknown to the server";
  auto message = server->fresh_map(*row);
  if (!message) return "the server is busy";
  node::NetworkMap fresh;
  fresh.apply({.map = std::move(*message), .is_first = true}, device.node->map_time());
  const node::NetworkMap& ours = device.node->map();
  const auto differs = [&](std::string_view what) {
    return fmt::format("{} does not know {}", device.name, what);
  };
  if (!ours.self() || !fresh.self()) return differs("itself");
  if (const auto what = mask_of(*ours.self(), *fresh.self()); !what.empty())
    return differs(fmt::format("its own {}", what));
  if (ours.relay_map() != fresh.relay_map()) return differs("the relays");
  if (ours.filter_rules() != fresh.filter_rules()) return differs("the filter");
  if (ours.dns() != fresh.dns() || ours.domain() != fresh.domain()) return differs("names");
  for (const auto& [id, user] : fresh.users()) {
    const auto known = ours.users().find(id);
    if (known == ours.users().end() || known->second != user) return differs("a user");
  }
  for (const auto& [id, peer] : fresh.peers()) {
    const Node* const known = ours.find(id);
    if (known == nullptr) return differs("peer " + peer.name);
    if (ours.is_expired(*known) != fresh.is_expired(peer))
      return differs(fmt::format("whether {} has expired", peer.name));
    const Node left = comparable(*known);
    const Node right = comparable(peer);
    if (left != right)
      return differs(fmt::format("{} of {}", what_differs(left, right), peer.name));
  }
  if (ours.peers().size() != fresh.peers().size()) return differs("that a peer is gone");
  return std::nullopt;
}

std::optional<std::string> ControlWorld::missing() {
  for (const auto& device : devices) {
    if (!device->node) continue;
    if (device->is_wanted && device->is_welcome && !device->node->is_joined())
      return device->name + " is not in";
    if (!device->is_wanted && device->node->is_joined()) return device->name + " is in";
    const node::LoginState login = device->node->status().login;
    if (login == node::LoginState::Stopped || login == node::LoginState::NeedsLogin) continue;
    if (!device->node->is_joined()) return device->name + " is neither in nor out";
    if (const auto what = difference(*device)) return what;
    if (device->node->overlay() == nullptr) return device->name + " has no tunnel";
  }
  return std::nullopt;
}

std::optional<std::string> ControlWorld::settle() {
  const TimePoint start = time.now();
  let_people_act();
  while (const auto what = missing()) {
    if (const auto wrong = check()) return wrong;
    if (time.now() - start > kJoinLimit)
      return fmt::format("{}, after {} s", *what, kJoinLimit / 1s);
    time.run_for(1s);
    let_people_act();
  }
  if (const auto wrong = settle_traffic()) return wrong;
  return check();
}

std::optional<std::string> ControlWorld::settle_traffic() {
  const TimePoint start = time.now();
  const auto in = members();
  const auto find_pair = [&](const auto& is_wrong) -> std::optional<std::pair<Device*, Device*>> {
    for (std::size_t i = 0; i < in.size(); ++i) {
      for (std::size_t j = i + 1; j < in.size(); ++j) {
        if (is_wrong(*in[i], *in[j])) return std::pair(in[i], in[j]);
      }
    }
    return std::nullopt;
  };
  const auto wait = [&](std::string_view what, Duration limit,
                        const auto& is_wrong) -> std::optional<std::string> {
    while (const auto pair = find_pair(is_wrong)) {
      if (time.now() - start > limit)
        return fmt::format("{} and {} {} within {} s", pair->first->name, pair->second->name, what,
                           limit / 1s);
      talk(200ms, 100ms);
    }
    return std::nullopt;
  };
  const auto is_silent = [&](Device& a, Device& b) {
    return !have_talked(a, b, start + kInFlight);
  };
  if (auto wrong = wait("do not hear each other", kTalkLimit, is_silent)) return wrong;
  const auto is_relayed = [&](Device& a, Device& b) {
    if (!can_be_direct(*a.site, *b.site)) return false;
    const auto direct = [](Device& from, Device& to) {
      if (from.node->overlay() == nullptr) return false;
      const auto peer = from.node->overlay()->engine().find_peer(to.node->node_key());
      return peer && from.node->overlay()->is_direct(*peer);
    };
    return !direct(a, b) || !direct(b, a);
  };
  if (auto wrong = wait("are not direct", kDirectLimit, is_relayed)) return wrong;
  // And nobody else hears anything, or is heard.
  const TimePoint quiet = time.now() + kInFlight;
  talk(kOutside, 250ms);
  for (const auto& a : devices) {
    for (const auto& [number, when] : a->heard) {
      if (number > devices.size()) continue;  // a copy that is gone
      const Device& b = *devices[number - 1U];
      const auto is_in = [&](const Device& device) {
        // An auth key in memory lets one in again whenever it comes back.
        return std::ranges::find(in, &device) != in.end() ||
               (device.node && device.node->is_joined());
      };
      if (when >= quiet && (!is_in(*a) || !is_in(b)))
        return fmt::format("{} hears {}, and one of them is not in", a->name, b.name);
    }
  }
  return std::nullopt;
}

}  // namespace warren::sim
