#include "control/machine_session.h"

#include <utility>

namespace warren::control {

namespace {

http2::Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

}  // namespace

MachineSession::MachineSession(NoiseKeys keys, const SessionLimits& limits, TimePoint now)
    : limits_(limits),
      opener_(std::move(keys.from_initiator)),
      sealer_(std::move(keys.from_responder)),
      begun_(now),
      idle_since_(now) {}

bool MachineSession::receive(ByteView bytes, TimePoint now, SessionNews& news) {
  std::vector<std::uint8_t> text;
  const bool is_sealed = opener_.open(bytes, text).has_value();
  bool is_http = true;
  if (!text.empty()) {
    has_spoken_ = true;
    is_http = http_.receive(text, events_).has_value();
  }
  const bool is_calm = take(now, news);
  return is_sealed && is_http && is_calm;
}

bool MachineSession::take_output(std::vector<std::uint8_t>& out,
                                 std::size_t enough,
                                 TimePoint now,
                                 SessionNews& news) {
  http2::Bytes text;
  const bool is_http = http_.take_output(text, enough, events_).has_value();
  const bool is_calm = take(now, news);
  return (text.empty() || sealer_.seal(text, out)) && is_http && is_calm;
}

bool MachineSession::take(TimePoint now, SessionNews& news) {
  bool is_calm = true;
  const bool was_idle = exchanges_.empty();
  for (http2::Event& event : events_) {
    if (auto* const head = std::get_if<http2::RequestHead>(&event)) {
      is_calm = begin(std::move(*head), now) && is_calm;
    } else if (const auto* const body = std::get_if<http2::Body>(&event)) {
      take_body(*body, now);
    } else if (const auto* const end = std::get_if<http2::End>(&event)) {
      complete(end->stream, news);
    } else if (const auto* const reset = std::get_if<http2::Reset>(&event)) {
      forget(reset->stream, news);
    }
  }
  events_.clear();
  if (!was_idle && exchanges_.empty()) idle_since_ = now;
  return is_calm;
}

bool MachineSession::begin(http2::RequestHead head, TimePoint now) {
  if (!is_member_ && ++requests_ > limits_.stranger_requests) return false;
  const bool is_crowd = !is_member_ && exchanges_.size() >= limits_.stranger_streams;
  if (is_crowd || unsent() > limits_.max_unsent) {
    ++counters_.refused_streams;
    http_.reset(head.stream, http2::Code::RefusedStream);
    return true;
  }
  Exchange exchange;
  exchange.method = std::move(head.method);
  exchange.path = std::move(head.path);
  exchange.since = now;
  exchanges_.emplace(head.stream, std::move(exchange));
  return true;
}

void MachineSession::take_body(const http2::Body& body, TimePoint now) {
  const auto found = exchanges_.find(body.stream);
  if (found == exchanges_.end() || found->second.state != Exchange::State::Receiving) return;
  std::string& text = found->second.body;
  if (!is_member_ && text.size() + body.bytes.size() > limits_.stranger_body) {
    ++counters_.large_bodies;
    return refuse(body.stream, 413, "this is too long", now);
  }
  // Not consumed before the end: so the windows bound what lies about.
  text.append(body.bytes.begin(), body.bytes.end());
}

void MachineSession::complete(http2::StreamId stream, SessionNews& news) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end() || found->second.state != Exchange::State::Receiving) return;
  Exchange& exchange = found->second;
  exchange.state = Exchange::State::Asked;
  news.asked.push_back({.stream = stream,
                        .method = std::move(exchange.method),
                        .path = std::move(exchange.path),
                        .body = std::exchange(exchange.body, {})});
}

void MachineSession::forget(http2::StreamId stream, SessionNews& news) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end()) return;
  const auto state = found->second.state;
  exchanges_.erase(found);
  if (state == Exchange::State::Asked || state == Exchange::State::Open) {
    // It may have been asked in the same breath.
    if (std::erase_if(news.asked, [&](const auto& asked) { return asked.stream == stream; }) == 0) {
      news.gone.push_back(stream);
    }
  }
}

void MachineSession::refuse(http2::StreamId stream,
                            std::uint16_t status,
                            std::string_view text,
                            TimePoint now) {
  respond(stream, status, {}, bytes_of(text), now);
}

std::size_t MachineSession::unsent() const {
  std::size_t out = 0;
  for (const auto& [stream, exchange] : exchanges_) {
    if (exchange.unsent != kNever) out += http_.pending(stream);
  }
  return out;
}

void MachineSession::on_sent(TimePoint now, SessionNews& news) {
  for (auto at = exchanges_.begin(); at != exchanges_.end();) {
    auto& [stream, exchange] = *at;
    if (exchange.unsent == kNever || http_.pending(stream) > 0) {
      ++at;
      continue;
    }
    exchange.unsent = kNever;
    if (exchange.state == Exchange::State::Answered) {
      at = exchanges_.erase(at);
      if (exchanges_.empty()) idle_since_ = now;
      continue;
    }
    news.drained.push_back(stream);
    ++at;
  }
}

bool MachineSession::on_tick(TimePoint now) {
  if (!has_spoken_ && now - begun_ >= limits_.first_bytes) return false;
  if (!is_member_ && exchanges_.empty() && now - idle_since_ >= limits_.stranger_idle) return false;
  for (auto& [stream, exchange] : exchanges_) {
    if (exchange.unsent != kNever && now - exchange.unsent >= limits_.slow) return false;
    if (exchange.state == Exchange::State::Receiving && now - exchange.since >= limits_.body) {
      ++counters_.late_bodies;
      refuse(stream, 408, "the request did not end in time", now);
    }
  }
  return true;
}

void MachineSession::respond(http2::StreamId stream,
                             std::uint16_t status,
                             const http2::Fields& fields,
                             http2::Bytes body,
                             TimePoint now) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end()) return;
  static_cast<void>(http_.respond(stream, status, fields, std::move(body)));
  Exchange& exchange = found->second;
  exchange.state = Exchange::State::Answered;
  exchange.unsent = now;
  exchange.body = {};
}

void MachineSession::open(http2::StreamId stream) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end()) return;
  static_cast<void>(http_.respond_open(stream, 200, {}));
  found->second.state = Exchange::State::Open;
}

void MachineSession::write(http2::StreamId stream, http2::Bytes bytes, TimePoint now) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end() || !http_.write(stream, std::move(bytes))) return;
  found->second.unsent = std::min(found->second.unsent, now);
}

void MachineSession::end(http2::StreamId stream, TimePoint now) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end()) return;
  static_cast<void>(http_.end(stream));
  found->second.state = Exchange::State::Answered;
  found->second.unsent = std::min(found->second.unsent, now);
}

void MachineSession::shut_down(TimePoint now) {
  for (auto& [stream, exchange] : exchanges_) {
    if (exchange.state == Exchange::State::Open) {
      end(stream, now);
    } else if (exchange.state != Exchange::State::Answered) {
      refuse(stream, 503, "the server stops", now);
    }
  }
  http_.shut_down();
}

}  // namespace warren::control
