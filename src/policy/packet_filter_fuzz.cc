#include <vector>

#include "policy/packet_filter.h"
#include "policy/packet_form.h"
#include "policy/testing.h"

// Packets of any shape both ways, between filters that change. What is accepted is for us and of a
// form that we understand; a packet that was just accepted is accepted again.
namespace {

using namespace warren;          // NOLINT(google-build-using-namespace): a fuzz target
using namespace warren::policy;  // NOLINT(google-build-using-namespace): a fuzz target

std::vector<std::shared_ptr<const Filter>> make_filters() {
  FilterConfig config{
      .rules = testing::rules({testing::wire_rule({"100.64.0.0/10"}, {{"*", 22, 80}}),
                               testing::wire_rule({"*"}, {{"100.64.0.1", 0, 65535}}, {47, 17})}),
      .addresses = {testing::address("100.64.0.1"), testing::address("fd7a::1")},
      .routes = {testing::prefix("10.0.0.0/8")},
      .own_networks = {},
      .jailed = {testing::prefix("100.64.0.9/32")},
      .peer_api = {{.address = testing::address("100.64.0.1"), .port = 99}}};
  std::vector<std::shared_ptr<const Filter>> out = {testing::make_filter(config)};
  config.shields_up = true;
  out.push_back(testing::make_filter(config));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto filters = make_filters();
  PacketFilter filter(1, 16);
  filter.set_filter(filters[0]);
  TimePoint now{1h};
  ByteReader in({data, size});
  while (in.remaining() > 0) {
    const std::uint8_t what = in.u8();
    now += std::chrono::seconds(in.u8());
    if (what % 8 == 0) filter.set_filter(filters[what / 8 % 2]);
    const ByteView bytes = in.take(std::min<std::size_t>(in.u8(), in.remaining()));
    const std::vector<std::uint8_t> packet(bytes.begin(), bytes.end());
    const auto info = ip::parse_packet(packet);
    if (!info) continue;
    if (what % 2 == 0) {
      const Verdict verdict = filter.check_outbound(*info, now);
      WARREN_CHECK((verdict == Verdict::Accept) ==
                   (judge_form(*info) == Verdict::Accept &&
                    judge_destination(info->destination) == Verdict::Accept));
    } else if (filter.check_inbound(*info, packet, now) == Verdict::Accept) {
      WARREN_CHECK(judge_form(*info) == Verdict::Accept);
      WARREN_CHECK(filter.filter()->judge_addresses(*info) == Verdict::Accept);
      WARREN_CHECK(filter.check_inbound(*info, packet, now) == Verdict::Accept);
    }
  }
  return 0;
}
