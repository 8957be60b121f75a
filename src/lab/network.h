#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"
#include "lab/delay_queue.h"
#include "lab/drop_reason.h"
#include "lab/icmp.h"
#include "lab/packet.h"
#include "lab/routes.h"
#include "lab/topology.h"
#include "proto/virtio/net_header.h"

namespace warren::lab {

// Where packets leave the network: the hosts' devices. `host` as Network::host gives it.
class PacketSink {
 public:
  PacketSink() = default;
  PacketSink(const PacketSink&) = delete;
  PacketSink& operator=(const PacketSink&) = delete;
  virtual ~PacketSink() = default;
  // False when the device does not take it.
  virtual bool deliver(NodeIndex host, const virtio::NetHeader& header, ByteView packet) = 0;
};

enum class LinkState : std::uint8_t { Up, Down };  // down: packets are lost, and nobody is told

enum class Way : std::uint8_t { Up, Down };  // towards the router that a node is behind, and back

// What one host or router has seen.
struct NodeCounters {
  std::string name;
  bool is_router = false;
  std::string behind = {};               // a router; empty: it is at the top
  Block block = Block::Nothing;          // what passes in neither direction
  std::vector<IpAddress> external = {};  // the NAT's
  std::uint64_t sent = 0;      // packets: by the host; by the router to the one it is behind
  std::uint64_t received = 0;  // likewise from there
  std::size_t sessions = 0;    // of NAT and firewall
  DropCounts drops{};          // on its uplink too
};

// A tree of routers with hosts at its leaves, in one process: a packet that a host sends walks up
// until a router knows where its destination is, then down, through links, firewalls and NATs, by
// function calls. Only what a link delays is copied. Time comes in as a parameter; packets that
// arrive later keep the time of their arrival for what follows, so delays of several links add up
// exactly.
//
// A super-packet passes whole unless a link has rate, loss or reordering; there it is split first,
// or loss would come in lumps of 64 KiB (spec: data-plane section 8.3). What is too big for a link
// is refused with an ICMP error, IPv4 without DF too: no router here cuts packets into fragments.
class Network {
 public:
  // `sink` outlives the network. Fails when two nodes that see each other have one address.
  static Result<std::unique_ptr<Network>> create(const Topology& topology, PacketSink& sink);
  ~Network();

  std::optional<NodeIndex> find(std::string_view name) const;

  // A packet that a host sends, in a buffer that may be written to.
  void on_packet(NodeIndex host,
                 const virtio::NetHeader& header,
                 MutableByteView bytes,
                 TimePoint now);
  // Moves on what has arrived meanwhile. Before on_packet at the same time.
  void on_timeout(TimePoint now);
  TimePoint next_timeout() const;

  // Changes at run time; each leaves everything as it was when it fails. `name` is a host's or
  // router's where both have an uplink.
  Result<void> set_quality(std::string_view name, Way way, const LinkQuality& quality);
  Result<void> set_link_state(std::string_view name, LinkState state);
  Result<void> forget(std::string_view router);  // its NAT and firewall reboot
  Result<void> set_external(std::string_view router, std::vector<IpAddress> external);
  Result<void> set_block(std::string_view name, Block block);
  Result<void> move(std::string_view host,
                    std::string_view behind,
                    const std::vector<InterfaceAddress>& addresses);

  std::vector<NodeCounters> counters() const;

 private:
  struct Node;

  struct Arrival {
    NodeIndex below = 0;  // the lower end of the link
    Way way = Way::Up;
    virtio::NetHeader header;
  };

  Network(PacketSink& sink, std::uint64_t max_delayed_bytes);

  void add_router(const std::string& name, const RouterConfig& config, std::uint64_t seed);
  void add_host(const std::string& name, const HostConfig& config, std::uint64_t seed);
  Node& add_node(const std::string& name,
                 const Uplink& uplink,
                 const FirewallConfig& filter,
                 std::uint64_t seed);
  Result<void> attach(std::string_view name, std::string_view behind);
  Result<void> route();
  Result<std::vector<IpPrefix>> collect(const Node& node, std::vector<Routes>& tables) const;
  Result<Node*> node(std::string_view name) const;
  Result<Node*> router(std::string_view name) const;
  Result<Node*> uplink(std::string_view name) const;

  // A packet enters the link above `below`.
  void cross(Node& below, Way way, Packet& packet, TimePoint now);
  void split(Node& below, Way way, const Packet& packet, TimePoint now);
  void carry(Node& below, Way way, Packet& packet, TimePoint now);
  void arrive(Node& below, Way way, Packet& packet, TimePoint now);

  void from_below(Node& router, Packet& packet, TimePoint now);
  void from_above(Node& router, Packet& packet, TimePoint now);
  bool hop(Node& router, Packet& packet, TimePoint now);
  void go_down(Node& router, Packet& packet, TimePoint now);
  void leave_through_nat(Node& router, Packet& packet, TimePoint now);
  void enter_through_nat(Node& router, Packet& packet, TimePoint now);
  void leave_as_error(Node& router, Packet& error, TimePoint now);
  void enter_as_error(Node& router, Packet& error, TimePoint now);
  void answer(
      Node& router, const Packet& offending, IcmpError error, std::uint32_t mtu, TimePoint now);
  void send_error(Node& router, Packet& error, TimePoint now);

  PacketSink& sink_;
  std::vector<std::unique_ptr<Node>> nodes_;  // never removed
  DelayQueue<Arrival> delayed_;
  std::vector<std::uint8_t> segment_;  // what the splitter writes; no segment is split again
  std::vector<std::uint8_t> error_;    // the ICMP error on its way; an error causes none
};

}  // namespace warren::lab
