#include "proto/relay/region.h"

#include <algorithm>
#include <string_view>

#include "base/hex.h"

namespace warren::relay {

namespace {

constexpr std::string_view kPinPrefix = "sha256-raw:";  // spec: paths section 2.1, point 2

}  // namespace

CertificateCheck certificate_check(const Node& node) {
  if (node.cert_name.starts_with(kPinPrefix)) return CertificateCheck::Pinned;
  return node.insecure_for_tests ? CertificateCheck::None : CertificateCheck::Chain;
}

std::optional<std::array<std::uint8_t, 32>> pinned_certificate(const Node& node) {
  if (certificate_check(node) != CertificateCheck::Pinned) return std::nullopt;
  std::array<std::uint8_t, 32> digest{};
  if (!parse_hex(std::string_view(node.cert_name).substr(kPinPrefix.size()), digest)) {
    return std::nullopt;
  }
  return digest;
}

const Region* Map::find(RegionId id) const {
  const auto at = std::ranges::lower_bound(regions, id, {}, &Region::id);
  return at != regions.end() && at->id == id ? &*at : nullptr;
}

}  // namespace warren::relay
