#include "base/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "base/bytes.h"
#include "base/result.h"

namespace warren {

namespace {

template <class T>
std::optional<T> parse_decimal(std::string_view text, T max) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::uint64_t mix(std::uint64_t value) {  // the finaliser of splitmix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton wants a terminated string; the longest legal text has 45 characters.
  std::array<char, 46> buffer{};
  if (text.empty() || text.size() >= buffer.size()) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(buffer.data(), text.data(), text.size());
  std::array<std::uint8_t, 16> bytes{};
  if (text.find(':') != std::string_view::npos) {
    if (inet_pton(AF_INET6, buffer.data(), bytes.data()) != 1) return std::nullopt;
    return v6(bytes);
  }
  if (inet_pton(AF_INET, buffer.data(), bytes.data()) != 1) return std::nullopt;
  return v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 && std::ranges::all_of(std::span(bytes_).first(15),
                                                [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xF0) == 0xE0 : bytes_[0] == 0xFF;
}

bool IpAddress::is_link_local() const {
  return is_v4() ? bytes_[0] == 169 && bytes_[1] == 254
                 : bytes_[0] == 0xFE && (bytes_[1] & 0xC0) == 0x80;
}

std::optional<IpAddress> IpAddress::unmapped() const {
  if (is_v4() || bytes_[10] != 0xFF || bytes_[11] != 0xFF) return std::nullopt;
  if (!std::ranges::all_of(std::span(bytes_).first(10), [](std::uint8_t b) { return b == 0; })) {
    return std::nullopt;
  }
  return v4({bytes_[12], bytes_[13], bytes_[14], bytes_[15]});
}

std::string IpAddress::to_string() const {
  std::array<char, 46> buffer{};
  inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

IpPrefix::IpPrefix(const IpAddress& address, unsigned length) : length_(length) {
  WARREN_CHECK(length <= address.bit_length());
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = std::clamp(length, 8 * i, 8 * i + 8) - 8 * i;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xFF00U >> kept));
  }
  address_ = address.is_v6() ? IpAddress::v6(bytes)
                             : IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpPrefix(*address, address->bit_length());
  const auto length = parse_decimal<unsigned>(text.substr(slash + 1), address->bit_length());
  if (!length) return std::nullopt;
  return IpPrefix(*address, *length);
}

bool IpPrefix::contains(const IpAddress& address) const {
  return address.is_v6() == address_.is_v6() && IpPrefix(address, length_).address_ == address_;
}

std::string IpPrefix::to_string() const {
  return address_.to_string() + "/" + std::to_string(length_);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1), UINT16_MAX);
  if (!port) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  std::uint32_t scope = 0;
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
      const auto zone = parse_decimal<std::uint32_t>(host.substr(percent + 1), UINT32_MAX);
      if (!zone) return std::nullopt;
      scope = *zone;
      host = host.substr(0, percent);
    }
    const auto address = IpAddress::parse(host);
    if (!address || address->is_v4()) return std::nullopt;
    return Endpoint{*address, *port, scope};
  }
  const auto address = IpAddress::parse(host);
  if (!address || address->is_v6()) return std::nullopt;
  return Endpoint{*address, *port, 0};
}

std::string Endpoint::to_string() const {
  std::string out;
  if (address.is_v6()) {
    out = "[" + address.to_string() + (scope == 0 ? "" : "%" + std::to_string(scope)) + "]";
  } else {
    out = address.to_string();
  }
  return out + ":" + std::to_string(port);
}

}  // namespace warren

std::size_t std::hash<warren::IpAddress>::operator()(
    const warren::IpAddress& address) const noexcept {
  const auto bytes = address.bytes();
  if (address.is_v4()) return warren::mix(warren::load_le<std::uint32_t>(bytes.data()));
  return warren::mix(warren::load_le<std::uint64_t>(bytes.data()) +
                     warren::mix(warren::load_le<std::uint64_t>(bytes.data() + 8) + 1));
}

std::size_t std::hash<warren::Endpoint>::operator()(
    const warren::Endpoint& endpoint) const noexcept {
  return std::hash<warren::IpAddress>()(endpoint.address) ^
         warren::mix(std::uint64_t{endpoint.scope} << 16 | endpoint.port);
}
