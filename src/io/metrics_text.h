#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warren::io {

enum class MetricKind : std::uint8_t { Counter, Gauge };

// A number to look at. Samples that differ in their label only have the same name, help and kind.
struct Metric {
  std::string name;  // warren_<folder>_<noun>_<unit>; counters end in _total
  std::string help;
  MetricKind kind = MetricKind::Counter;
  double value = 0;
  std::string label = {};  // its name; empty: none
  std::string label_value = {};
};

// Prometheus's text format, in the order of the first sample of each name.
std::string to_prometheus(const std::vector<Metric>& metrics);

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

// What every program tells of itself: memory, CPU time, open files, start. Empty where /proc is not
// there.
std::vector<Metric> process_metrics();

}  // namespace warren::io
