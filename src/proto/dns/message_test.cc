#include "proto/dns/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::dns {
namespace {

Name name(std::string_view text) {
  return Name::parse(text).value();
}

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

// By tools/vectors/dns_messages.py.
Bytes vector_of(const std::string& wanted) {
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/proto/dns/testdata/messages.txt")) {
    if (row.at(0) == wanted) return from_hex(row.at(1));
  }
  ADD_FAILURE() << wanted;
  return {};
}

TEST(DnsQuery, IsDecoded) {
  const Bytes message = vector_of("query");
  const auto query = decode_query(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->opcode, Opcode::Query);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_EQ(query->question, (Question{.name = name("www.example.com")}));
  EXPECT_EQ(query->raw_question.size(), message.size() - kHeaderSize);
  EXPECT_FALSE(query->edns);
  EXPECT_EQ(query->udp_limit(), 512U);
}

TEST(DnsQuery, SaysWhatItsSenderTakes) {
  const Bytes message = vector_of("query_edns");
  const auto query = decode_query(message);
  ASSERT_TRUE(query && query->edns);
  EXPECT_EQ(query->edns->udp_size, 1232);
  EXPECT_FALSE(query->edns->dnssec_ok);
  EXPECT_EQ(load_be<std::uint16_t>(&message[query->edns->size_offset]), 1232);
  EXPECT_EQ(query->udp_limit(), 1232U);

  const Bytes large = vector_of("query_dnssec");
  EXPECT_TRUE(decode_query(large)->edns->dnssec_ok);
  EXPECT_EQ(decode_query(large)->udp_limit(), kMaxUdpMessage);
  EXPECT_EQ(decode_query(large)->question.type, RecordType::Aaaa);
  const Bytes root = vector_of("query_root");
  EXPECT_EQ(decode_query(root)->question, (Question{.name = {}, .type = RecordType::Ns}));
}

TEST(DnsQuery, IsEncodedAsOthersDo) {
  EXPECT_EQ(encode_query(0x1234, {.name = name("www.example.com")}, 0), vector_of("query"));
  Bytes edns = vector_of("query_edns");
  edns[13] = 'w';
  edns[17] = 'n';
  edns[21] = 'e';
  EXPECT_EQ(encode_query(0x1234, {.name = name("web.net.example")}, 1232), edns);
}

TEST(DnsQuery, IsRefusedWhenCutAnywhere) {
  for (const auto* which : {"query", "query_edns"}) {
    const Bytes message = vector_of(which);
    for (std::size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(decode_query(ByteView(message).first(size))) << which << " of " << size;
    }
  }
}

TEST(DnsQuery, IsOneQuestionWithItsNameSpeltOut) {
  EXPECT_EQ(decode_query(vector_of("answer_node")).error(), DecodeError::NotThisMessage);
  Bytes none = vector_of("query");
  none[5] = 0;
  EXPECT_EQ(decode_query(none).error(), DecodeError::BadValue);
  none[5] = 2;
  EXPECT_EQ(decode_query(none).error(), DecodeError::BadValue);
  const Bytes pointer = from_hex("000001000001000000000000c00400010001");
  EXPECT_EQ(decode_query(pointer).error(), DecodeError::BadValue);
  Bytes twice = vector_of("query_edns");
  const Bytes opt(twice.end() - 11, twice.end());
  twice.insert(twice.end(), opt.begin(), opt.end());
  twice[11] = 2;
  EXPECT_EQ(decode_query(twice).error(), DecodeError::BadValue);
}

TEST(DnsAnswer, IsEncodedAsOthersDo) {
  const Bytes question = vector_of("query_edns");
  const Answer node{.authoritative = true, .answers = {{.ttl = 5, .data = ip("100.64.0.2")}}};
  EXPECT_EQ(encode_answer(*decode_query(question), node, 1232), vector_of("answer_node"));

  const Bytes reverse =
      encode_query(0x1234, {.name = name("2.0.64.100.in-addr.arpa"), .type = RecordType::Ptr}, 0);
  const Answer pointer{.authoritative = true,
                       .answers = {{.ttl = 5, .data = name("web.net.example")}}};
  EXPECT_EQ(encode_answer(*decode_query(reverse), pointer, 512), vector_of("answer_reverse"));

  const Bytes plain = vector_of("query");
  EXPECT_EQ(encode_answer(*decode_query(plain), {.code = ResponseCode::Refused}, 512),
            vector_of("answer_refused"));
}

TEST(DnsAnswer, CarriesTheAuthorityOfWhatIsNot) {
  const Bytes question = vector_of("query_edns");
  const Answer denial{.code = ResponseCode::NxDomain,
                      .authoritative = true,
                      .authorities = {{.name = name("net.example"), .ttl = 10, .data = SoaData{10}},
                                      {.ttl = 10, .data = SoaData{10}}}};
  const Bytes message = encode_answer(*decode_query(question), denial, 512);
  const auto head = decode_reply_head(message);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->code, ResponseCode::NxDomain);
  EXPECT_TRUE(head->authoritative);
  RecordReader records(message);
  for (const auto* owner : {"net.example", "web.net.example"}) {
    const auto soa = records.next();
    ASSERT_TRUE(soa);
    EXPECT_EQ(records.section(), Section::Authority);
    EXPECT_EQ(soa->type, RecordType::Soa);
    EXPECT_EQ(soa->ttl, 10U);
    EXPECT_EQ(soa->name, name(owner));
    std::size_t offset = soa->data_offset;
    EXPECT_EQ(Name::read(message, offset), name(owner));
    EXPECT_EQ(Name::read(message, offset), name(owner));
    ASSERT_EQ(soa->data_offset + soa->data.size() - offset, 20U);
    EXPECT_EQ(load_be<std::uint32_t>(&message[offset + 16]), 10U) << "minimum";
  }
  EXPECT_EQ(records.next()->type, RecordType::Opt);
  EXPECT_FALSE(records.next());
  EXPECT_TRUE(records.ok());
}

TEST(DnsAnswer, IsCutAtItsLimitAndSaysSo) {
  const Bytes question = vector_of("query");
  Answer answer;
  answer.answers.assign(40, {.ttl = 5, .data = ip("192.0.2.1")});
  const Bytes message = encode_answer(*decode_query(question), answer, 512);
  EXPECT_LE(message.size(), 512U);
  EXPECT_GT(message.size(), 512U - 16);
  EXPECT_TRUE(decode_reply_head(message)->truncated);
  RecordReader records(message);
  std::size_t count = 0;
  while (records.next()) ++count;
  EXPECT_TRUE(records.ok());
  EXPECT_EQ(count, (512 - question.size()) / 16);
}

TEST(DnsAnswer, SaysWhatEdnsCannotDo) {
  const Bytes question = vector_of("query_edns");
  const Bytes message =
      encode_answer(*decode_query(question), {.code = ResponseCode::BadVersion}, 512);
  EXPECT_EQ(decode_reply_head(message)->code, ResponseCode::NoError) << "the lower four bits";
  const auto opt = RecordReader(message).next();
  ASSERT_TRUE(opt && opt->type == RecordType::Opt);
  EXPECT_EQ(opt->ttl >> 24, 1U);
}

TEST(DnsAnswer, RepeatsTheMarkForDnssec) {
  const Bytes question = vector_of("query_dnssec");
  const Bytes message = encode_answer(*decode_query(question), {}, 512);
  const auto opt = RecordReader(message).next();
  ASSERT_TRUE(opt && opt->type == RecordType::Opt);
  EXPECT_EQ(opt->ttl, 0x8000U);
}

TEST(DnsReply, IsReadWithCompression) {
  const Bytes message = vector_of("answer_chain");
  const auto head = decode_reply_head(message);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->question.name, name("www.example.com"));
  EXPECT_FALSE(head->truncated);
  RecordReader records(message);
  const auto alias = records.next();
  ASSERT_TRUE(alias);
  EXPECT_EQ(alias->name, name("www.example.com"));
  EXPECT_EQ(name_of(message, *alias), name("web.example.com"));
  EXPECT_FALSE(address_of(*alias));
  const auto v4 = records.next();
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->name, name("web.example.com"));
  EXPECT_EQ(v4->ttl, 60U);
  EXPECT_EQ(address_of(*v4), ip("192.0.2.7"));
  const auto v6 = records.next();
  EXPECT_EQ(address_of(*v6), ip("2001:db8::7"));
  const auto server = records.next();
  EXPECT_EQ(records.section(), Section::Authority);
  EXPECT_EQ(name_of(message, *server), name("ns.example.com"));
  EXPECT_FALSE(records.next());
  EXPECT_TRUE(records.ok());
}

TEST(DnsReply, EndsWhereItIsCut) {
  const Bytes message = vector_of("answer_chain");
  for (std::size_t size = 0; size < message.size(); ++size) {
    RecordReader records(ByteView(message).first(size));
    while (records.next()) {
    }
    EXPECT_FALSE(records.ok()) << size;
  }
}

TEST(DnsReply, IsCutForUdpToItsQuestion) {
  const Bytes message = vector_of("answer_chain");
  const Bytes cut = truncated(message);
  EXPECT_EQ(cut.size(), vector_of("query").size());
  const auto head = decode_reply_head(cut);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->truncated);
  EXPECT_EQ(head->question, decode_reply_head(message)->question);
  EXPECT_FALSE(RecordReader(cut).next());
  const Bytes header_only = truncated(ByteView(message).first(kHeaderSize));
  EXPECT_EQ(header_only.size(), kHeaderSize);
  EXPECT_TRUE(RecordReader(header_only).ok());
}

TEST(DnsError, AnswersTheHeaderAlone) {
  const Bytes query = vector_of("query");
  const auto error = error_answer(ByteView(query).first(kHeaderSize), ResponseCode::FormErr);
  ASSERT_TRUE(error);
  EXPECT_EQ(to_hex(*error), "123481810000000000000000");
  EXPECT_FALSE(error_answer(ByteView(query).first(kHeaderSize - 1), ResponseCode::FormErr));
  EXPECT_FALSE(error_answer(vector_of("answer_node"), ResponseCode::FormErr)) << "no loops";
}

}  // namespace
}  // namespace warren::dns
