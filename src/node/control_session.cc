#include "node/control_session.h"

#include <fmt/format.h>

namespace warren::node {

namespace {

std::unexpected<Error> malformed(DecodeError error) {
  return fail(Errc::Io, fmt::format("what the server sends makes no sense ({})", to_string(error)));
}

}  // namespace

Result<void> ControlSession::receive(ByteView wire, http2::Events& events) {
  std::vector<std::uint8_t> opened;
  const auto valid = opener_.open(wire, opened);
  std::vector<std::uint8_t> text;
  const auto passed = early_.pass(opened, text);
  if (!text.empty()) WARREN_TRY_VOID(http2_.receive(text, events));
  if (!valid) return malformed(valid.error());
  if (!passed) return malformed(passed.error());
  return {};
}

Result<void> ControlSession::take_output(std::vector<std::uint8_t>& wire,
                                         std::size_t enough,
                                         http2::Events& events) {
  std::vector<std::uint8_t> text;
  WARREN_TRY_VOID(http2_.take_output(text, enough, events));
  if (!sealer_.seal(text, wire)) return fail(Errc::Io, "the connection is used up");
  return {};
}

}  // namespace warren::node
