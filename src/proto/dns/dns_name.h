#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::dns {

inline constexpr std::size_t kMaxNameSize =
    255;  // on the wire, final zero included (RFC 1035 2.3.4)
inline constexpr std::size_t kMaxLabelSize = 63;  // RFC 1035 section 2.3.4

// A name of the DNS in lower case: labels with their lengths, as on the wire (RFC 1035 section
// 3.1). Names that differ in the case of ASCII letters only are one (RFC 4343).
class Name {
 public:
  Name() = default;  // the root

  // "a.example", with or without the last dot; "." or "" is the root. \. and \DDD as in RFC 1035
  // section 5.1. None: an empty or too long label, or too long in all.
  static std::optional<Name> parse(std::string_view text);

  // The name at `offset` of a message, which then points behind it. Compression pointers must lead
  // backwards, each further than the last (RFC 1035 section 4.1.4), so reading ends.
  static Result<Name, DecodeError> read(ByteView message, std::size_t& offset);

  // As parse() reads it, without the last dot; "." for the root.
  std::string to_string() const;

  // Labels with their lengths and the final zero. The wire forms of its parents are its ends, each
  // from one label's length on: this is what tables of names are keyed by.
  std::string_view wire() const { return {bytes_.data(), size_}; }

  bool is_root() const { return size_ == 1; }

  std::size_t labels() const;  // without the root's
  std::string_view first_label() const;
  Name parent() const;  // of the root: the root

  // It is `ancestor` or below it. Everything is below the root.
  bool is_within(const Name& ancestor) const;

  // This name followed by `suffix`; none when that is too long.
  std::optional<Name> followed_by(const Name& suffix) const;

  friend bool operator==(const Name& a, const Name& b) { return a.wire() == b.wire(); }

  friend auto operator<=>(const Name& a, const Name& b) { return a.wire() <=> b.wire(); }

 private:
  bool append_label(std::string_view label);

  std::array<char, kMaxNameSize> bytes_{};
  std::uint8_t size_ = 1;
};

// For tables keyed by Name::wire().
struct WireHash {
  using is_transparent = void;

  std::size_t operator()(std::string_view wire) const {
    return std::hash<std::string_view>()(wire);
  }
};

}  // namespace warren::dns
