#include "proto/dns/dns_name.h"

#include <algorithm>

namespace warren::dns {

namespace {

constexpr std::uint8_t kPointerBits = 0xC0;  // RFC 1035 section 4.1.4

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::size_t length_at(std::string_view wire, std::size_t at) {
  return static_cast<unsigned char>(wire[at]);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The byte at `at`, with escapes resolved; moves `at` behind it. None: an escape that is none.
std::optional<char> unescape(std::string_view text, std::size_t& at) {
  const char c = text[at++];
  if (c != '\\') return c;
  if (at == text.size()) return std::nullopt;
  if (!is_digit(text[at])) return text[at++];
  if (text.size() - at < 3 || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) {
    return std::nullopt;
  }
  const int value = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
  if (value > 255) return std::nullopt;
  at += 3;
  return static_cast<char>(value);
}

}  // namespace

// Keeps the final zero at the end.
bool Name::append_label(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelSize) return false;
  if (size_ + 1 + label.size() > kMaxNameSize) return false;
  bytes_[size_ - 1U] = static_cast<char>(label.size());
  std::ranges::transform(label, bytes_.begin() + size_, lower);
  size_ = static_cast<std::uint8_t>(size_ + label.size() + 1);
  bytes_[size_ - 1U] = 0;
  return true;
}

std::optional<Name> Name::parse(std::string_view text) {
  Name out;
  if (text.empty() || text == ".") return out;
  std::array<char, kMaxLabelSize> label{};
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (!out.append_label({label.data(), size})) return std::nullopt;
      size = 0;
      ++at;
      continue;
    }
    const auto byte = unescape(text, at);
    if (!byte || size == label.size()) return std::nullopt;
    label[size++] = *byte;
  }
  if (size > 0 && !out.append_label({label.data(), size})) return std::nullopt;
  return out;
}

Result<Name, DecodeError> Name::read(ByteView message, std::size_t& offset) {
  Name out;
  std::size_t at = offset;
  std::size_t earliest = offset;  // pointers must lead before it
  bool has_jumped = false;
  while (true) {
    if (at >= message.size()) return unexpected(DecodeError::Truncated);
    const std::uint8_t length = message[at];
    if ((length & kPointerBits) == kPointerBits) {
      if (message.size() - at < 2) return unexpected(DecodeError::Truncated);
      const std::size_t target = load_be<std::uint16_t>(&message[at]) & 0x3FFFU;
      if (!has_jumped) offset = at + 2;
      has_jumped = true;
      if (target >= earliest) return unexpected(DecodeError::BadValue);
      earliest = target;
      at = target;
      continue;
    }
    if ((length & kPointerBits) != 0) return unexpected(DecodeError::BadValue);
    ++at;
    if (length == 0) {
      if (!has_jumped) offset = at;
      return out;
    }
    if (length > message.size() - at) return unexpected(DecodeError::Truncated);
    if (!out.append_label(as_text(message.subspan(at, length)))) {
      return unexpected(DecodeError::BadLength);
    }
    at += length;
  }
}

std::string Name::to_string() const {
  if (is_root()) return ".";
  std::string out;
  const std::string_view all = wire();
  for (std::size_t at = 0; all[at] != 0;) {
    if (!out.empty()) out += '.';
    const std::string_view label = all.substr(at + 1, length_at(all, at));
    for (const char c : label) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '.' || c == '\\') {
        out += '\\';
        out += c;
      } else if (byte > ' ' && byte < 0x7F) {
        out += c;
      } else {
        out += '\\';
        out += static_cast<char>('0' + byte / 100);
        out += static_cast<char>('0' + byte / 10 % 10);
        out += static_cast<char>('0' + byte % 10);
      }
    }
    at += label.size() + 1;
  }
  return out;
}

std::size_t Name::labels() const {
  std::size_t out = 0;
  const std::string_view all = wire();
  for (std::size_t at = 0; all[at] != 0; at += length_at(all, at) + 1) ++out;
  return out;
}

std::string_view Name::first_label() const {
  return wire().substr(is_root() ? 0 : 1, length_at(wire(), 0));
}

Name Name::parent() const {
  if (is_root()) return {};
  const std::string_view rest = wire().substr(length_at(wire(), 0) + 1);
  Name out;
  std::ranges::copy(rest, out.bytes_.begin());
  out.size_ = static_cast<std::uint8_t>(rest.size());
  return out;
}

bool Name::is_within(const Name& ancestor) const {
  std::string_view rest = wire();
  while (rest.size() > ancestor.size_) rest.remove_prefix(length_at(rest, 0) + 1);
  return rest == ancestor.wire();
}

std::optional<Name> Name::followed_by(const Name& suffix) const {
  if (size_ - 1U + suffix.size_ > kMaxNameSize) return std::nullopt;
  Name out = *this;
  std::ranges::copy(suffix.wire(), out.bytes_.begin() + size_ - 1);
  out.size_ = static_cast<std::uint8_t>(size_ - 1U + suffix.size_);
  return out;
}

}  // namespace warren::dns
