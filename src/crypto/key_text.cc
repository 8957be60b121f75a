#include "crypto/key_text.h"

#include <cstring>

#include <sodium.h>

#include "base/hex.h"

namespace warren {

namespace {

constexpr std::string_view kMachinePrefix = "mkey:";
constexpr std::string_view kNodePrefix = "nodekey:";
constexpr std::string_view kDiscoPrefix = "discokey:";
constexpr std::string_view kChallengePrefix = "chalpub:";
constexpr std::string_view kPrivatePrefix = "privkey:";

template <class Key>
std::string write(std::string_view prefix, const Key& key) {
  return std::string(prefix) + to_hex(key.bytes());
}

template <class Key>
bool parse(std::string_view prefix, std::string_view text, Key& out) {
  std::array<std::uint8_t, kKeySize> bytes{};
  if (!text.starts_with(prefix) || !parse_hex(text.substr(prefix.size()), bytes)) return false;
  out = Key(bytes);
  return true;
}

template <class Key>
PrivateKeyText write_private(const Key& key) {
  Secret<2 * kKeySize + 1> digits;  // the library ends them with a zero
  const auto text = digits.mutable_bytes();
  sodium_bin2hex(reinterpret_cast<char*>(text.data()), text.size(), key.bytes().data(), kKeySize);
  PrivateKeyText out;
  ByteWriter writer(out.mutable_bytes());
  writer.bytes(as_bytes(kPrivatePrefix));
  writer.bytes(digits.bytes().first<2 * kKeySize>());
  return out;
}

template <class Key>
bool parse_private(std::string_view text, Key& out) {
  if (text.size() != kPrivateKeyTextSize || !text.starts_with(kPrivatePrefix)) return false;
  const std::string_view digits = text.substr(kPrivatePrefix.size());
  Secret<kKeySize> bytes;
  std::size_t size = 0;
  const int failed = sodium_hex2bin(bytes.mutable_bytes().data(), kKeySize, digits.data(),
                                    digits.size(), nullptr, &size, nullptr);
  if (failed != 0 || size != kKeySize) return false;
  out = Key(bytes.bytes());
  return true;
}

}  // namespace

std::string to_text(const MachinePublicKey& key) {
  return write(kMachinePrefix, key);
}

std::string to_text(const NodePublicKey& key) {
  return write(kNodePrefix, key);
}

std::string to_text(const DiscoPublicKey& key) {
  return write(kDiscoPrefix, key);
}

std::string to_text(const ChallengePublicKey& key) {
  return write(kChallengePrefix, key);
}

bool parse_key_text(std::string_view text, MachinePublicKey& out) {
  return parse(kMachinePrefix, text, out);
}

bool parse_key_text(std::string_view text, NodePublicKey& out) {
  return parse(kNodePrefix, text, out);
}

bool parse_key_text(std::string_view text, DiscoPublicKey& out) {
  return parse(kDiscoPrefix, text, out);
}

bool parse_key_text(std::string_view text, ChallengePublicKey& out) {
  return parse(kChallengePrefix, text, out);
}

PrivateKeyText to_private_text(const MachinePrivateKey& key) {
  return write_private(key);
}

PrivateKeyText to_private_text(const NodePrivateKey& key) {
  return write_private(key);
}

bool parse_private_key_text(std::string_view text, MachinePrivateKey& out) {
  return parse_private(text, out);
}

bool parse_private_key_text(std::string_view text, NodePrivateKey& out) {
  return parse_private(text, out);
}

}  // namespace warren
