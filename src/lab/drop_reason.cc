#include "lab/drop_reason.h"

namespace warren::lab {

namespace {

constexpr std::string_view kTexts[] = {
    "bad_packet",
    "foreign_source",
    "multicast",
    "no_route",
    "to_router",
    "ttl_exceeded",
    "too_big",
    "link_down",
    "link_loss",
    "link_overflow",
    "delayed_full",
    "firewall",
    "not_translatable",
    "nat_no_mapping",
    "nat_filtered",
    "nat_no_ports",
    "nat_too_many_sessions",
    "nat_no_hairpin",
    "device_refused",
};

static_assert(std::size(kTexts) == std::to_underlying(Drop::Count));

}  // namespace

std::string_view to_string(Drop drop) {
  return kTexts[std::to_underlying(drop)];
}

Drop to_drop(NatDrop reason) {
  switch (reason) {
    case NatDrop::NoMapping:
      return Drop::NatNoMapping;
    case NatDrop::Filtered:
      return Drop::NatFiltered;
    case NatDrop::NoPorts:
      return Drop::NatNoPorts;
    case NatDrop::TooManySessions:
      return Drop::NatTooManySessions;
    case NatDrop::NoHairpin:
      return Drop::NatNoHairpin;
    case NatDrop::Count:
      break;
  }
  std::unreachable();
}

}  // namespace warren::lab
