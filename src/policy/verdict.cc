#include "policy/verdict.h"

#include <array>
#include <utility>

namespace warren::policy {

namespace {

constexpr std::array<std::string_view, kVerdictCount> kNames = {
    "accept",     "bad_header", "unknown_proto", "extension_header", "multicast",
    "link_local", "not_local",  "no_rule",       "no_flow",          "fragment",
    "bogon",      "shields_up", "jailed",
};
static_assert(std::to_underlying(Verdict::Jailed) + 1 == kVerdictCount);

}  // namespace

std::string_view to_string(Verdict verdict) {
  return kNames[std::to_underlying(verdict)];
}

}  // namespace warren::policy
