#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"
#include "netmap/ids.h"

namespace warren::control {

// Where a node stands in the bit sets of all streams: small numbers, used again.
using Slot = std::uint32_t;

// What of a node a stream's receiver does not know yet (spec: server section 1.5).
enum class Mark : std::uint8_t {
  Online = 1,
  Path = 2,      // endpoints, home relay
  Key = 4,       // node key, disco key, expiry
  Cosmetic = 8,  // what only people see: the whole entry again
  Full = 16,     // everything: the node is new to the receiver, or changed its name or addresses
};

// What the receiver does not know of the rest.
enum class HeadMark : std::uint8_t {
  Self = 1,
  RelayMap = 2,
  Dns = 4,
  Filter = 8,
  Profiles = 16,
};

// How long news may wait for more to come along (spec: server section 1.5).
Duration patience_of(Mark mark);
Duration patience_of(HeadMark mark);

// What one stream's receiver was told and what it was not: no queue of messages, so a slow receiver
// costs no more than a bit a node, and sees the newest state when it is ready (spec: server section
// 1.6).
class Marks {
 public:
  void mark(Slot slot, Mark mark, TimePoint now);
  void mark(HeadMark mark, TimePoint now);
  // The node is deleted or out of sight; its slot may be another's at once.
  void remove(Slot slot, netmap::NodeId node, TimePoint now);

  bool was_told(Slot slot) const { return slot < told_.size() && told_[slot]; }

  void set_told(Slot slot);

  bool is_empty() const;

  // What is marked makes a short message.
  bool are_few() const { return many_.empty() && few_.size() <= 4 && gone_.size() <= 64; }

  // When what is marked is due; kNever: nothing is.
  TimePoint due() const { return due_; }

  struct News {
    std::vector<std::pair<Slot, std::uint8_t>> nodes;  // Mark bits, each slot once
    std::vector<netmap::NodeId> gone;
    std::uint8_t head = 0;  // HeadMark bits
  };

  // Everything that is marked; nothing is afterwards.
  News take();

 private:
  // Beyond so many a byte for each node is shorter than a list (spec: server section 1.6).
  static constexpr std::size_t kFew = 64;

  void hurry(Duration patience, TimePoint now);

  std::vector<bool> told_;
  std::vector<std::pair<Slot, std::uint8_t>> few_;
  std::vector<std::uint8_t> many_;  // by slot; empty while `few_` is enough
  std::vector<netmap::NodeId> gone_;
  std::uint8_t head_ = 0;
  TimePoint due_ = kNever;
};

}  // namespace warren::control
