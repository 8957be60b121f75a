#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace warren::lab {

enum class LabPhase : std::uint8_t {
  Starting,  // or killed on the way: not all may be there
  Up,
};

// What a lab has made that outlives every process: written before the first of it is made, so
// whoever finds the record can remove it all, whatever has been killed. The rest is in the lab's
// directory, or goes with the router.
struct LabRecord {
  LabPhase phase = LabPhase::Starting;
  std::vector<std::string> networks = {};  // names of network namespaces

  bool operator==(const LabRecord&) const = default;
};

std::string format_record(const LabRecord& record);
Result<LabRecord> parse_record(std::string_view text);

}  // namespace warren::lab
