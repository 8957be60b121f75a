#include "base/bytes.h"
#include "base/result.h"
#include "plain/ledger_record.h"

namespace plain = warren::plain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto records = plain::decode_ledger(warren::as_text({data, size}));
  std::string again(plain::kLedgerHeader);
  for (const auto& record : records) again += plain::encode_record(record);
  WARREN_CHECK(plain::decode_ledger(again) == records);
  return 0;
}
