#include "lab/lab_record.h"

#include <gtest/gtest.h>

namespace warren::lab {

TEST(LabRecord, ReadsWhatItWrites) {
  for (const LabPhase phase : {LabPhase::Starting, LabPhase::Up}) {
    const LabRecord record{.phase = phase, .networks = {"lab-a", "lab-b"}};
    const auto read = parse_record(format_record(record));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, record);
  }
}

TEST(LabRecord, RefusesEveryTruncation) {
  const std::string text = format_record({.networks = {"lab-a"}});
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_FALSE(parse_record(text.substr(0, size))) << size;
  }
}

}  // namespace warren::lab
