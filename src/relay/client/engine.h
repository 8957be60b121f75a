#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "proto/relay/frames.h"
#include "proto/relay/region.h"
#include "relay/client/actions.h"
#include "relay/client/connection.h"

namespace warren::relay::client {

// A node's connections to relays, sans-IO: which exist, and what each is doing (connection.h).
//
// The home region's is always there or being made, the others come with traffic and go without it;
// at most kMaxConnections. Packets do not travel through actions: the caller reads into
// read_space(), takes them from next_packet(), and writes its own as frames once accepts_packets()
// holds, telling on_written() and, for each packet, asking admit().
//
// One thread. Early or repeated on_timeout is harmless.
class Engine {
 public:
  Engine(NodePrivateKey key, Random& random);  // `random` outlives the engine

  // --- configuration
  // Connections to regions that are gone or are made of other nodes now are closed, the latter made
  // anew.
  void set_map(std::shared_ptr<const Map> map, TimePoint now, Actions& out);
  // May name a region that the map does not have yet.
  void set_home(RegionId region, TimePoint now, Actions& out);

  RegionId home() const { return home_; }

  // The region as the map has it, or null.
  const Region* find_region(RegionId region) const;

  // --- wishes
  // There is something to send. False when the region does not exist.
  bool want(RegionId region, TimePoint now, Actions& out);
  // Does the connection live? If not it is made anew.
  void check(RegionId region, TimePoint now, Actions& out);
  // Checks all, and does not wait any longer to make those that are not there.
  void on_network_change(TimePoint now, Actions& out);

  // --- streams (see connection.h); `region` has a connection that on_connected was said of.
  void on_answered(RegionId region, AttemptId attempt);
  void on_connected(
      RegionId region, AttemptId attempt, const Connected& facts, TimePoint now, Actions& out);
  void on_closed(RegionId region, AttemptId attempt, TimePoint now, Actions& out);
  MutableByteView read_space(RegionId region);
  void on_read(RegionId region, std::size_t size, TimePoint now);
  std::optional<PacketFrame> next_packet(RegionId region, TimePoint now, Actions& out);
  void on_written(RegionId region, TimePoint now);
  void on_progress(RegionId region, TimePoint now);
  bool admit(RegionId region, std::size_t packet_size, TimePoint now);
  bool accepts_packets(RegionId region) const;

  // --- time
  void on_timeout(TimePoint now, Actions& out);
  TimePoint next_timeout() const;

  // --- for status
  const Connection* find(RegionId region) const;

  const Counters& counters() const { return shared_.counters; }

  std::size_t connections() const { return connections_.size(); }

 private:
  Connection* get(RegionId region);
  // Its connection, made if there is none; null when the region does not exist.
  Connection* ensure(RegionId region, Actions& out);
  void evict_one(Actions& out);

  Shared shared_;
  std::shared_ptr<const Map> map_ = std::make_shared<Map>();
  RegionId home_;
  std::vector<std::unique_ptr<Connection>> connections_;  // kMaxConnections
};

}  // namespace warren::relay::client
