#include "netmap/secret_text.h"

#include <array>

#include <boost/crc.hpp>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/secret.h"

namespace warren::netmap {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kIdLength = 12;
constexpr std::size_t kRandomLength = 43;   // 62^43 > 2^256
constexpr std::size_t kChecksumLength = 6;  // 62^6 > 2^32
constexpr std::size_t kBodyLength = kIdLength + kRandomLength + kChecksumLength;

std::string random_text(std::string_view alphabet, std::size_t length, Random& random) {
  std::string out;
  out.reserve(length);
  for (std::size_t i = 0; i < length; ++i) out += alphabet[random.below(alphabet.size())];
  return out;
}

std::string checksum(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  std::uint32_t value = crc.checksum();
  std::string out(kChecksumLength, '0');
  for (std::size_t i = kChecksumLength; i-- > 0; value /= 62) out[i] = kBase62[value % 62];
  return out;
}

}  // namespace

SecretText make_secret(std::string_view kind, Random& random) {
  SecretText out;
  out.id = random_text(kBase62, kIdLength, random);
  out.text = fmt::format("{}_{}{}", kind, out.id, random_text(kBase62, kRandomLength, random));
  out.text += checksum(out.text);
  out.hash = sha256(as_bytes(out.text));
  return out;
}

std::optional<SecretReference> parse_secret(std::string_view kind, std::string_view text) {
  if (!text.starts_with(kind) || text.size() != kind.size() + 1 + kBodyLength) return std::nullopt;
  const std::string_view body = text.substr(kind.size() + 1);
  if (text[kind.size()] != '_' || body.find_first_not_of(kBase62) != std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t covered = text.size() - kChecksumLength;
  if (text.substr(covered) != checksum(text.substr(0, covered))) return std::nullopt;
  return SecretReference{.id = body.substr(0, kIdLength), .hash = sha256(as_bytes(text))};
}

std::string random_base58(std::size_t length, Random& random) {
  return random_text(kBase58, length, random);
}

}  // namespace warren::netmap
