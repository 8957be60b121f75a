#include "proto/dns/record_text.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace warren::dns {
namespace {

using Bytes = std::vector<std::uint8_t>;

// An answer with one record of this type and data; the question's name is at offset 12.
Bytes answer_with(RecordType type, const Bytes& data) {
  Bytes out = encode_query(1, {.name = *Name::parse("a.example"), .type = type}, 0);
  out[2] |= 0x80;  // an answer
  out[7] = 1;      // with one record
  const unsigned number = static_cast<std::uint16_t>(type);
  for (const unsigned byte :
       {0xc0U, 12U, number >> 8U, number & 0xffU, 0U, 1U, 0U, 0U, 0U, 5U,
        static_cast<unsigned>(data.size() >> 8U), static_cast<unsigned>(data.size() & 0xffU)}) {
    out.push_back(static_cast<std::uint8_t>(byte));
  }
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

std::string text_of(RecordType type, const Bytes& data) {
  const Bytes message = answer_with(type, data);
  RecordReader records(message);
  const auto record = records.next();
  return record ? data_text(message, *record) : "unreadable";
}

TEST(RecordText, ReadsAndWritesTypes) {
  EXPECT_EQ(parse_record_type("aaaa"), RecordType::Aaaa);
  EXPECT_EQ(parse_record_type("TYPE16"), RecordType::Txt);
  EXPECT_EQ(parse_record_type("type65"), RecordType{65});
  EXPECT_EQ(parse_record_type("12"), RecordType::Ptr);
  for (const char* const text : {"", "TYPE", "B", "TYPE65536", "-1", "A "}) {
    EXPECT_FALSE(parse_record_type(text)) << text;
  }
  EXPECT_EQ(to_string(RecordType::Cname), "CNAME");
  EXPECT_EQ(to_string(RecordType{4711}), "TYPE4711");
  EXPECT_EQ(to_string(ResponseCode::NxDomain), "NXDOMAIN");
  EXPECT_EQ(to_string(ResponseCode{9}), "RCODE9");
}

TEST(RecordText, WritesWhatIsKnown) {
  EXPECT_EQ(text_of(RecordType::A, {192, 0, 2, 1}), "192.0.2.1");
  EXPECT_EQ(text_of(RecordType::Cname, {1, 'b', 0xc0, 14}), "b.example.");
  EXPECT_EQ(text_of(RecordType::Txt, {2, 'h', '"', 2, 7, 0xff}), R"("h\"" "\007\255")");
  EXPECT_EQ(text_of(*parse_record_type("MX"), {0, 10, 1, 'm', 0}), "10 m.");
  EXPECT_EQ(text_of(*parse_record_type("SRV"), {0, 1, 0, 2, 1, 187, 0}), "1 2 443 .");
  Bytes soa{1, 'n', 0, 1, 'm', 0};
  soa.resize(soa.size() + 20, 0);
  soa.back() = 10;
  EXPECT_EQ(text_of(RecordType::Soa, soa), "n. m. 0 0 0 0 10");
}

TEST(RecordText, WritesTheRestAsNumbers) {
  EXPECT_EQ(text_of(RecordType{4711}, {10, 11}), R"(\# 2 0a0b)");
  EXPECT_EQ(text_of(RecordType::A, {1, 2}), R"(\# 2 0102)");
  EXPECT_EQ(text_of(RecordType::Txt, {5, 'a'}), R"(\# 2 0561)");
  EXPECT_EQ(text_of(*parse_record_type("MX"), {0}), R"(\# 1 00)");
}

TEST(RecordText, SurvivesEveryCutOfTheData) {
  const Bytes srv{0, 1, 0, 2, 1, 187, 3, 'w', 'w', 'w', 0};
  for (const char* const type : {"A", "AAAA", "CNAME", "TXT", "SOA", "MX", "SRV"}) {
    for (std::size_t n = 0; n <= srv.size(); ++n) {
      EXPECT_NE(
          text_of(*parse_record_type(type), Bytes(srv.begin(), srv.begin() + static_cast<long>(n))),
          "unreadable");
    }
  }
}

}  // namespace
}  // namespace warren::dns
