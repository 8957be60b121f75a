#include "dns/core/reverse_name.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/result.h"

namespace warren::dns {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

const Name& zone_of_family(bool is_v6) {
  static const Name v4 = *Name::parse("in-addr.arpa");
  static const Name v6 = *Name::parse("ip6.arpa");
  return is_v6 ? v6 : v4;
}

std::optional<std::uint8_t> octet(std::string_view label) {
  std::uint8_t out = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), out);
  const bool is_canonical = label.size() == 1 || !label.starts_with('0');
  if (error != std::errc{} || end != label.data() + label.size() || !is_canonical) {
    return std::nullopt;
  }
  return out;
}

std::optional<std::uint8_t> nibble(std::string_view label) {
  const std::size_t at = label.size() == 1 ? kHexDigits.find(label[0]) : std::string_view::npos;
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

std::optional<IpAddress> v4_address(Name name) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = bytes.size(); i-- > 0; name = name.parent()) {
    const auto value = octet(name.first_label());
    if (!value) return std::nullopt;
    bytes[i] = *value;
  }
  return IpAddress::v4(bytes);
}

std::optional<IpAddress> v6_address(Name name) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 2 * bytes.size(); i-- > 0; name = name.parent()) {
    const auto value = nibble(name.first_label());
    if (!value) return std::nullopt;
    bytes[i / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? *value << 4 : *value);
  }
  return IpAddress::v6(bytes);
}

}  // namespace

std::optional<IpAddress> address_of_reverse(const Name& name) {
  constexpr std::size_t kV4Labels = 4 + 2;
  constexpr std::size_t kV6Labels = 32 + 2;
  const std::size_t labels = name.labels();
  if (labels == kV4Labels && name.is_within(zone_of_family(false))) return v4_address(name);
  if (labels == kV6Labels && name.is_within(zone_of_family(true))) return v6_address(name);
  return std::nullopt;
}

Name reverse_zone(const IpPrefix& prefix) {
  const bool is_v6 = prefix.address().is_v6();
  const unsigned bits = is_v6 ? 4 : 8;
  std::string text;
  for (unsigned i = prefix.length() / bits; i-- > 0;) {
    if (is_v6) {
      const std::uint8_t byte = prefix.address().bytes()[i / 2];
      text += kHexDigits[i % 2 == 0 ? byte >> 4 : byte & 0xF];
      text += '.';
    } else {
      text += fmt::format("{}.", prefix.address().bytes()[i]);
    }
  }
  const auto out = Name::parse(text + zone_of_family(is_v6).to_string());
  WARREN_CHECK(out.has_value());
  return *out;
}

}  // namespace warren::dns
