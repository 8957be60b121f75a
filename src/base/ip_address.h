#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// IP addresses, prefixes and UDP endpoints as values of our own. Text and OS forms convert at the
// edges.
namespace warren {

class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0

  static constexpr IpAddress v4(std::array<std::uint8_t, 4> bytes) {
    IpAddress out;
    for (std::size_t i = 0; i < 4; ++i) out.bytes_[i] = bytes[i];
    return out;
  }

  static constexpr IpAddress v6(std::array<std::uint8_t, 16> bytes) {
    IpAddress out;
    out.bytes_ = bytes;
    out.is_v6_ = true;
    return out;
  }

  static constexpr IpAddress unspecified(bool is_v6) {
    IpAddress out;
    out.is_v6_ = is_v6;
    return out;
  }

  // Dotted quad or RFC 4291 text; no zone, no leading or trailing space.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr bool is_v4() const { return !is_v6_; }

  constexpr bool is_v6() const { return is_v6_; }

  constexpr unsigned bit_length() const { return is_v6_ ? 128 : 32; }

  // Network order: 4 or 16 bytes.
  std::span<const std::uint8_t> bytes() const { return std::span(bytes_).first(is_v6_ ? 16 : 4); }

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;                 // 169.254.0.0/16, fe80::/10
  std::optional<IpAddress> unmapped() const;  // the IPv4 address inside ::ffff:0:0/96

  std::string to_string() const;  // IPv6 as RFC 5952

  auto operator<=>(const IpAddress&) const = default;

 private:
  bool is_v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four, zeros behind
};

// An address with its host bits cleared, and a length.
class IpPrefix {
 public:
  constexpr IpPrefix() = default;  // 0.0.0.0/0

  // Clears host bits. `length` must be at most address.bit_length().
  IpPrefix(const IpAddress& address, unsigned length);

  // "10.0.0.0/8"; without "/length" a single address. Host bits may be set; they are cleared.
  static std::optional<IpPrefix> parse(std::string_view text);

  const IpAddress& address() const { return address_; }

  unsigned length() const { return length_; }

  bool is_single() const { return length_ == address_.bit_length(); }

  bool contains(const IpAddress& address) const;

  std::string to_string() const;

  auto operator<=>(const IpPrefix&) const = default;

 private:
  IpAddress address_;
  unsigned length_ = 0;
};

// Address and UDP or TCP port. `scope` is the interface index of a link-local IPv6 address, else 0.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t scope = 0;

  // "192.0.2.1:51820" or "[2001:db8::1]:51820" or "[fe80::1%3]:51820" (numeric zone).
  static std::optional<Endpoint> parse(std::string_view text);
  std::string to_string() const;

  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace warren

template <>
struct std::hash<warren::IpAddress> {
  std::size_t operator()(const warren::IpAddress& address) const noexcept;
};

template <>
struct std::hash<warren::Endpoint> {
  std::size_t operator()(const warren::Endpoint& endpoint) const noexcept;
};
