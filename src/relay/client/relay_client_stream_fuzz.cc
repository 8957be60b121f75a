#include <algorithm>

#include "base/random.h"
#include "relay/client/connection.h"

// A relay that says anything: the first byte chooses fast start and the size of the pieces.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warren;                 // NOLINT(google-build-using-namespace)
  using namespace warren::relay::client;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  SeededRandom random(1);
  Shared shared{.key = NodePrivateKey::generate(random),
                .random = random,
                .last_attempt = {},
                .counters = {}};
  Connection connection(relay::RegionId{1}, shared, {relay::Node{}});
  Actions out;
  TimePoint now{};
  connection.want(now, out);
  const auto server = RelayPrivateKey::generate(random);
  Connected facts;
  if ((data[0] & 1) != 0) facts.server_key = server.public_key();
  connection.on_connected(shared.last_attempt, facts, now, out);
  const std::size_t step = std::size_t{1} + std::size_t{16} * (data[0] >> 1U);
  for (ByteView rest(data + 1, size - 1); !rest.empty();) {
    if (connection.state() != Connection::State::LoggingIn) break;
    const MutableByteView space = connection.read_space();
    const std::size_t count = std::min({step, rest.size(), space.size()});
    std::copy_n(rest.begin(), count, space.begin());
    rest = rest.subspan(count);
    connection.on_read(count, now += 1ms);
    while (connection.next_packet(now, out)) {
    }
  }
  return 0;
}
