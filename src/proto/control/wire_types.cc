#include "proto/control/wire_types.h"

#include "base/hex.h"

namespace warren::json {

namespace {

// Spec: control section 1. Decoders take the second spelling too.
constexpr std::string_view kLockPrefix = "nlpub:";
constexpr std::string_view kOtherLockPrefix = "tlpub:";

template <class Key>
void read_key_text(const boost::json::value& from, Key& to, const wire::Place& place) {
  if (!from.is_string() || !parse_key_text(from.get_string(), to)) place.expected("a public key");
}

}  // namespace

namespace wire {

void read(const boost::json::value& from, NodePublicKey& to, const Place& place) {
  read_key_text(from, to, place);
}

void read(const boost::json::value& from, MachinePublicKey& to, const Place& place) {
  read_key_text(from, to, place);
}

void read(const boost::json::value& from, DiscoPublicKey& to, const Place& place) {
  read_key_text(from, to, place);
}

void read(const boost::json::value& from, control::LockPublicKey& to, const Place& place) {
  std::string text;
  read(from, text, place);
  if (place.is_failed()) return;
  std::array<std::uint8_t, kKeySize> bytes{};
  const bool is_lock = text.starts_with(kLockPrefix) || text.starts_with(kOtherLockPrefix);
  if (!is_lock || !parse_hex(std::string_view(text).substr(kLockPrefix.size()), bytes)) {
    return place.expected("a public key");
  }
  to = control::LockPublicKey(bytes);
}

}  // namespace wire

void write(Writer& out, const NodePublicKey& value) {
  out.plain_text(to_text(value));
}

void write(Writer& out, const MachinePublicKey& value) {
  out.plain_text(to_text(value));
}

void write(Writer& out, const DiscoPublicKey& value) {
  out.plain_text(to_text(value));
}

void write(Writer& out, const control::LockPublicKey& value) {
  out.plain_text(std::string(kLockPrefix) + to_hex(value.bytes()));
}

}  // namespace warren::json
