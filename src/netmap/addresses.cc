#include "netmap/addresses.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace warren::netmap {
namespace {

constexpr std::uint32_t kFirst = 0x64400000;     // 100.64.0.0
constexpr std::uint32_t kResolver = 0x64646464;  // 100.100.100.100
constexpr std::uint32_t kChromeOs = 0x64735c00;  // 100.115.92.0/23
constexpr std::uint32_t kChromeOsMask = 0xfffffe00;

}  // namespace

IpAddress nth_v4(std::size_t number) {
  std::array<std::uint8_t, 4> bytes{};
  store_be(bytes.data(), kFirst + static_cast<std::uint32_t>(number % kAddressCount));
  return IpAddress::v4(bytes);
}

bool may_be_leased(const IpAddress& v4) {
  const auto number = load_be<std::uint32_t>(v4.bytes().data());
  return number > kFirst && number < kFirst + kAddressCount - 1 && number != kResolver &&
         (number & kChromeOsMask) != kChromeOs;
}

IpAddress v6_of(const IpAddress& v4) {
  std::array<std::uint8_t, 16> bytes{0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0};
  std::ranges::copy(v4.bytes(), bytes.begin() + 12);
  return IpAddress::v6(bytes);
}

}  // namespace warren::netmap
