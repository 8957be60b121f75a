#include "proto/dns/record_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/hex.h"

namespace warren::dns {

namespace {

struct TypeName {
  std::string_view name;
  RecordType type;
};

// Those that are not in RecordType too (IANA registry of DNS parameters).
constexpr auto kTypes = std::to_array<TypeName>({
    {"A", RecordType::A},
    {"NS", RecordType::Ns},
    {"CNAME", RecordType::Cname},
    {"SOA", RecordType::Soa},
    {"PTR", RecordType::Ptr},
    {"HINFO", RecordType::Hinfo},
    {"MX", RecordType{15}},
    {"TXT", RecordType::Txt},
    {"AAAA", RecordType::Aaaa},
    {"SRV", RecordType{33}},
    {"OPT", RecordType::Opt},
    {"SVCB", RecordType{64}},
    {"HTTPS", RecordType{65}},
    {"CAA", RecordType{257}},
    {"ANY", RecordType::Any},
});

constexpr RecordType kMx{15};
constexpr RecordType kSrv{33};

bool is_same(std::string_view a, std::string_view upper) {
  return std::ranges::equal(a, upper, [](char left, char right) {
    return (left >= 'a' && left <= 'z' ? static_cast<char>(left - 0x20) : left) == right;
  });
}

// Labels are binary: what is no letter, digit, '-' or '_' is escaped (RFC 1035 section 5.1).
std::optional<std::string> name_text(ByteView message, const RecordView& record, std::size_t skip) {
  if (record.data.size() < skip) return std::nullopt;
  std::size_t offset = record.data_offset + skip;
  const auto name = Name::read(message, offset);
  if (!name || offset > record.data_offset + record.data.size()) return std::nullopt;
  return name->is_root() ? "." : name->to_string() + ".";
}

unsigned u16_at(ByteView data, std::size_t at) {
  return static_cast<unsigned>(data[at] << 8U) | data[at + 1];
}

// Strings with a byte for their length each (RFC 1035 section 3.3).
std::optional<std::string> strings_text(ByteView data) {
  std::string out;
  while (!data.empty()) {
    const std::size_t size = data[0];
    if (data.size() < size + 1) return std::nullopt;
    out += out.empty() ? "\"" : " \"";
    for (const std::uint8_t byte : data.subspan(1, size)) {
      if (byte == '"' || byte == '\\') {
        out += fmt::format("\\{}", static_cast<char>(byte));
      } else if (byte < ' ' || byte > '~') {
        out += fmt::format("\\{:03}", byte);
      } else {
        out.push_back(static_cast<char>(byte));
      }
    }
    out += '"';
    data = data.subspan(size + 1);
  }
  return out;
}

std::optional<std::string> soa_text(ByteView message, const RecordView& record) {
  constexpr std::size_t kNumbers = 20;  // five of four bytes
  std::size_t offset = record.data_offset;
  const auto server = Name::read(message, offset);
  if (!server) return std::nullopt;
  const auto mailbox = Name::read(message, offset);
  const std::size_t end = record.data_offset + record.data.size();
  if (!mailbox || offset > end || end - offset != kNumbers) return std::nullopt;
  std::string out = fmt::format("{}. {}.", server->to_string(), mailbox->to_string());
  for (std::size_t at = offset; at < end; at += 4) {
    out +=
        fmt::format(" {}", (std::uint32_t{u16_at(message, at)} << 16U) | u16_at(message, at + 2));
  }
  return out;
}

std::optional<std::string> known_text(ByteView message, const RecordView& record) {
  switch (record.type) {
    case RecordType::A:
    case RecordType::Aaaa:
      if (const auto address = address_of(record)) return address->to_string();
      return std::nullopt;
    case RecordType::Cname:
    case RecordType::Ns:
    case RecordType::Ptr:
      return name_text(message, record, 0);
    case RecordType::Txt:
    case RecordType::Hinfo:
      return strings_text(record.data);
    case RecordType::Soa:
      return soa_text(message, record);
    default:
      break;
  }
  if (record.type == kMx) {
    const auto name = name_text(message, record, 2);
    if (name) return fmt::format("{} {}", u16_at(record.data, 0), *name);
  }
  if (record.type == kSrv) {
    const auto name = name_text(message, record, 6);
    if (name) {
      return fmt::format("{} {} {} {}", u16_at(record.data, 0), u16_at(record.data, 2),
                         u16_at(record.data, 4), *name);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<RecordType> parse_record_type(std::string_view text) {
  for (const TypeName& each : kTypes) {
    if (is_same(text, each.name)) return each.type;
  }
  constexpr std::string_view kPrefix = "TYPE";
  if (text.size() > kPrefix.size() && is_same(text.substr(0, kPrefix.size()), kPrefix)) {
    text.remove_prefix(kPrefix.size());
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return RecordType{number};
}

std::string to_string(RecordType type) {
  const auto* const found = std::ranges::find(kTypes, type, &TypeName::type);
  if (found != kTypes.end()) return std::string(found->name);
  return fmt::format("TYPE{}", std::to_underlying(type));
}

std::string to_string(ResponseCode code) {
  switch (code) {
    case ResponseCode::NoError:
      return "NOERROR";
    case ResponseCode::FormErr:
      return "FORMERR";
    case ResponseCode::ServFail:
      return "SERVFAIL";
    case ResponseCode::NxDomain:
      return "NXDOMAIN";
    case ResponseCode::NotImp:
      return "NOTIMP";
    case ResponseCode::Refused:
      return "REFUSED";
    case ResponseCode::BadVersion:
      return "BADVERS";
  }
  return fmt::format("RCODE{}", std::to_underlying(code));
}

std::string data_text(ByteView message, const RecordView& record) {
  if (auto text = known_text(message, record)) return std::move(*text);
  return fmt::format("\\# {} {}", record.data.size(), to_hex(record.data));
}

}  // namespace warren::dns
