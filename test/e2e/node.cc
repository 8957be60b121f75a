#include "e2e/node.h"

#include <csignal>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>

#include "base/hex.h"
#include "e2e/node_report.h"
#include "io/address.h"
#include "io/clock.h"
#include "io/link.h"
#include "io/netlink.h"
#include "io/route.h"
#include "io/tun_device.h"

namespace warren::e2e {

namespace {

constexpr std::size_t kMaxLine = 4096;

}  // namespace

Node::Node(Random& random, const WallClock& wall_clock, Log& log, Print print, Reload reload)
    : random_(random),
      wall_clock_(wall_clock),
      log_(log),
      print_(std::move(print)),
      reload_(std::move(reload)),
      loop_(1),
      signals_(loop_, SIGINT, SIGTERM),
      input_(loop_) {}

Result<void> Node::start(const StaticMap& map) {
  WARREN_TRY(relay_,
             relay::client::Client::start(loop_.get_executor(), map.private_key.clone(),
                                          {.mark = map.mark,
                                           .on_failure =
                                               [this](relay::RegionId region, const Error& error) {
                                                 print("relay_failed", {{"region", region.value},
                                                                        {"why", error.detail}});
                                               }},
                                          random_, log_));
  WARREN_TRY_VOID(start_tunnel(map));
  WARREN_TRY_VOID(set_up_device(map));
  observe();
  set_peers(map);
  signals_.async_wait([this](boost::system::error_code, int) { loop_.stop(); });
  input_.assign(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  wait_for_commands();
  print("ready", {{"device", map.device},
                  {"port", tunnel_->listen_port()},
                  {"public_key", to_base64(map.private_key.public_key().bytes())},
                  {"disco_key", to_base64(map.disco_key.public_key().bytes())}});
  return {};
}

Result<void> Node::run() {
  loop_.run();
  return outcome_;
}

Result<void> Node::start_tunnel(const StaticMap& map) {
  WARREN_TRY(auto tun, io::TunDevice::open(map.device));
  link_ = tun->index();
  const tunnel::Options options{.listen_port = map.port, .mark = map.mark, .mtu = map.mtu};
  tunnel::MeshOptions mesh{.disco_key = map.disco_key.clone(), .relay = relay_.get()};
  WARREN_TRY(tunnel_, tunnel::Tunnel::start(loop_.get_executor(), std::move(tun), options, random_,
                                            wall_clock_, log_, std::move(mesh)));
  return {};
}

Result<void> Node::set_up_device(const StaticMap& map) {
  WARREN_TRY(io::Netlink netlink, io::Netlink::open());
  WARREN_TRY_VOID(io::set_link_mtu(netlink, link_, map.mtu));
  WARREN_TRY_VOID(io::set_link_state(netlink, link_, io::LinkState::Up));
  std::vector<IpAddress> addresses;
  for (io::LinkAddress address : map.addresses) {
    address.link = link_;
    WARREN_TRY_VOID(io::ensure_address(netlink, address));
    addresses.push_back(address.address);
  }
  for (const IpPrefix& prefix : extra_routes(map)) {
    io::Route route;
    route.destination = prefix;
    route.link = link_;
    WARREN_TRY_VOID(io::ensure_route(netlink, route));
  }
  tunnel_->set_local_addresses(std::move(addresses));
  return {};
}

void Node::set_peers(const StaticMap& map) {
  tunnel_->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_private_key(map.private_key.clone(), now, out);
    for (const StaticPeer& peer : map.peers) {
      const auto id = engine.add_peer(peer.config.node_key);
      if (!id) continue;  // it is known
      for (const IpPrefix& prefix : peer.allowed_ips) engine.add_allowed_ip(*id, prefix);
    }
  });
  tunnel::Mesh& mesh = *tunnel_->mesh();
  mesh.set_relay_map(std::make_shared<const relay::Map>(map.relays));
  for (const StaticPeer& peer : map.peers) {
    if (const auto id = tunnel_->engine().find_peer(peer.config.node_key))
      mesh.set_peer(*id, peer.config);
  }
}

void Node::observe() {
  tunnel_->observe({.handshake_given_up = {}, .failed = [this](Error error) {
                      outcome_ = unexpected(std::move(error));
                      loop_.stop();
                    }});
  tunnel_->mesh()->observe(
      {.endpoints_changed =
           [this](const std::vector<Endpoint>& endpoints) {
             print("endpoints", {{"endpoints", to_json(endpoints)}});
           },
       .home_changed =
           [this](relay::RegionId region) { print("home", {{"region", region.value}}); },
       .report_ready = [this](const path::Report& report) { print("report", to_json(report)); },
       .path_changed = [this](wg::PeerId peer) { print("path", describe_peer(*tunnel_, peer)); }});
}

void Node::wait_for_commands() {
  boost::asio::async_read_until(input_, boost::asio::dynamic_buffer(received_, kMaxLine), '\n',
                                [this](boost::system::error_code error, std::size_t size) {
                                  if (error) return;  // nobody asks
                                  const std::string line = received_.substr(0, size - 1);
                                  received_.erase(0, size);
                                  if (line == "status") {
                                    print_status();
                                  } else if (line == "reload") {
                                    reload_peers();
                                  } else {
                                    print("error", {{"why", "unknown command: " + line}});
                                  }
                                  wait_for_commands();
                                });
}

void Node::reload_peers() {
  const auto map = reload_();
  if (!map) return print("error", {{"why", map.error().detail}});
  set_peers(*map);
  print("reloaded", {});
}

void Node::print_status() {
  relay_->read_counters([this](const relay::client::ClientCounters& counters) {
    print("status", describe(*tunnel_, counters));
  });
}

void Node::print(std::string_view event, boost::json::object what) {
  boost::json::object line = make_event(event, io::boot_now());
  line.insert(what.begin(), what.end());
  print_(line);
}

}  // namespace warren::e2e
