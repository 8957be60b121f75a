#include "e2e/relay_client_driver.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "io/clock.h"
#include "proto/disco/frame.h"
#include "proto/relay/frames.h"
#include "proto/wireguard/messages.h"

namespace warren::e2e {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr relay::RegionId kRegion{1};
constexpr std::size_t kMaxLine = 2 * relay::kMaxPacketSize + 128;
constexpr Duration kPingPoll = 1ms;

void report(std::string_view event, boost::json::object fields) {
  boost::json::object line{{"event", event}};
  line.insert(fields.begin(), fields.end());
  std::cout << boost::json::serialize(line) << '\n' << std::flush;
}

// Disco and handshakes come from a node's control strand, the rest from its worker.
bool is_urgent(ByteView packet) {
  const auto type = wireguard::classify(packet);
  return disco::looks_like_frame(packet) || (type && *type != wireguard::MessageType::Data);
}

std::shared_ptr<const relay::Map> map_of(relay::Node node) {
  relay::Region region;
  region.id = kRegion;
  region.nodes.push_back(std::move(node));
  auto out = std::make_shared<relay::Map>();
  out->regions.push_back(std::move(region));
  return out;
}

}  // namespace

RelayClientDriver::RelayClientDriver(Random& random, Log& log)
    : random_(random), log_(log), input_(loop_), inbound_(loop_), timer_(loop_) {}

RelayClientDriver::~RelayClientDriver() {
  if (client_) client_->attach(nullptr, nullptr);
  if (inbound_.is_open()) inbound_.release();  // the descriptor is the event's
}

Result<void> RelayClientDriver::start(Options options) {
  report("key", {{"key", to_hex(options.key.public_key().bytes())}});
  WARREN_TRY(to_worker_, io::EventFd::create());
  WARREN_TRY(client_, relay::client::Client::start(loop_.get_executor(), std::move(options.key),
                                                   {.mark = 0,
                                                    .on_failure =
                                                        [](relay::RegionId, const Error& error) {
                                                          report("lost", {{"error", error.detail}});
                                                        }},
                                                   random_, log_));
  client_->attach(this, &*to_worker_);
  client_->set_map(map_of(std::move(options.relay)));
  client_->set_home(kRegion);
  inbound_.assign(to_worker_->fd());
  wait_for_worker();
  input_.assign(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  wait_for_commands();
  return {};
}

// --- what the client says

void RelayClientDriver::on_relay_up(relay::RegionId) {
  is_up_ = true;
  client_->read_counters([this](const relay::client::ClientCounters& counters) {
    never_answered_ = counters.engine.pings - counters.engine.pongs;
  });
  report("connected", {{"generation", ++generation_}});
}

void RelayClientDriver::on_relay_down(relay::RegionId) {
  is_up_ = false;
  report("lost", {{"error", "the connection was lost"}});
  if (std::exchange(ping_, std::nullopt)) {
    report("failed", {{"command", "ping"}, {"error", "the connection was lost"}});
  }
}

void RelayClientDriver::on_peer_gone(const relay::Route& peer) {
  report("gone", {{"peer", to_hex(peer.peer.bytes())}});
}

void RelayClientDriver::on_relay_measured(relay::RegionId, std::optional<Duration>) {}

void RelayClientDriver::on_relayed(const relay::Route& from, ByteView datagram) {
  report_received(from, datagram);
}

void RelayClientDriver::report_received(const relay::Route& from, ByteView packet) {
  report("received", {{"from", to_hex(from.peer.bytes())}, {"hex", to_hex(packet)}});
}

void RelayClientDriver::wait_for_worker() {
  inbound_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    to_worker_->consume();
    take_inbound();
    wait_for_worker();
  });
}

void RelayClientDriver::take_inbound() {
  io::DatagramRing& ring = client_->rings().inbound;
  while (const auto entry = ring.next()) report_received(entry->route, entry->datagram);
  ring.release();
}

// --- commands

void RelayClientDriver::wait_for_commands() {
  asio::async_read_until(input_, asio::dynamic_buffer(received_, kMaxLine), '\n',
                         [this](const error_code& error, std::size_t size) {
                           if (error) return loop_.stop();
                           const std::string line = received_.substr(0, size - 1);
                           received_.erase(0, size);
                           if (!obey(line)) return loop_.stop();
                           wait_for_commands();
                         });
}

bool RelayClientDriver::obey(std::string_view line) {
  const std::string_view command = line.substr(0, line.find(' '));
  const std::string_view rest = line.substr(std::min(line.size(), command.size() + 1));
  std::optional<std::string_view> error;
  if (command == "quit") return false;
  if (command == "send") {
    const std::size_t space = std::min(rest.size(), rest.find(' '));
    error = send(rest.substr(0, space), rest.substr(std::min(rest.size(), space + 1)));
  } else if (line == "ping") {
    if (is_up_ && !ping_) {
      begin_ping();
    } else {
      error = is_up_ ? "another is under way" : "there is no connection";
    }
  } else if (line == "prefer true") {
    client_->set_home(kRegion);
  } else if (line == "prefer false") {
    client_->set_home(relay::kNoRegion);
  } else {
    error = "unknown command";
  }
  if (error) report("failed", {{"command", line}, {"error", *error}});
  return true;
}

std::optional<std::string_view> RelayClientDriver::send(std::string_view to, std::string_view hex) {
  std::array<std::uint8_t, kKeySize> key{};
  if (!parse_hex(to, key)) return "no key";
  std::vector<std::uint8_t> packet(hex.size() / 2);
  if (!parse_hex(hex, packet)) return "no packet in hex";
  const relay::Route route{.region = kRegion, .peer = NodePublicKey(key)};
  if (is_urgent(packet)) {
    client_->send(route, packet);
    return std::nullopt;
  }
  if (!client_->rings().outbound.push(route, packet)) return "the ring is full";
  client_->to_relay().signal();
  return std::nullopt;
}

void RelayClientDriver::begin_ping() {
  ping_ = Ping{.begun = io::boot_now(), .sent_before = {}};
  const auto watch = [this](const auto& counters) { watch_ping(counters); };
  client_->read_counters(watch);  // before the ping is sent
  client_->check(kRegion);
}

void RelayClientDriver::watch_ping(const relay::client::ClientCounters& counters) {
  if (!ping_) return;
  const relay::client::Counters& seen = counters.engine;
  if (!ping_->sent_before) ping_->sent_before = seen.pings;
  if (seen.pongs + never_answered_ > *ping_->sent_before) {
    take_inbound();  // what came before the answer is told before it
    const std::chrono::duration<double> took = io::boot_now() - ping_->begun;
    ping_.reset();
    return report("ponged", {{"seconds", took.count()}});
  }
  timer_.expires_after(kPingPoll);
  timer_.async_wait([this](const error_code& error) {
    if (error) return;
    client_->read_counters([this](const auto& later) { watch_ping(later); });
  });
}

}  // namespace warren::e2e
