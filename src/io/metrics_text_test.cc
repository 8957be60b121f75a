#include "io/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::io {
namespace {

using testing::HasSubstr;

TEST(MetricsText, PutsSamplesOfOneNameTogether) {
  const std::string text = to_prometheus(
      {{.name = "warren_relay_closed_total",
        .help = "Closed",
        .value = 2,
        .label = "reason",
        .label_value = "BadFrame"},
       {.name = "warren_relay_peers", .help = "Peers", .kind = MetricKind::Gauge, .value = 7},
       {.name = "warren_relay_closed_total",
        .help = "Closed",
        .value = 3,
        .label = "reason",
        .label_value = "A\"B"}});
  EXPECT_EQ(text.find("# TYPE warren_relay_closed_total counter"),
            text.rfind("# TYPE warren_relay_closed_total counter"));
  EXPECT_THAT(text, HasSubstr("warren_relay_closed_total{reason=\"BadFrame\"} 2"));
  EXPECT_THAT(text, HasSubstr("warren_relay_closed_total{reason=\"A\\\"B\"} 3"));
  EXPECT_THAT(text, HasSubstr("# TYPE warren_relay_peers gauge"));
}

TEST(MetricsText, KnowsItsProcess) {
  const std::string text = to_prometheus(process_metrics());
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, testing::Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

}  // namespace
}  // namespace warren::io
