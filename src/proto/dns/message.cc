#include "proto/dns/message.h"

#include <algorithm>
#include <utility>

namespace warren::dns {

namespace {

// Bits of the header's flags (RFC 1035 section 4.1.1, RFC 4035 section 3).
constexpr std::uint16_t kIsAnswer = 0x8000;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kRecursionAvailable = 0x0080;
constexpr std::uint16_t kCheckingDisabled = 0x0010;
constexpr std::uint16_t kCodeMask = 0x000F;
constexpr unsigned kOpcodeShift = 11;
constexpr std::uint16_t kOpcodeMask = 0x0F;

constexpr std::size_t kFlagsOffset = 2;
constexpr std::size_t kRecordCountsOffset = 6;  // answers, authorities, additionals

constexpr std::size_t kQuestionTail = 4;            // type and class
constexpr std::size_t kOptSize = 11;                // with the root's name and without data
constexpr std::uint32_t kDnssecOk = 0x8000;         // RFC 6891 section 6.1.3
constexpr std::uint16_t kQuestionPointer = 0xC00C;  // to the name right behind the header

// RFC 1035 section 3.3.13; nobody transfers our zones, so they only have to be plausible.
constexpr std::uint32_t kSoaSerial = 1;
constexpr std::uint32_t kSoaRefresh = 3600;
constexpr std::uint32_t kSoaRetry = 600;
constexpr std::uint32_t kSoaExpire = 86'400;

struct Header {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t questions = 0;
  std::array<std::uint16_t, 3> records{};
};

std::optional<Header> read_header(ByteView message) {
  ByteReader in(message);
  Header out;
  out.id = in.be16();
  out.flags = in.be16();
  out.questions = in.be16();
  for (std::uint16_t& count : out.records) count = in.be16();
  if (!in.ok()) return std::nullopt;
  return out;
}

void write_header(ByteWriter& out, const Header& header) {
  out.be16(header.id);
  out.be16(header.flags);
  out.be16(header.questions);
  for (const std::uint16_t count : header.records) out.be16(count);
}

// There is nothing before the first question that its name could point to, and who asks several
// gets no answer from us: so names in questions are spelt out.
Result<Question, DecodeError> read_question(ByteView message, std::size_t& offset) {
  const std::size_t start = offset;
  auto name = Name::read(message, offset);
  if (!name) return unexpected(name.error());
  if (offset - start != name->wire().size()) return unexpected(DecodeError::BadValue);
  ByteReader in(message.subspan(offset));
  Question out;
  out.name = *name;
  out.type = RecordType{in.be16()};
  out.klass = RecordClass{in.be16()};
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  offset += kQuestionTail;
  return out;
}

std::optional<Edns> edns_of(const RecordView& record) {
  if (record.type != RecordType::Opt) return std::nullopt;
  constexpr std::size_t kFromSizeToData = 8;
  return Edns{.udp_size = static_cast<std::uint16_t>(record.klass),
              .version = static_cast<std::uint8_t>(record.ttl >> 16),
              .dnssec_ok = (record.ttl & kDnssecOk) != 0,
              .size_offset = record.data_offset - kFromSizeToData};
}

// Codes above 15 go to the upper bits that EDNS has (RFC 6891 section 6.1.3).
void write_opt(ByteWriter& out, std::uint16_t udp_size, ResponseCode code, bool dnssec_ok) {
  const auto upper_bits = static_cast<std::uint32_t>(std::to_underlying(code)) >> 4;
  out.u8(0);
  out.be16(std::to_underlying(RecordType::Opt));
  out.be16(udp_size);
  out.be32(upper_bits << 24 | (dnssec_ok ? kDnssecOk : 0));
  out.be16(0);
}

void write_soa(ByteWriter& out, const SoaData& soa, const std::optional<Name>& owner) {
  // Server and mailbox: the owner again.
  for (int i = 0; i < 2; ++i) {
    if (owner) {
      out.bytes(as_bytes(owner->wire()));
    } else {
      out.be16(kQuestionPointer);
    }
  }
  out.be32(kSoaSerial);
  out.be32(kSoaRefresh);
  out.be32(kSoaRetry);
  out.be32(kSoaExpire);
  out.be32(soa.negative_ttl);
}

RecordType type_of(const Record& record) {
  if (const auto* const address = std::get_if<IpAddress>(&record.data)) {
    return address->is_v4() ? RecordType::A : RecordType::Aaaa;
  }
  return std::holds_alternative<Name>(record.data) ? RecordType::Ptr : RecordType::Soa;
}

// The record alone, with names uncompressed except the question's.
constexpr std::size_t kMaxRecordSize = 3 * kMaxNameSize + 64;

std::size_t encode_record(MutableByteView to, const Record& record) {
  ByteWriter out(to);
  if (record.name) {
    out.bytes(as_bytes(record.name->wire()));
  } else {
    out.be16(kQuestionPointer);
  }
  out.be16(std::to_underlying(type_of(record)));
  out.be16(std::to_underlying(RecordClass::In));
  out.be32(record.ttl);
  const std::size_t length_offset = out.written();
  out.be16(0);
  if (const auto* const address = std::get_if<IpAddress>(&record.data)) {
    out.bytes(address->bytes());
  } else if (const auto* const name = std::get_if<Name>(&record.data)) {
    out.bytes(as_bytes(name->wire()));
  } else {
    write_soa(out, std::get<SoaData>(record.data), record.name);
  }
  WARREN_CHECK(out.ok());
  store_be(&to[length_offset], static_cast<std::uint16_t>(out.written() - length_offset - 2));
  return out.written();
}

}  // namespace

std::size_t Query::udp_limit() const {
  if (!edns) return kMinUdpMessage;
  return std::clamp<std::size_t>(edns->udp_size, kMinUdpMessage, kMaxUdpMessage);
}

Result<Query, DecodeError> decode_query(ByteView message) {
  const auto header = read_header(message);
  if (!header || (header->flags & kIsAnswer) != 0) return unexpected(DecodeError::NotThisMessage);
  Query out;
  out.id = header->id;
  out.opcode = Opcode{static_cast<std::uint8_t>(header->flags >> kOpcodeShift & kOpcodeMask)};
  out.recursion_desired = (header->flags & kRecursionDesired) != 0;
  out.checking_disabled = (header->flags & kCheckingDisabled) != 0;
  if (header->questions != 1) return unexpected(DecodeError::BadValue);
  std::size_t offset = kHeaderSize;
  WARREN_TRY(out.question, read_question(message, offset));
  out.raw_question = message.subspan(kHeaderSize, offset - kHeaderSize);
  RecordReader records(message);
  while (const auto record = records.next()) {
    if (records.section() != Section::Additional) continue;
    if (auto edns = edns_of(*record)) {
      if (out.edns) return unexpected(DecodeError::BadValue);  // RFC 6891 section 6.1.1
      out.edns = edns;
    }
  }
  if (!records.ok()) return unexpected(DecodeError::Truncated);
  return out;
}

std::vector<std::uint8_t> encode_query(std::uint16_t id,
                                       const Question& question,
                                       std::uint16_t edns_size) {
  std::vector<std::uint8_t> bytes(kHeaderSize + kMaxNameSize + 4 + kOptSize);
  ByteWriter out(bytes);
  const std::uint16_t additionals = edns_size == 0 ? 0 : 1;
  write_header(
      out, {.id = id, .flags = kRecursionDesired, .questions = 1, .records = {0, 0, additionals}});
  out.bytes(as_bytes(question.name.wire()));
  out.be16(std::to_underlying(question.type));
  out.be16(std::to_underlying(question.klass));
  if (edns_size != 0) write_opt(out, edns_size, ResponseCode::NoError, false);
  bytes.resize(out.written());
  return bytes;
}

Result<ReplyHead, DecodeError> decode_reply_head(ByteView message) {
  const auto header = read_header(message);
  if (!header || (header->flags & kIsAnswer) == 0) return unexpected(DecodeError::NotThisMessage);
  if (header->questions != 1) return unexpected(DecodeError::BadValue);
  std::size_t offset = kHeaderSize;
  ReplyHead out;
  WARREN_TRY(out.question, read_question(message, offset));
  out.id = header->id;
  out.code = ResponseCode{static_cast<std::uint16_t>(header->flags & kCodeMask)};
  out.authoritative = (header->flags & kAuthoritative) != 0;
  out.truncated = (header->flags & kTruncated) != 0;
  return out;
}

RecordReader::RecordReader(ByteView message) : message_(message) {
  const auto header = read_header(message);
  if (!header) {
    ok_ = false;
    return;
  }
  offset_ = kHeaderSize;
  for (std::size_t i = 0; i < header->questions; ++i) {
    if (!read_question(message, offset_)) {
      ok_ = false;
      return;
    }
  }
  std::ranges::copy(header->records, left_.begin());
}

std::optional<RecordView> RecordReader::next() {
  if (!ok_) return std::nullopt;
  std::size_t section = 0;
  while (section < left_.size() && left_[section] == 0) ++section;
  if (section == left_.size()) return std::nullopt;
  --left_[section];
  section_ = Section{static_cast<std::uint8_t>(section)};

  const auto name = Name::read(message_, offset_);
  ByteReader in(message_.subspan(std::min(offset_, message_.size())));
  RecordView out;
  out.type = RecordType{in.be16()};
  out.klass = RecordClass{in.be16()};
  out.ttl = in.be32();
  const std::size_t size = in.be16();
  out.data = in.take(size);
  if (!name || !in.ok()) {
    ok_ = false;
    return std::nullopt;
  }
  out.name = *name;
  out.data_offset = message_.size() - in.remaining() - size;
  offset_ = message_.size() - in.remaining();
  return out;
}

std::optional<IpAddress> address_of(const RecordView& record) {
  ByteReader in(record.data);
  if (record.klass != RecordClass::In) return std::nullopt;
  if (record.type == RecordType::A && record.data.size() == 4) return IpAddress::v4(in.array<4>());
  if (record.type == RecordType::Aaaa && record.data.size() == 16) {
    return IpAddress::v6(in.array<16>());
  }
  return std::nullopt;
}

std::optional<Name> name_of(ByteView message, const RecordView& record) {
  if (record.type != RecordType::Ptr && record.type != RecordType::Cname &&
      record.type != RecordType::Ns) {
    return std::nullopt;
  }
  std::size_t offset = record.data_offset;
  const auto name = Name::read(message, offset);
  if (!name || offset != record.data_offset + record.data.size()) return std::nullopt;
  return *name;
}

std::vector<std::uint8_t> encode_answer(const Query& query,
                                        const Answer& answer,
                                        std::size_t limit) {
  WARREN_CHECK(limit >= kMinUdpMessage);
  const std::size_t opt_size = query.edns ? kOptSize : 0;
  Header header{
      .id = query.id, .flags = kIsAnswer | kRecursionAvailable, .questions = 1, .records = {}};
  if (answer.authoritative) header.flags |= kAuthoritative;
  if (query.recursion_desired) header.flags |= kRecursionDesired;
  if (query.checking_disabled) header.flags |= kCheckingDisabled;
  header.flags |= static_cast<std::uint16_t>(std::to_underlying(query.opcode) << kOpcodeShift);
  header.flags |= std::to_underlying(answer.code) & kCodeMask;

  std::vector<std::uint8_t> out(kHeaderSize);
  out.insert(out.end(), query.raw_question.begin(), query.raw_question.end());
  std::array<std::uint8_t, kMaxRecordSize> record_bytes{};
  const auto append = [&](const std::vector<Record>& records, std::uint16_t& count) {
    for (const Record& record : records) {
      const std::size_t size = encode_record(record_bytes, record);
      if (out.size() + size + opt_size > limit) return false;
      out.insert(out.end(), record_bytes.begin(),
                 record_bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ++count;
    }
    return true;
  };
  const bool fits =
      append(answer.answers, header.records[0]) && append(answer.authorities, header.records[1]);
  if (!fits) header.flags |= kTruncated;
  if (query.edns) {
    const std::size_t before = out.size();
    out.resize(before + kOptSize);
    ByteWriter opt(MutableByteView(out).subspan(before));
    write_opt(opt, kMaxUdpMessage, answer.code, query.edns->dnssec_ok);  // RFC 3225 section 3
    header.records[2] = 1;
  }
  ByteWriter head(out);
  write_header(head, header);
  return out;
}

std::optional<std::vector<std::uint8_t>> error_answer(ByteView message, ResponseCode code) {
  const auto query = read_header(message);
  if (!query || (query->flags & kIsAnswer) != 0) return std::nullopt;
  constexpr std::uint16_t kKept = kOpcodeMask << kOpcodeShift | kRecursionDesired;
  std::vector<std::uint8_t> bytes(kHeaderSize);
  ByteWriter out(bytes);
  const auto flags =
      static_cast<std::uint16_t>(kIsAnswer | kRecursionAvailable | (query->flags & kKept) |
                                 (std::to_underlying(code) & kCodeMask));
  write_header(out, {.id = query->id, .flags = flags, .questions = 0, .records = {}});
  return bytes;
}

std::vector<std::uint8_t> truncated(ByteView reply) {
  std::size_t offset = kHeaderSize;
  const bool has_question = read_question(reply, offset).has_value();
  std::vector<std::uint8_t> out(
      reply.begin(),
      reply.begin() + static_cast<std::ptrdiff_t>(has_question ? offset : kHeaderSize));
  out[kFlagsOffset] |= kTruncated >> 8;
  std::fill_n(out.begin() + kRecordCountsOffset, 6, std::uint8_t{0});
  if (!has_question) std::fill_n(out.begin() + 4, 2, std::uint8_t{0});
  return out;
}

void set_id(MutableByteView message, std::uint16_t id) {
  store_be(message.data(), id);
}

std::uint16_t id_of(ByteView message) {
  return load_be<std::uint16_t>(message.data());
}

}  // namespace warren::dns
