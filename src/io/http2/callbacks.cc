#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/result.h"
#include "io/http2/state.h"

// Where nghttp2 calls us. Nothing here throws, and nothing calls the owner: events are appended to
// his list.
namespace warren::http2 {

namespace {

constexpr std::size_t kFrameHeadSize = 9;      // RFC 9113 section 4.1
constexpr std::size_t kMaxSettings = 32;       // entries in a SETTINGS frame
constexpr std::size_t kMaxContinuations = 8;   // after a HEADERS frame
constexpr std::size_t kMaxAcknowledged = 100;  // answers to PING and SETTINGS that wait

SessionState& state_of(void* user_data) {
  return *static_cast<SessionState*>(user_data);
}

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  SessionState& state = state_of(user_data);
  const std::int32_t id = frame->hd.stream_id;
  if (state.role == Role::Server && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    state.streams.try_emplace(id);
  }
  Stream* stream = state.find(id);
  // What follows the body is of no use to anybody here.
  if (stream != nullptr && !stream->has_head) stream->head = std::make_unique<PartialHead>();
  return 0;
}

void set_pseudo_field(PartialHead& head, std::string_view name, std::string_view value) {
  if (name == ":method") head.method = value;
  if (name == ":path") head.path = value;
  if (name == ":authority") head.authority = value;
  if (name == ":status") std::from_chars(value.data(), value.data() + value.size(), head.status);
}

int on_header(nghttp2_session*,
              const nghttp2_frame* frame,
              const std::uint8_t* name_bytes,
              std::size_t name_size,
              const std::uint8_t* value_bytes,
              std::size_t value_size,
              std::uint8_t,
              void* user_data) {
  SessionState& state = state_of(user_data);
  Stream* stream = state.find(frame->hd.stream_id);
  if (stream == nullptr || stream->head == nullptr) return 0;
  PartialHead& head = *stream->head;
  constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 section 6.5.2
  head.size += name_size + value_size + kFieldOverhead;
  if (head.size > state.limits.max_head) {
    head.fields = Fields();
    return 0;
  }
  const std::string_view name = as_text({name_bytes, name_size});
  const std::string_view value = as_text({value_bytes, value_size});
  if (name.starts_with(':')) {
    set_pseudo_field(head, name, value);
  } else {
    head.fields.push_back({.name = std::string(name), .value = std::string(value)});
  }
  return 0;
}

int on_data(nghttp2_session* session,
            std::uint8_t,
            std::int32_t id,
            const std::uint8_t* bytes,
            std::size_t size,
            void* user_data) {
  SessionState& state = state_of(user_data);
  Stream* stream = state.find(id);
  if (stream == nullptr) {
    nghttp2_session_consume_connection(session, size);
  } else {
    state.take_body(id, *stream, {bytes, size});
  }
  return 0;
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  SessionState& state = state_of(user_data);
  const std::int32_t id = frame->hd.stream_id;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      Stream* stream = state.find(id);
      if (stream == nullptr) break;
      if (frame->hd.type == NGHTTP2_HEADERS) state.finish_head(id, *stream);
      if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) state.finish_message(id, *stream);
      break;
    }
    case NGHTTP2_RST_STREAM:
      ++state.resets_received;
      break;
    case NGHTTP2_GOAWAY:
      state.emit(Goaway{.code = Code{frame->goaway.error_code}});
      break;
    case NGHTTP2_PING:
      // Only the one that waits: a peer cannot make events of answers to nothing.
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && state.ping &&
          *state.ping == load_be<std::uint64_t>(frame->ping.opaque_data)) {
        state.emit(PingAnswered{.id = *state.ping});
        state.ping.reset();
      }
      break;
    default:
      break;
  }
  return 0;
}

// A response that is whole while the request is not: the client need not send the rest (RFC 9113
// section 8.1).
int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
  const SessionState& state = state_of(user_data);
  const bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const std::int32_t id = frame->hd.stream_id;
  if (state.role == Role::Server && ends &&
      nghttp2_session_get_stream_remote_close(session, id) == 0) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

// A request that waited for the server's limit of streams when the server said GOAWAY.
int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
  SessionState& state = state_of(user_data);
  if (state.role == Role::Client && frame->hd.type == NGHTTP2_HEADERS) {
    state.close(frame->hd.stream_id, Code::RefusedStream);
  }
  return 0;
}

int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user_data) {
  state_of(user_data).close(id, Code{code});
  return 0;
}

ssize_t read_output(nghttp2_session*,
                    std::int32_t id,
                    std::uint8_t*,
                    std::size_t size,
                    std::uint32_t* flags,
                    nghttp2_data_source*,
                    void* user_data) {
  Stream* stream = state_of(user_data).find(id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::size_t left = stream->output.size() - stream->output_from;
  const std::size_t taken = std::min(left, size);
  if (taken == 0 && !stream->is_output_whole) {
    stream->waits_for_output = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (taken == left && stream->is_output_whole) *flags |= NGHTTP2_DATA_FLAG_EOF;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return static_cast<ssize_t>(taken);
}

// The frame that read_output() announced. Past the library's own buffer, so that of most sessions
// its 16 KiB are never touched.
int send_output(nghttp2_session*,
                nghttp2_frame* frame,
                const std::uint8_t* head,
                std::size_t size,
                nghttp2_data_source*,
                void* user_data) {
  SessionState& state = state_of(user_data);
  Stream* stream = state.find(frame->hd.stream_id);
  if (stream == nullptr || stream->output.size() - stream->output_from < size)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (state.out->size() >= state.enough) return NGHTTP2_ERR_WOULDBLOCK;
  state.out->insert(state.out->end(), head, head + kFrameHeadSize);
  const auto body = stream->output.begin() + static_cast<std::ptrdiff_t>(stream->output_from);
  state.out->insert(state.out->end(), body, body + static_cast<std::ptrdiff_t>(size));
  stream->output_from += size;
  if (stream->output_from == stream->output.size()) {
    stream->output = Bytes();  // unlike {}, gives the memory back
    stream->output_from = 0;
  }
  return 0;
}

}  // namespace

nghttp2_data_provider output_provider() {
  return {.source = {.ptr = nullptr}, .read_callback = read_output};
}

nghttp2_session* make_library_session(SessionState& state) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  WARREN_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  WARREN_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_output);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);  // they only serve priorities, which are off
  nghttp2_option_set_max_settings(option, kMaxSettings);
  nghttp2_option_set_max_outbound_ack(option, kMaxAcknowledged);
  // Both backported to Debian's 1.52.
  nghttp2_option_set_max_continuations(option, kMaxContinuations);
  nghttp2_option_set_stream_reset_rate_limit(option, kResetBurst, kResetsPerSecond);

  nghttp2_session* session = nullptr;
  const auto make =
      state.role == Role::Server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  WARREN_CHECK(make(&session, callbacks, &state, option) == 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return session;
}

}  // namespace warren::http2
