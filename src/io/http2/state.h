#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nghttp2/nghttp2.h>

#include "io/http2/session.h"

// What a session is made of; for this folder's sources only.
namespace warren::http2 {

// Resets of streams by a client: as many at once, and as many each second afterwards, before the
// connection is closed (CVE-2023-44487). Nodes reset a map stream when they log out, and long polls
// that they gave up.
inline constexpr std::uint64_t kResetBurst = 200;
inline constexpr std::uint64_t kResetsPerSecond = 10;

// A head while its fields arrive.
struct PartialHead {
  std::string method;
  std::string path;
  std::string authority;
  std::uint16_t status = 0;
  Fields fields;
  std::size_t size = 0;  // by the count of Limits::max_head
};

// One that waits costs about a hundred bytes: buffers are given back as soon as they are empty.
struct Stream {
  std::unique_ptr<PartialHead> head;
  Bytes output;                   // given by the owner
  std::size_t output_from = 0;    // what lies before was taken
  std::uint64_t received = 0;     // of the body
  std::size_t unread = 0;         // of that, what the owner did not consume
  bool has_head = false;          // the final one was received
  bool is_known = false;          // to the owner
  bool is_done = false;           // the owner expects no more events
  bool is_answered = false;       // the head of a response was submitted
  bool is_output_whole = false;   // nothing will be added to `output`
  bool waits_for_output = false;  // the library asked and got nothing
};

struct DeleteLibrarySession {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};

struct SessionState {
  SessionState(Role own_role, const Limits& own_limits);

  Stream* find(std::int32_t id);
  void emit(Event event);

  // The head is complete: tells the owner, or refuses the request.
  void finish_head(std::int32_t id, Stream& stream);
  void take_body(std::int32_t id, Stream& stream, ByteView bytes);
  // The peer's message is complete.
  void finish_message(std::int32_t id, Stream& stream);
  // Answers without the owner, or resets what he has begun to answer.
  void refuse(std::int32_t id, Stream& stream, std::uint16_t status);
  bool submit_response(std::int32_t id, Stream& stream, std::uint16_t status, const Fields& fields);
  void close(std::int32_t id, Code code);
  void forget(std::int32_t id);
  // After the connection's own call: whether it may go on.
  Result<void> fail(std::string_view why);

  Role role;
  Limits limits;
  Counters counters;
  std::map<std::int32_t, Stream> streams;  // Limits::max_streams at most
  std::optional<std::uint64_t> ping;       // waits for its answer
  Events* events = nullptr;                // of the call that is running
  Bytes* out = nullptr;                    // of take_output(), while it runs
  std::size_t enough = 0;                  // its size when no further frame is begun
  // By the peer, since output was last taken: the library's own limit of their rate only shows when
  // it may say GOAWAY.
  std::size_t resets_received = 0;
  bool has_failed = false;

  std::unique_ptr<nghttp2_session, DeleteLibrarySession> session;  // last, so it ends first
};

// Where the library asks for the bytes of Stream::output.
nghttp2_data_provider output_provider();

nghttp2_nv library_field(std::string_view name, std::string_view value);

nghttp2_session* make_library_session(SessionState& state);

}  // namespace warren::http2
