#include "wg/relayed_source.h"

#include <algorithm>

namespace warren::wg {

namespace {

constexpr std::array<std::uint8_t, 8> kDiscardPrefix = {0x01};  // RFC 6666: 0100::/64

}  // namespace

UdpPath relayed_source(const relay::Route& from) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(kDiscardPrefix, bytes.begin());
  std::ranges::copy(from.peer.bytes().first(8), bytes.begin() + kDiscardPrefix.size());
  return {.remote = {.address = IpAddress::v6(bytes), .port = from.region.value},
          .source = std::nullopt};
}

bool is_relayed_source(const IpAddress& address) {
  return address.is_v6() &&
         std::ranges::equal(address.bytes().first(kDiscardPrefix.size()), kDiscardPrefix);
}

}  // namespace warren::wg
