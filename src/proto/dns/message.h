#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "proto/dns/dns_name.h"
#include "proto/dns/numbers.h"

// DNS messages (RFC 1035 section 4), as far as a forwarder and a small authoritative server need
// them:
//
//   header   id(2) flags(2) questions(2) answers(2) authorities(2) additionals(2)
//   question name type(2) class(2)
//   record   name type(2) class(2) ttl(4) length(2) data
//
// Views into the message are borrowed. On TCP each message has its length in two bytes before it
// (RFC 1035 section 4.2.2); that is not in here.
namespace warren::dns {

struct Question {
  Name name;
  RecordType type = RecordType::A;
  RecordClass klass = RecordClass::In;

  bool operator==(const Question&) const = default;
};

// The OPT record (RFC 6891 section 6.1).
struct Edns {
  std::uint16_t udp_size = 0;  // what its sender takes
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::size_t size_offset = 0;  // where in the message udp_size stands

  bool operator==(const Edns&) const = default;
};

// A question that somebody asks us.
struct Query {
  std::uint16_t id = 0;
  Opcode opcode = Opcode::Query;
  bool recursion_desired = false;
  bool checking_disabled = false;
  Question question;
  ByteView raw_question;  // as it was asked: answers repeat it to the letter
  std::optional<Edns> edns;

  // How large an answer over UDP may be: 512 without EDNS, at most kMaxUdpMessage.
  std::size_t udp_limit() const;
};

// NotThisMessage: not a query at all. Other errors: one to which error_answer() may be given.
// Several questions are BadValue. Records in a query other than OPT are skipped.
Result<Query, DecodeError> decode_query(ByteView message);

// A query of our own, or of a test. `edns_size` 0: without EDNS.
std::vector<std::uint8_t> encode_query(std::uint16_t id,
                                       const Question& question,
                                       std::uint16_t edns_size);

// What there is of an answer before its records.
struct ReplyHead {
  std::uint16_t id = 0;
  ResponseCode code = ResponseCode::NoError;  // without EDNS' upper bits
  bool authoritative = false;
  bool truncated = false;
  Question question;

  bool operator==(const ReplyHead&) const = default;
};

// Fails when it is no answer, or not to one question.
Result<ReplyHead, DecodeError> decode_reply_head(ByteView message);

// A record as it stands in a message.
struct RecordView {
  Name name;
  RecordType type = RecordType::A;
  RecordClass klass = RecordClass::In;  // of OPT: the UDP size
  std::uint32_t ttl = 0;
  ByteView data;
  std::size_t data_offset = 0;  // in the message, for names in the data
};

enum class Section : std::uint8_t { Answer, Authority, Additional };

// Walks the records of a message of which the questions are well-formed. Ends at the first that is
// not.
class RecordReader {
 public:
  explicit RecordReader(ByteView message);

  // The next one, of whichever section; none at the end, or when it is malformed: then ok() is
  // false.
  std::optional<RecordView> next();

  Section section() const { return section_; }  // of the last one

  bool ok() const { return ok_; }

 private:
  ByteView message_;
  std::size_t offset_ = 0;
  std::array<std::size_t, 3> left_{};
  Section section_ = Section::Answer;
  bool ok_ = true;
};

// The address in an A or AAAA record.
std::optional<IpAddress> address_of(const RecordView& record);
// The name in a PTR, CNAME or NS record.
std::optional<Name> name_of(ByteView message, const RecordView& record);

// --- what we answer

// RFC 1035 section 3.3.13. Its server and mailbox are the zone's own name: nobody asks them.
struct SoaData {
  std::uint32_t negative_ttl = 0;  // in seconds; also its minimum

  bool operator==(const SoaData&) const = default;
};

struct Record {
  std::optional<Name> name = {};                // none: the question's
  std::uint32_t ttl = 0;                        // in seconds
  std::variant<IpAddress, Name, SoaData> data;  // A or AAAA, PTR, SOA

  bool operator==(const Record&) const = default;
};

struct Answer {
  ResponseCode code = ResponseCode::NoError;
  bool authoritative = false;
  std::vector<Record> answers = {};
  std::vector<Record> authorities = {};

  bool operator==(const Answer&) const = default;
};

// At most `limit` bytes: what does not fit is left out, and the answer marked as truncated. With
// EDNS when the query had it. `limit` is at least kMinUdpMessage.
std::vector<std::uint8_t> encode_answer(const Query& query,
                                        const Answer& answer,
                                        std::size_t limit);

// Header only, for a query that could not be read; none when there is no header, or it is no query.
std::optional<std::vector<std::uint8_t>> error_answer(ByteView message, ResponseCode code);

// Header and question of an answer, marked as truncated: the client shall ask over TCP.
std::vector<std::uint8_t> truncated(ByteView reply);

void set_id(MutableByteView message, std::uint16_t id);  // of at least two bytes
std::uint16_t id_of(ByteView message);                   // of at least two bytes

}  // namespace warren::dns
