#include "sim/wg_scenario.h"

#include <algorithm>

#include "proto/wireguard/messages.h"
#include "sim/packet.h"
#include "wg/cookie.h"

namespace warren::sim {

namespace {

constexpr std::size_t kRecorded = 256;
constexpr int kTimeSteps = 4096;  // few enough for a fuzzer's two bytes

Endpoint home_of(std::size_t side, std::uint16_t port) {
  return {.address = IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(side + 1)}), .port = port};
}

}  // namespace

WgScenario::WgScenario(Random& choices, Trace* trace) : choices_(choices), network_(time_, 1) {
  network_.set_trace(trace);
  network_.set_tap([this](const Datagram& datagram) {
    if (recorded_.size() < kRecorded) {
      recorded_.push_back(datagram);
    } else {
      recorded_[recorded_count_ % kRecorded] = datagram;
    }
    ++recorded_count_;
  });
  for (std::size_t i = 0; i < sides_.size(); ++i) {
    Side& side = sides_[i];
    side.name = i == 0 ? "a" : "b";
    side.address = IpAddress::v4({10, 0, 0, static_cast<std::uint8_t>(i + 1)});
    side.endpoint = home_of(i, 1);
    side.model = std::make_unique<WgModel>(time_);
    side.host = std::make_unique<WgHost>(network_, side.name, side.endpoint, i + 1);
    side.host->set_observer(side.model.get());
    change_private_key(side);
  }
  for (Side& side : sides_) add_peer(side);
}

std::optional<std::string> WgScenario::violation() const {
  for (const Side& side : sides_) {
    if (const auto& violation = side.model->violation()) return side.name + " " + *violation;
  }
  return violation_;
}

void WgScenario::step() {
  Side& side = any_side();
  switch (choices_.below(32)) {
    case 0:
      run_for(any_time(200s));
      break;
    case 1:
      run_for(any_time(15s));
      break;
    case 2:
      change_link();
      break;
    case 3:
    case 4:
      replay();
      break;
    case 5:
      forge();
      break;
    case 6:
      forge_with_mac1();
      break;
    case 7:
      toggle_peer(side);
      break;
    case 8:
      change_preshared_key();
      break;
    case 9:
      change_endpoint(side);
      break;
    case 10:
      move(side);
      break;
    case 11:
      change_private_key(side);
      // The other may or may not be told.
      if (choices_.below(2) == 0) remove_peer(other(side));
      break;
    case 12:
      send_from_foreign_address(side);
      break;
    case 13:
      change_persistent_keepalive(side);
      break;
    case 14:
      note(side.name, "wall clock steps");
      side.host->wall_clock().step(any_time(7200s) - 3600s);
      break;
    case 15:
      side.host->set_backlog(choices_.below(2) == 0 ? 0 : 200);
      break;
    case 16:
    case 17:
    case 18:
    case 19:
    case 20:
      run_for(any_time(2s));
      break;
    default:
      send(side);
      break;
  }
  run_for(Duration::zero());
  check();
}

void WgScenario::settle() {
  note("world", "settles");
  network_.set_quality(kUsualQuality);
  for (Side& side : sides_) {
    side.host->set_backlog(0);
    remove_peer(side);
    add_peer(side);
  }
  // What was lost before, an attempt from before and 5 s of spacing may be in the way.
  for (int i = 0; i < 30; ++i) {
    for (Side& side : sides_) send(side);
    run_for(1s);
  }
  std::array<std::size_t, 2> before{};
  for (std::size_t i = 0; i < 2; ++i) before[i] = sides_[i].model->delivered();
  for (int i = 0; i < 3; ++i) {
    for (Side& side : sides_) send(side);
    run_for(1s);
  }
  check();
  for (std::size_t i = 0; i < 2; ++i) {
    if (sides_[i].model->delivered() != before[i] + 3) violation_ = "no traffic on a clean link";
    const Side& side = sides_[i];
    if (!side.peer) continue;
    const wg::Keypair* const ours = side.host->engine().data_peer(*side.peer).current.load();
    const wg::Keypair* const theirs =
        ours == nullptr ? nullptr
                        : other(side).host->engine().index_table().find(ours->remote_index());
    if (theirs == nullptr ||
        !equal_constant_time(ours->send_key().bytes(), theirs->receive_key().bytes()))
      violation_ = "no agreement on a key";
  }
}

Duration WgScenario::any_time(Duration longest) {
  return longest / kTimeSteps * static_cast<std::int64_t>(choices_.below(kTimeSteps));
}

void WgScenario::run_for(Duration time) {
  time_.run_for(time);
}

void WgScenario::check() {
  for (Side& side : sides_) side.model->check(*side.host);
}

void WgScenario::send(Side& side) {
  const std::uint64_t id = next_id_++;
  other(side).model->expect(id);
  side.host->send_packet(make_packet(side.address, other(side).address, id, choices_.below(100)));
}

void WgScenario::send_from_foreign_address(Side& side) {
  note(side.name, "sends from a foreign address");
  side.host->send_packet(
      make_packet(IpAddress::v4({10, 0, 0, 77}), other(side).address, next_id_++));
}

void WgScenario::change_link() {
  note("world", "link changes");
  LinkQuality quality{.delay = any_time(200ms), .keeps_order = false};
  if (choices_.below(2) == 0) quality.jitter = any_time(1s);
  if (choices_.below(2) == 0) quality.loss_percent = static_cast<double>(choices_.below(101));
  if (choices_.below(2) == 0) quality.duplicate_percent = static_cast<double>(choices_.below(101));
  if (choices_.below(2) == 0) {
    quality.reorder_percent = static_cast<double>(choices_.below(101));
    quality.reorder_delay = any_time(20s) + 1ns;
  }
  network_.set_quality(quality);
}

// To where it went, back to where it came from, or from somewhere else.
void WgScenario::replay() {
  if (recorded_.empty()) return;
  Datagram datagram = recorded_[choices_.below(recorded_.size())];
  const auto how = choices_.below(4);
  if (how == 0) std::swap(datagram.from, datagram.to);
  if (how == 1) datagram.from.port = 99;
  if (how == 2) datagram.to = any_side().endpoint;
  network_.inject(std::move(datagram), any_time(2s));
}

void WgScenario::forge() {
  Datagram datagram{.from = sides_[0].endpoint, .to = any_side().endpoint, .bytes = {}};
  if (!recorded_.empty() && choices_.below(2) == 0) {
    datagram = recorded_[choices_.below(recorded_.size())];
    datagram.bytes[choices_.below(datagram.bytes.size())] ^=
        static_cast<std::uint8_t>(1U << choices_.below(8));
  } else {
    datagram.bytes.resize(choices_.below(200));
    choices_.fill(datagram.bytes);
  }
  network_.inject(std::move(datagram), Duration::zero());
}

// Whoever knows the public key can do that.
void WgScenario::forge_with_mac1() {
  const Side& victim = any_side();
  const bool is_initiation = choices_.below(2) == 0;
  Datagram datagram{.from = other(victim).endpoint, .to = victim.endpoint, .bytes = {}};
  datagram.bytes.resize(is_initiation ? wireguard::kInitiationSize : wireguard::kResponseSize);
  for (auto& byte : datagram.bytes) byte = static_cast<std::uint8_t>(choices_.below(256));
  store_le<std::uint32_t>(datagram.bytes.data(), is_initiation ? 1 : 2);
  if (!recorded_.empty()) {  // perhaps an index that is in use
    const Datagram& seen = recorded_[choices_.below(recorded_.size())];
    std::copy_n(seen.bytes.begin() + 4, 8, datagram.bytes.begin() + 4);
  }
  wg::MessageSigner(victim.key.public_key()).sign(datagram.bytes, time_.now());
  network_.inject(std::move(datagram), Duration::zero());
}

void WgScenario::toggle_peer(Side& side) {
  if (side.peer) {
    remove_peer(side);
  } else {
    add_peer(side);
  }
}

void WgScenario::add_peer(Side& side) {
  if (side.peer) return;
  note(side.name, "adds its peer");
  side.host->configure([&](wg::Engine& engine, TimePoint, wg::Actions&) {
    side.peer = engine.add_peer(other(side).key.public_key()).value();
    engine.set_endpoint(*side.peer, other(side).endpoint);
    engine.add_allowed_ip(*side.peer, IpPrefix(other(side).address, 32));
  });
}

void WgScenario::remove_peer(Side& side) {
  if (!side.peer) return;
  note(side.name, "removes its peer");
  side.host->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.remove_peer(*side.peer, now, out);
  });
  side.peer.reset();
  side.model->set_endless_attempts(false);
}

// On one side or, more often, on both.
void WgScenario::change_preshared_key() {
  note("world", "preshared key changes");
  PresharedKey key;
  key.mutable_bytes()[0] = static_cast<std::uint8_t>(choices_.below(3));
  const auto which = choices_.below(6);
  for (std::size_t i = 0; i < 2; ++i) {
    Side& side = sides_[i];
    if (!side.peer || which == i) continue;
    side.host->configure([&](wg::Engine& engine, TimePoint, wg::Actions&) {
      engine.set_preshared_key(*side.peer, key.clone());
    });
  }
}

void WgScenario::change_endpoint(Side& side) {
  if (!side.peer) return;
  note(side.name, "is told an endpoint");
  const Endpoint nowhere{.address = IpAddress::v4({203, 0, 113, 1}), .port = 1};
  const Endpoint endpoint = choices_.below(2) == 0 ? nowhere : other(side).endpoint;
  side.host->configure([&](wg::Engine& engine, TimePoint, wg::Actions&) {
    engine.set_endpoint(*side.peer, endpoint);
  });
}

void WgScenario::move(Side& side) {
  note(side.name, "moves");
  const std::size_t index = &side == &sides_[0] ? 0 : 1;
  side.endpoint = home_of(index, static_cast<std::uint16_t>(1 + choices_.below(3)));
  side.host->move_to(side.endpoint);
}

void WgScenario::change_private_key(Side& side) {
  note(side.name, "changes its private key");
  std::array<std::uint8_t, kKeySize> bytes{};
  store_le(bytes.data() + 8, next_key_++);
  side.key = NodePrivateKey(bytes);
  side.host->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_private_key(side.key.clone(), now, out);
  });
}

void WgScenario::change_persistent_keepalive(Side& side) {
  if (!side.peer) return;
  note(side.name, "changes its persistent keepalive");
  const Duration interval = choices_.below(2) == 0 ? 0s : 1s + any_time(60s);
  if (interval > Duration::zero()) side.model->set_endless_attempts(true);
  side.host->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_persistent_keepalive(*side.peer, interval, now, out);
  });
}

}  // namespace warren::sim
