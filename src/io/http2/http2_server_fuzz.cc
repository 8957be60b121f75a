#include <algorithm>

#include "base/result.h"
#include "io/http2/session.h"

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target

namespace {

// An owner that answers each request in one of the ways there are.
void answer(http2::ServerSession& server, const http2::Events& events) {
  for (const auto& event : events) {
    if (const auto* head = std::get_if<http2::RequestHead>(&event)) {
      switch (head->stream.value / 2 % 4) {
        case 0:
          server.respond(head->stream, 200, {}, http2::Bytes(100));
          break;
        case 1:
          server.respond_open(head->stream, 200, {});
          server.write(head->stream, http2::Bytes(20'000));
          break;
        case 2:
          server.reset(head->stream, http2::Code::Cancel);
          break;
        default:
          break;  // waits for the end
      }
    } else if (const auto* end = std::get_if<http2::End>(&event)) {
      if (!server.respond(end->stream, 204, {}, {})) server.end(end->stream);
    } else if (const auto* body = std::get_if<http2::Body>(&event)) {
      server.consume(body->stream, body->bytes.size());
    }
  }
}

}  // namespace

// The preface is given, so that no input is spent on it. The first byte says how the rest is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  http2::Limits limits;
  limits.max_streams = 5;
  limits.max_head = 1000;
  limits.max_body = 1000;
  limits.stream_window = 2000;
  limits.connection_window = 3000;
  http2::ServerSession server(limits);
  http2::Events events;
  http2::Bytes out;
  bool ok = server.receive(as_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), events).has_value();
  ByteView rest(data + 1, size - 1);
  const std::size_t piece = data[0] + 1;
  while (ok && !rest.empty()) {
    const ByteView part = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(part.size());
    events.clear();
    ok = server.receive(part, events).has_value();
    answer(server, events);
    out.clear();
    events.clear();
    if (ok) ok = server.take_output(out, 1000, events).has_value();
    answer(server, events);
    WARREN_CHECK(server.open_streams() <= limits.max_streams + 1);
  }
  WARREN_CHECK(ok || server.is_over());
  return 0;
}
