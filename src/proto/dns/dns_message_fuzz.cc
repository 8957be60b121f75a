#include <algorithm>

#include "base/result.h"
#include "proto/dns/message.h"

using warren::ByteView;
namespace dns = warren::dns;

namespace {

void check_query(ByteView message) {
  const auto query = dns::decode_query(message);
  if (!query) return;
  WARREN_CHECK(query->udp_limit() >= dns::kMinUdpMessage);
  WARREN_CHECK(query->udp_limit() <= dns::kMaxUdpMessage);
  const dns::Answer denial{
      .code = dns::ResponseCode::NxDomain,
      .authorities = {{.name = query->question.name, .ttl = 10, .data = dns::SoaData{10}},
                      {.ttl = 5, .data = query->question.name}}};
  const auto answer = dns::encode_answer(*query, denial, dns::kMinUdpMessage);
  WARREN_CHECK(answer.size() <= dns::kMinUdpMessage);
  const auto head = dns::decode_reply_head(answer);
  WARREN_CHECK(head && head->id == query->id && head->question == query->question);
  const auto again = dns::encode_query(query->id, query->question, 0);
  WARREN_CHECK(dns::decode_query(again)->question == query->question);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView message(data, size);
  check_query(message);
  static_cast<void>(dns::error_answer(message, dns::ResponseCode::FormErr));
  if (const auto head = dns::decode_reply_head(message)) {
    const auto cut = dns::truncated(message);
    const auto cut_head = dns::decode_reply_head(cut);
    WARREN_CHECK(cut_head && cut_head->truncated);
  }
  dns::RecordReader records(message);
  std::size_t count = 0;
  while (const auto record = records.next()) {
    ++count;
    static_cast<void>(dns::address_of(*record));
    static_cast<void>(dns::name_of(message, *record));
    WARREN_CHECK(dns::Name::parse(record->name.to_string()) == record->name);
  }
  WARREN_CHECK(count <= size / 11 + 1);
  return 0;
}
