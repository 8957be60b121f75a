#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lab/flow.h"

namespace warren::sim {

// A packet on its way. Addresses and ports change at NATs, what it carries does not.
struct Transit {
  // Of a TCP segment, the parts that the model needs. Sequence numbers count segments: the SYN is
  // 0, each message is one, the FIN is the last.
  struct Segment {
    lab::TcpEvent event = lab::TcpEvent::None;
    std::uint64_t sequence = 0;
    bool is_in_sequence = false;     // SYN, message or FIN: wants to be acknowledged
    std::uint64_t acknowledged = 0;  // all before; 0: nothing yet
  };

  lab::Flow flow;
  std::shared_ptr<const std::vector<std::uint8_t>> payload;  // may be null: nothing
  Segment segment;

  std::size_t size() const;         // with IP and transport headers
  std::string description() const;  // for a trace
};

}  // namespace warren::sim
