#include "io/http2/session.h"

#include <algorithm>
#include <utility>

#include "io/http2/state.h"

namespace warren::http2 {

namespace {

// Frames that wait for a peer that does not read, bodies aside: answers and resets that its own
// frames provoked. A peer that reads leaves a handful.
constexpr std::size_t kMaxQueuedFrames = 1000;
// So much is read between two looks at that queue.
constexpr std::size_t kReceiveStep = 4096;

// Of a request without a body, servers expect a length for these (RFC 9110 section 8.6).
bool has_body_by_nature(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

void add_length(Fields& fields, std::size_t size) {
  fields.push_back({.name = "content-length", .value = std::to_string(size)});
}

}  // namespace

Session::Session(Role role, const Limits& limits)
    : state_(std::make_unique<SessionState>(role, limits)) {}

Session::~Session() = default;

Result<void> Session::receive(ByteView bytes, Events& events) {
  SessionState& state = *state_;
  if (state.has_failed) return state.fail("the session has failed before");
  state.events = &events;
  Result<void> result;
  while (result && !bytes.empty()) {
    const ByteView step = bytes.first(std::min(bytes.size(), kReceiveStep));
    bytes = bytes.subspan(step.size());
    const auto taken = nghttp2_session_mem_recv(state.session.get(), step.data(), step.size());
    if (taken < 0) {
      result = state.fail(nghttp2_strerror(static_cast<int>(taken)));
    } else if (nghttp2_session_get_outbound_queue_size(state.session.get()) > kMaxQueuedFrames) {
      result = state.fail("the peer does not read the answers to what it sends");
    } else if (state.resets_received > kResetBurst) {
      result = state.fail("the peer resets too many streams");
    }
  }
  state.events = nullptr;
  return result;
}

bool Session::wants_output() const {
  return !state_->has_failed && nghttp2_session_want_write(state_->session.get()) != 0;
}

Result<void> Session::take_output(Bytes& out, std::size_t enough, Events& events) {
  SessionState& state = *state_;
  if (state.has_failed) return state.fail("the session has failed before");
  state.events = &events;
  state.resets_received = 0;
  Result<void> result;
  state.out = &out;
  state.enough = out.size() + enough;
  while (out.size() < state.enough) {
    const std::uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(state.session.get(), &data);
    if (size < 0) result = state.fail(nghttp2_strerror(static_cast<int>(size)));
    if (size <= 0) break;
    out.insert(out.end(), data, data + size);
  }
  state.out = nullptr;
  state.events = nullptr;
  return result;
}

bool Session::is_over() const {
  return state_->has_failed || (nghttp2_session_want_read(state_->session.get()) == 0 &&
                                nghttp2_session_want_write(state_->session.get()) == 0);
}

void Session::consume(StreamId stream, std::size_t size) {
  Stream* found = state_->find(stream.value);
  if (found == nullptr) return;
  size = std::min(size, found->unread);
  found->unread -= size;
  nghttp2_session_consume(state_->session.get(), stream.value, size);
}

void Session::reset(StreamId stream, Code code) {
  if (state_->find(stream.value) == nullptr) return;
  state_->forget(stream.value);
  nghttp2_submit_rst_stream(state_->session.get(), NGHTTP2_FLAG_NONE, stream.value,
                            std::to_underlying(code));
}

void Session::ping(std::uint64_t id) {
  std::array<std::uint8_t, 8> data{};
  store_be(data.data(), id);
  state_->ping = id;
  nghttp2_submit_ping(state_->session.get(), NGHTTP2_FLAG_NONE, data.data());
}

void Session::shut_down(Code code) {
  nghttp2_session* session = state_->session.get();
  nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session), std::to_underlying(code),
                        nullptr, 0);
}

std::size_t Session::open_streams() const {
  return state_->streams.size();
}

const Counters& Session::counters() const {
  return state_->counters;
}

bool ServerSession::respond(StreamId stream,
                            std::uint16_t status,
                            const Fields& fields,
                            Bytes body) {
  Stream* found = state_->find(stream.value);
  if (found == nullptr || found->is_answered) return false;
  Fields all = fields;
  if (status != 204) add_length(all, body.size());  // RFC 9110 section 8.6
  found->output = std::move(body);
  found->is_output_whole = true;
  found->is_done = true;
  return state_->submit_response(stream.value, *found, status, all);
}

bool ServerSession::respond_open(StreamId stream, std::uint16_t status, const Fields& fields) {
  Stream* found = state_->find(stream.value);
  if (found == nullptr || found->is_answered) return false;
  return state_->submit_response(stream.value, *found, status, fields);
}

bool ServerSession::write(StreamId stream, Bytes bytes) {
  Stream* found = state_->find(stream.value);
  if (found == nullptr || !found->is_answered || found->is_output_whole) return false;
  if (found->output.empty()) {
    found->output = std::move(bytes);
  } else {
    found->output.insert(found->output.end(), bytes.begin(), bytes.end());
  }
  if (std::exchange(found->waits_for_output, false)) {
    nghttp2_session_resume_data(state_->session.get(), stream.value);
  }
  return true;
}

bool ServerSession::end(StreamId stream) {
  if (!write(stream, {})) return false;
  Stream* found = state_->find(stream.value);
  found->is_output_whole = true;
  found->is_done = true;
  return true;
}

std::size_t ServerSession::pending(StreamId stream) const {
  const Stream* found = state_->find(stream.value);
  return found == nullptr ? 0 : found->output.size() - found->output_from;
}

Result<StreamId> ClientSession::request(Request request) {
  SessionState& state = *state_;
  if (state.has_failed || nghttp2_session_check_request_allowed(state.session.get()) == 0) {
    return fail(Errc::Unavailable, "HTTP/2: the connection takes no more requests");
  }
  if (state.streams.size() >= state.limits.max_streams) {
    return fail(Errc::Unavailable, "HTTP/2: too many requests at once");
  }
  if (!request.body.empty() || has_body_by_nature(request.method)) {
    add_length(request.fields, request.body.size());
  }
  std::vector<nghttp2_nv> list = {library_field(":method", request.method),
                                  library_field(":scheme", "https"),
                                  library_field(":path", request.path)};
  if (!request.authority.empty()) {
    list.push_back(library_field(":authority", request.authority));
  }
  for (const Field& field : request.fields) {
    list.push_back(library_field(field.name, field.value));
  }
  const nghttp2_data_provider body = output_provider();
  const std::int32_t id =
      nghttp2_submit_request(state.session.get(), nullptr, list.data(), list.size(),
                             request.body.empty() ? nullptr : &body, nullptr);
  if (id < 0) return fail(Errc::Unavailable, std::string("HTTP/2: ") + nghttp2_strerror(id));
  Stream& stream = state.streams[id];
  stream.is_known = true;
  stream.is_answered = true;
  stream.is_output_whole = true;
  stream.output = std::move(request.body);
  return StreamId{id};
}

}  // namespace warren::http2
