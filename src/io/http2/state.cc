#include "io/http2/state.h"

#include <charconv>
#include <utility>

#include "base/result.h"

namespace warren::http2 {

namespace {

// The length that a head announces; 0 when it announces none. The library has refused what is no
// number.
std::uint64_t announced_length(const Fields& fields) {
  const std::string* text = find(fields, "content-length");
  std::uint64_t out = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), out);
  return out;
}

}  // namespace

const std::string* find(const Fields& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field.value;
  }
  return nullptr;
}

SessionState::SessionState(Role own_role, const Limits& own_limits)
    : role(own_role), limits(own_limits), session(make_library_session(*this)) {
  const bool is_server = role == Role::Server;
  // The library's own rule where a client's first frames cross our SETTINGS is to refuse streams
  // beyond the limit and to close for those that come after they were acknowledged.
  const nghttp2_settings_entry server[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_head},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  const nghttp2_settings_entry client[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_head},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  WARREN_CHECK(nghttp2_submit_settings(session.get(), NGHTTP2_FLAG_NONE,
                                       is_server ? server : client,
                                       is_server ? std::size(server) : std::size(client)) == 0);
  WARREN_CHECK(nghttp2_session_set_local_window_size(
                   session.get(), NGHTTP2_FLAG_NONE, 0,
                   static_cast<std::int32_t>(limits.connection_window)) == 0);
}

Stream* SessionState::find(std::int32_t id) {
  const auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

void SessionState::emit(Event event) {
  WARREN_CHECK(events != nullptr);
  events->push_back(std::move(event));
}

void SessionState::finish_head(std::int32_t id, Stream& stream) {
  if (stream.head == nullptr) return;
  const std::unique_ptr<PartialHead> head = std::exchange(stream.head, nullptr);
  const bool is_informational = role == Role::Client && head->status < 200;
  if (stream.is_done || stream.has_head || is_informational) return;
  stream.has_head = true;
  if (head->size > limits.max_head) {
    ++counters.large_heads;
    return refuse(id, stream, 431);
  }
  if (role == Role::Client) {
    emit(ResponseHead{.stream = {id}, .status = head->status, .fields = std::move(head->fields)});
    return;
  }
  if (announced_length(head->fields) > limits.max_body) {
    ++counters.large_bodies;
    return refuse(id, stream, 413);
  }
  if (const auto* host = http2::find(head->fields, "host");
      host != nullptr && head->authority.empty()) {
    head->authority = *host;
  }
  stream.is_known = true;
  emit(RequestHead{.stream = {id},
                   .method = std::move(head->method),
                   .path = std::move(head->path),
                   .authority = std::move(head->authority),
                   .fields = std::move(head->fields)});
}

void SessionState::take_body(std::int32_t id, Stream& stream, ByteView bytes) {
  stream.received += bytes.size();
  const bool is_too_long = role == Role::Server && stream.received > limits.max_body;
  if (is_too_long && !stream.is_done) {
    ++counters.large_bodies;
    refuse(id, stream, 413);
  }
  if (stream.is_done) {
    nghttp2_session_consume_connection(session.get(), bytes.size());
    return;
  }
  stream.unread += bytes.size();
  // A peer that sends single bytes shall not make an event of each.
  auto* last = events->empty() ? nullptr : std::get_if<Body>(&events->back());
  if (last == nullptr || last->stream.value != id) {
    emit(Body{.stream = {id}, .bytes = {}});
    last = std::get_if<Body>(&events->back());
  }
  last->bytes.insert(last->bytes.end(), bytes.begin(), bytes.end());
}

void SessionState::finish_message(std::int32_t id, Stream& stream) {
  if (stream.is_done || !stream.is_known || !stream.has_head) return;
  nghttp2_session_consume_connection(session.get(), std::exchange(stream.unread, 0));
  emit(End{.stream = {id}});
  stream.is_done = role == Role::Client;
}

void SessionState::refuse(std::int32_t id, Stream& stream, std::uint16_t status) {
  if (stream.is_known) emit(Reset{.stream = {id}, .code = Code::EnhanceYourCalm});
  stream.is_done = true;
  stream.output = Bytes();
  stream.output_from = 0;
  stream.is_output_whole = true;
  if (role == Role::Server && !stream.is_answered) {
    submit_response(id, stream, status, {{.name = "content-length", .value = "0"}});
  } else {
    nghttp2_submit_rst_stream(session.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

bool SessionState::submit_response(std::int32_t id,
                                   Stream& stream,
                                   std::uint16_t status,
                                   const Fields& fields) {
  const std::string status_text = std::to_string(status);
  std::vector<nghttp2_nv> list = {library_field(":status", status_text)};
  for (const Field& field : fields) list.push_back(library_field(field.name, field.value));
  const nghttp2_data_provider body = output_provider();
  const bool has_body = !stream.output.empty() || !stream.is_output_whole;
  stream.is_answered = true;
  return nghttp2_submit_response(session.get(), id, list.data(), list.size(),
                                 has_body ? &body : nullptr) == 0;
}

void SessionState::close(std::int32_t id, Code code) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  if (stream->is_known && !stream->is_done) emit(Reset{.stream = {id}, .code = code});
  forget(id);
}

void SessionState::forget(std::int32_t id) {
  const auto found = streams.find(id);
  if (found == streams.end()) return;
  nghttp2_session_consume_connection(session.get(), found->second.unread);
  streams.erase(found);
}

Result<void> SessionState::fail(std::string_view why) {
  has_failed = true;
  return warren::fail(Errc::Io, "HTTP/2: " + std::string(why));
}

nghttp2_nv library_field(std::string_view name, std::string_view value) {
  // The library copies both and takes pointers that are not const.
  return {.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

}  // namespace warren::http2
