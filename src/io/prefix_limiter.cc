#include "io/prefix_limiter.h"

#include <array>
#include <cstring>

namespace warren::io {

namespace {

constexpr unsigned kPrefixV4 = 24;
constexpr unsigned kPrefixV6 = 48;  // what a site gets (RFC 6177)

// The finaliser of splitmix64 (Steele, Lea and Flood, 2014).
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

// The prefix in eight bytes, with the family.
std::uint64_t prefix_of(const IpAddress& source) {
  const IpAddress prefix = IpPrefix(source, source.is_v6() ? kPrefixV6 : kPrefixV4).address();
  std::array<std::uint8_t, 8> bytes{};
  std::memcpy(bytes.data(), prefix.bytes().data(), source.is_v6() ? 6 : 3);
  bytes[7] = source.is_v6() ? 6 : 4;
  return load_be<std::uint64_t>(bytes.data());
}

}  // namespace

PrefixLimiter::PrefixLimiter(Duration interval, std::size_t burst, Random& random)
    : interval_(interval), burst_(burst), secret_{random.u64(), random.u64()}, buckets_(kBuckets) {}

bool PrefixLimiter::allow(const IpAddress& source, TimePoint now) {
  const std::uint64_t hash = mix(mix(prefix_of(source) ^ secret_[0]) ^ secret_[1]);
  return buckets_[hash % kBuckets].take(interval_, burst_, now);
}

}  // namespace warren::io
