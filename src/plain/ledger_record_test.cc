#include "plain/ledger_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::plain {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<LedgerRecord>& every_record() {
  static const std::vector<LedgerRecord> records = {
      NamespaceRecord{UINT64_MAX},
      SlotRecord{14},
      RuleRecord{{false, 5440, 254, false, 0, 0, 0}},
      RuleRecord{{true, 5441, 5441, true, 0x80000, 0xFF0000, {}}},
      SysctlRecord{"net/ipv4/conf/all/src_valid_mark", "0", "1"},
      SocketRecord{"/var/run/wireguard/wg0.sock"},
  };
  return records;
}

std::string text_of(const std::vector<LedgerRecord>& records) {
  std::string out(kLedgerHeader);
  for (const LedgerRecord& record : records) out += encode_record(record);
  return out;
}

TEST(LedgerRecord, DecodesWhatItEncodes) {
  EXPECT_THAT(decode_ledger(text_of(every_record())), ElementsAreArray(every_record()));
}

TEST(LedgerRecord, LeavesOutALineThatACrashCutOff) {
  const std::string text = text_of(every_record());
  std::size_t lines = 0;
  for (std::size_t size = kLedgerHeader.size(); size < text.size(); ++size) {
    if (size > kLedgerHeader.size() && text[size - 1] == '\n') ++lines;
    EXPECT_THAT(decode_ledger(text.substr(0, size)), SizeIs(lines)) << size;
  }
}

TEST(LedgerRecord, LeavesOutWhatItDoesNotKnow) {
  const std::string header(kLedgerHeader);
  for (const std::string_view line :
       {"", "color blue", "slot", "slot x", "slot 1 2", "namespace -1", "socket a b", "sysctl a 0",
        "sysctl  a  ", "rule 5 1 2 0 0 0 -", "rule 4 1 2 2 0 0 -", "rule 4 1 2 0 0 0",
        "rule 4 1 2 0 0 0 x", "1 2 3 4 5 6 7 8 9 10 11 12"}) {
    EXPECT_THAT(decode_ledger(header + std::string(line) + "\n"), IsEmpty()) << line;
  }
  EXPECT_THAT(decode_ledger("slot 1\n"), IsEmpty());
}

}  // namespace
}  // namespace warren::plain
