#include <map>

#include "base/result.h"
#include "dns/core/resolver.h"
#include "dns/core/testing.h"

using warren::ByteReader;
using warren::ByteView;
namespace dns = warren::dns;

// The input is a list of events; each begins with its kind and a number. Checked: every query is
// answered once or dropped and counted, answers over UDP are not larger than the client takes,
// bounds hold, and each attempt ends exactly once.
namespace {

constexpr dns::ResolverLimits kLimits{.queries = 8, .attempts = 12};

struct Run {
  dns::Resolver resolver{kLimits};
  warren::TimePoint now{std::chrono::hours(1)};
  std::map<dns::AttemptId, dns::AskUpstream> open;
  std::uint64_t replies = 0;
  std::size_t limit = dns::kMinUdpMessage;  // the largest that any query allowed

  void perform(const dns::Actions& actions) {
    for (const dns::Action& action : actions) {
      if (const auto* const ask = std::get_if<dns::AskUpstream>(&action)) {
        WARREN_CHECK(open.emplace(ask->attempt, *ask).second);
      } else if (const auto* const reply = std::get_if<dns::Reply>(&action)) {
        ++replies;
        WARREN_CHECK(reply->client.transport == dns::Transport::Tcp ||
                     reply->message.size() <= limit);
        WARREN_CHECK(reply->message.size() >= dns::kHeaderSize);
      } else {
        WARREN_CHECK(open.erase(std::get<dns::Cancel>(action).attempt) == 1);
      }
    }
    WARREN_CHECK(resolver.pending() <= kLimits.queries);
    WARREN_CHECK(open.size() <= kLimits.attempts);
    WARREN_CHECK((resolver.pending() == 0) == (resolver.next_timeout() == warren::kNever));
  }

  dns::AttemptId pick(std::uint8_t number) const {
    if (open.empty()) return {number};
    auto at = open.begin();
    std::advance(at, number % open.size());
    return at->first;
  }
};

void step(Run& run, std::uint8_t kind, std::uint8_t number, ByteView message) {
  dns::Actions actions;
  switch (kind % 6) {
    case 0:
    case 1: {
      if (const auto query = dns::decode_query(message)) {
        run.limit = std::max(run.limit, query->udp_limit());
      }
      const dns::Client client{.transport = dns::Transport{static_cast<std::uint8_t>(kind % 2)},
                               .channel = number};
      run.resolver.on_query(client, message, run.now, actions);
      break;
    }
    case 2:
      run.resolver.on_upstream_reply(run.pick(number), message, actions);
      break;
    case 3:
      run.resolver.on_upstream_failed(run.pick(number), run.now, actions);
      break;
    case 4:
      run.now += std::chrono::milliseconds(100) * number;
      run.resolver.on_timeout(run.now, actions);
      WARREN_CHECK(run.resolver.next_timeout() > run.now);
      break;
    default: {
      // A true answer with the code in `number`.
      const auto found = run.open.find(run.pick(number));
      if (found == run.open.end()) return;
      const auto query = dns::decode_query(found->second.message);
      const dns::Answer answer{.code = dns::ResponseCode{static_cast<std::uint16_t>(number % 6)}};
      run.resolver.on_upstream_reply(
          found->first, dns::encode_answer(*query, answer, dns::kMaxUdpMessage), actions);
      break;
    }
  }
  run.perform(actions);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Run run;
  dns::testing::fill(run.resolver.hosts());
  const dns::Upstream one{.endpoint = {dns::testing::ip("192.0.2.53"), 53}};
  const dns::Upstream two{.endpoint = {dns::testing::ip("192.0.2.54"), 53}};
  run.resolver.set_config(
      {.zone = dns::testing::zone_config(), .routes = {{.suffix = {}, .upstreams = {one, two}}}});
  ByteReader in(ByteView(data, size));
  while (in.remaining() > 0) {
    const std::uint8_t kind = in.u8();
    const std::uint8_t number = in.u8();
    const std::size_t length = in.u8();
    const ByteView message = in.take(std::min(length, in.remaining()));
    step(run, kind, number, message);
  }
  dns::Actions actions;
  run.now += std::chrono::hours(1);
  run.resolver.on_timeout(run.now, actions);
  run.perform(actions);
  WARREN_CHECK(run.resolver.pending() == 0 && run.open.empty());
  const auto& counters = run.resolver.counters();
  WARREN_CHECK(run.replies <= counters.queries);
  WARREN_CHECK(run.replies + counters.malformed + counters.too_many + counters.clients_gone >=
               counters.queries);
  return 0;
}
