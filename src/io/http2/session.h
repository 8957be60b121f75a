#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/http2/types.h"

// HTTP/2 without a socket: bytes go in, events and bytes come out. The library behind it is
// nghttp2; it answers PINGs and SETTINGS, keeps the windows, and reads the clock only to limit the
// rate of resets.
//
// The owner's loop: receive() what arrived, perform the events, then take_output() as much as the
// socket takes, until wants_output() says no. While the socket takes nothing the session holds what
// the owner gave it and no more, so who streams asks pending() before he writes the next message.
// The owner closes the connection when a call fails, and when is_over().
namespace warren::http2 {

enum class Role : std::uint8_t { Server, Client };

struct SessionState;

class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The next bytes from the peer, cut anywhere. Fails when this is not HTTP/2, or a flood. Where
  // the protocol has a word for the peer's mistake, that becomes output, after which is_over().
  [[nodiscard]] Result<void> receive(ByteView bytes, Events& events);

  bool wants_output() const;

  // Appends bytes for the peer until at least `enough` were appended or there are none. One frame
  // (16 KiB and a header) is the most that goes beyond.
  [[nodiscard]] Result<void> take_output(Bytes& out, std::size_t enough, Events& events);

  // Nothing more will be said or heard.
  bool is_over() const;

  // The owner is done with `size` bytes of the stream's bodies: the peer may send as many again.
  // What is left at End or when the stream ends counts as consumed: so the windows bound what lies
  // about of messages that are not complete.
  void consume(StreamId stream, std::size_t size);

  // Ends the stream without ending the message; does nothing for one that is gone.
  void reset(StreamId stream, Code code);

  // PingAnswered comes with the answer; a newer ping takes the place of one that waits.
  void ping(std::uint64_t id);

  // Takes or begins no more streams; the session is over when those that are open have ended.
  void shut_down(Code code = Code::NoError);

  std::size_t open_streams() const;
  const Counters& counters() const;

 protected:
  Session(Role role, const Limits& limits);
  ~Session();

  std::unique_ptr<SessionState> state_;
};

// SETTINGS are the first output; events are requests. A request's head comes as soon as it is
// there, and may be answered before its body: what is left of that is then refused.
class ServerSession final : public Session {
 public:
  explicit ServerSession(const Limits& limits = {}) : Session(Role::Server, limits) {}

  // Each returns false, and does nothing, when the stream is gone or the call comes out of order:
  // the owner will have heard, or hears next, of its Reset.
  //
  // The whole response; content-length is added.
  bool respond(StreamId stream, std::uint16_t status, const Fields& fields, Bytes body);
  // The head of a response of unknown length: write() and end() follow.
  bool respond_open(StreamId stream, std::uint16_t status, const Fields& fields);
  bool write(StreamId stream, Bytes bytes);
  bool end(StreamId stream);

  // Bytes that the stream was given and that were not yet taken as output.
  std::size_t pending(StreamId stream) const;
};

// The preface and SETTINGS are the first output; events are responses. Informational responses are
// skipped.
class ClientSession final : public Session {
 public:
  explicit ClientSession(const Limits& limits = kClientLimits) : Session(Role::Client, limits) {}

  struct Request {
    std::string_view method;
    std::string_view path;
    std::string_view authority;
    Fields fields = {};
    Bytes body = {};
  };

  // Content-length is added when there is a body or the method is one that has them. Fails when
  // too many are open, or the connection takes no more. Waits for the server's limit of streams.
  Result<StreamId> request(Request request);
};

}  // namespace warren::http2
