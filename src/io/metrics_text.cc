#include "io/metrics_text.h"

#include <charconv>
#include <filesystem>
#include <unordered_map>

#include <sys/resource.h>
#include <unistd.h>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "io/file.h"

namespace warren::io {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Resident pages: the second number of /proc/self/statm (proc(5)).
double resident_bytes() {
  const auto text = read_file("/proc/self/statm", 256);
  if (!text) return 0;
  const std::size_t space = text->find(' ');
  if (space == std::string::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(begin(files), end(files)));
}

}  // namespace

std::string to_prometheus(const std::vector<Metric>& metrics) {
  std::vector<prometheus::MetricFamily> families;
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (const Metric& metric : metrics) {
    const bool is_counter = metric.kind == MetricKind::Counter;
    const auto [found, is_new] = by_name.try_emplace(metric.name, families.size());
    if (is_new) {
      families.push_back(
          {.name = metric.name,
           .help = metric.help,
           .type = is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
           .metric = {}});
    }
    prometheus::ClientMetric& sample = families[found->second].metric.emplace_back();
    if (!metric.label.empty()) sample.label.push_back({metric.label, metric.label_value});
    (is_counter ? sample.counter.value : sample.gauge.value) = metric.value;
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<Metric> process_metrics() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{.name = "process_cpu_seconds_total",
           .help = "CPU time that this process has used",
           .kind = MetricKind::Counter,
           .value = seconds(usage.ru_utime) + seconds(usage.ru_stime)},
          {.name = "process_resident_memory_bytes",
           .help = "Memory that this process has in RAM",
           .kind = MetricKind::Gauge,
           .value = resident_bytes()},
          {.name = "process_open_fds",
           .help = "File descriptors that this process has open",
           .kind = MetricKind::Gauge,
           .value = open_files()}};
}

}  // namespace warren::io
