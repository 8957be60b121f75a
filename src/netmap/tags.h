#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "netmap/ids.h"

// Tags name what a node is for, where no person owns it: `tag:<letter>[letters digits -]*` (spec:
// control section 4.4).
namespace warren::netmap {

inline constexpr std::size_t kMaxTag = 64;   // ours: a label and the prefix
inline constexpr std::size_t kMaxTags = 16;  // ours: of one node or key

// The server's own node has it, nobody else.
inline constexpr std::string_view kHubTag = "tag:hub";

// Who all tagged nodes belong to, for those who are told of them: a number that no user gets (spec:
// control section 7.1, server section 1.2).
inline constexpr UserId kTaggedDevices{2147455555};
inline constexpr std::string_view kTaggedDevicesLogin = "tagged-devices";
inline constexpr std::string_view kTaggedDevicesName = "Tagged Devices";

bool is_tag(std::string_view text);

// As a node has them: sorted, each once. Refused when one is none, or there are too many.
Result<std::vector<std::string>> to_tags(std::vector<std::string> texts);

}  // namespace warren::netmap
