#include <algorithm>

#include "base/result.h"
#include "io/http2/session.h"

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target

// Three requests are out; the input is what the server says. The first byte says how it is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  http2::ClientSession client;
  http2::Events events;
  http2::Bytes out;
  for (int i = 0; i < 3; ++i) {
    const auto id = client.request(
        {.method = "POST", .path = "/", .authority = "x", .body = http2::Bytes(100'000)});
    WARREN_CHECK(id.has_value());
  }
  bool ok = client.take_output(out, 1 << 20, events).has_value();
  WARREN_CHECK(ok && events.empty());
  ByteView rest(data + 1, size - 1);
  const std::size_t piece = data[0] + 1;
  while (ok && !rest.empty()) {
    const ByteView part = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(part.size());
    out.clear();
    events.clear();
    ok = client.receive(part, events).has_value() &&
         client.take_output(out, 1 << 20, events).has_value();
    for (const auto& event : events) {
      if (const auto* body = std::get_if<http2::Body>(&event)) {
        client.consume(body->stream, body->bytes.size());
      }
      if (std::holds_alternative<http2::Goaway>(event)) client.reset({3}, http2::Code::Cancel);
    }
  }
  WARREN_CHECK(client.open_streams() <= 3);
  return 0;
}
