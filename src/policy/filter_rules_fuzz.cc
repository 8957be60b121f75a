#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "policy/filter.h"

// Each line of the input is a source, and the addresses of a destination. What is understood has
// its ends in order and makes a filter.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren::policy;  // NOLINT(google-build-using-namespace): a fuzz target
  std::string_view text = warren::as_text({data, std::min<std::size_t>(size, 4096)});
  WireRule rule;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    rule.sources.emplace_back(text.substr(0, end));
    rule.destinations.push_back({.addresses = rule.sources.back(),
                                 .first_port = static_cast<std::int64_t>(end),
                                 .last_port = 65535});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  FilterConfig config;
  config.rules = *parse_filter_rules({&rule, 1}, {});
  for (const FilterRule& parsed : config.rules.rules) {
    for (const AddressRange& range : parsed.sources) {
      WARREN_CHECK(range.first.is_v4() == range.last.is_v4() && range.first <= range.last);
    }
  }
  WARREN_CHECK(Filter::create(config).has_value());
  return 0;
}
