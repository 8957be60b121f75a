#include "sim/stream.h"

#include <algorithm>
#include <utility>

#include "sim/machine.h"

namespace warren::sim {

namespace {

constexpr Duration kMinTimeout = 200ms;  // Linux: TCP_RTO_MIN
constexpr Duration kMaxTimeout = 120s;   // Linux: TCP_RTO_MAX
constexpr unsigned kMaxBackoff = 10;     // beyond, kMaxTimeout is reached
constexpr unsigned kDuplicateAcks = 3;   // RFC 5681 section 3.2
constexpr Duration kFinWait = 60s;       // Linux: tcp_fin_timeout

}  // namespace

Stream::Stream(Machine& machine,
               const lab::Flow& flow,
               StreamEvents events,
               const StreamOptions& options)
    : machine_(&machine), flow_(flow), events_(std::move(events)), options_(options) {}

bool Stream::send(ByteView message) {
  if (state_ == State::Ended || is_silent_ || waiting_.size() >= kMaxWaiting) return false;
  queue(lab::TcpEvent::None,
        std::make_shared<const std::vector<std::uint8_t>>(message.begin(), message.end()));
  return true;
}

void Stream::close() {
  if (state_ == State::Ended || is_silent_) return;
  is_silent_ = true;
  if (state_ == State::Connecting) {
    abort();
  } else if (!has_sent_fin_) {
    has_sent_fin_ = true;
    queue(lab::TcpEvent::Close, nullptr);
  }
}

void Stream::abort() {
  if (state_ == State::Ended) return;
  is_silent_ = true;
  emit({.event = lab::TcpEvent::Reset, .acknowledged = expected_}, nullptr);
  retire();
}

void Stream::orphan() {
  machine_ = nullptr;
  is_silent_ = true;
  state_ = State::Ended;
}

void Stream::start() {
  queue(lab::TcpEvent::Open, nullptr);
}

void Stream::queue(lab::TcpEvent event, Payload payload) {
  waiting_.push_back(
      {.sequence = 0, .event = event, .payload = std::move(payload), .first = {}, .last = {}});
  fill_window();
  arm();
}

// Until the connection is open only the SYN goes out.
void Stream::fill_window() {
  const TimePoint now = machine_->internet().time().now();
  while (!waiting_.empty() && unacknowledged_.size() < kWindow) {
    if (state_ == State::Connecting && waiting_.front().event != lab::TcpEvent::Open) return;
    Sent sent = std::move(waiting_.front());
    waiting_.pop_front();
    sent.sequence = next_sequence_++;
    sent.first = now;
    sent.last = now;
    emit({.event = sent.event,
          .sequence = sent.sequence,
          .is_in_sequence = true,
          .acknowledged = expected_},
         sent.payload);
    unacknowledged_.push_back(std::move(sent));
  }
}

void Stream::emit(const Transit::Segment& segment, Payload payload) {
  // A failure to send is a loss like any other.
  machine_->send_segment({.flow = flow_, .payload = std::move(payload), .segment = segment});
}

void Stream::repeat(Sent& sent) {
  sent.last = machine_->internet().time().now();
  sent.is_repeated = true;
  emit({.event = sent.event,
        .sequence = sent.sequence,
        .is_in_sequence = true,
        .acknowledged = expected_},
       sent.payload);
}

void Stream::acknowledge() {
  emit({.acknowledged = expected_}, nullptr);
}

void Stream::on_segment(const Transit& packet) {
  const auto self = shared_from_this();
  const Transit::Segment& segment = packet.segment;
  if (segment.event == lab::TcpEvent::Reset) {
    end(state_ == State::Connecting ? StreamEnd::Refused : StreamEnd::Reset);
    return;
  }
  if (segment.acknowledged > next_sequence_) {  // of a connection that had these ports before
    emit({.event = lab::TcpEvent::Reset}, nullptr);
    return;
  }
  on_acknowledged(segment.acknowledged, !segment.is_in_sequence);
  if (segment.is_in_sequence && state_ != State::Ended) accept_in_sequence(packet);
  if (state_ == State::Connecting && unacknowledged_.empty() && expected_ > 0) opened();
  if (state_ == State::Ended) return;
  fill_window();
  arm();
  const bool is_done = has_sent_fin_ && unacknowledged_.empty() && waiting_.empty();
  if (is_done && has_got_fin_) retire();
}

void Stream::on_acknowledged(std::uint64_t acknowledged, bool is_pure) {
  const TimePoint now = machine_->internet().time().now();
  if (unacknowledged_.empty()) return;
  if (acknowledged <= unacknowledged_.front().sequence) {
    const bool is_duplicate = is_pure && acknowledged == unacknowledged_.front().sequence;
    if (is_duplicate && ++duplicate_acks_ == kDuplicateAcks && recovery_ == Recovery::None) {
      recovery_ = Recovery::Fast;
      recover_until_ = next_sequence_;
      repeat(unacknowledged_.front());
    }
    return;
  }
  while (!unacknowledged_.empty() && unacknowledged_.front().sequence < acknowledged) {
    const Sent& sent = unacknowledged_.front();
    if (!sent.is_repeated) measure(now - sent.first);  // RFC 6298 section 3: Karn's algorithm
    unacknowledged_.pop_front();
  }
  duplicate_acks_ = 0;
  backoff_ = 0;
  if (acknowledged >= recover_until_) recovery_ = Recovery::None;
  if (recovery_ == Recovery::Fast && !unacknowledged_.empty()) {
    repeat(unacknowledged_.front());  // RFC 6582: a partial acknowledgment shows the next gap
  }
  if (recovery_ != Recovery::Timeout) return;
  // Whatever was sent before the timeout is taken for lost.
  for (Sent& sent : unacknowledged_) {
    if (sent.last < recovery_began_) repeat(sent);
  }
}

void Stream::accept_in_sequence(const Transit& packet) {
  const Transit::Segment& segment = packet.segment;
  if (segment.sequence >= expected_ && segment.sequence < expected_ + kWindow) {
    early_.try_emplace(segment.sequence, Early{.event = segment.event, .payload = packet.payload});
  }
  while (state_ != State::Ended && !early_.empty() && early_.begin()->first == expected_) {
    const Early next = std::move(early_.extract(early_.begin()).mapped());
    ++expected_;
    on_in_sequence(next);
  }
  if (state_ == State::Ended) return;
  // The answer to a SYN is a SYN of our own, which acknowledges it.
  if (segment.event == lab::TcpEvent::Open && next_sequence_ == 0) {
    is_accepted_ = true;
    start();
  } else {
    acknowledge();
  }
}

void Stream::on_in_sequence(const Early& segment) {
  switch (segment.event) {
    case lab::TcpEvent::None:
      if (state_ == State::Connecting) opened();  // the acknowledgment of our SYN came with it
      if (!is_silent_ && events_.on_message) events_.on_message(*segment.payload);
      return;
    case lab::TcpEvent::Close:
      has_got_fin_ = true;
      if (!is_silent_ && events_.on_closed) {
        is_silent_ = true;
        events_.on_closed(StreamEnd::Finished);
      }
      is_silent_ = true;
      if (state_ != State::Ended && !has_sent_fin_) {
        has_sent_fin_ = true;
        queue(lab::TcpEvent::Close, nullptr);
      }
      return;
    case lab::TcpEvent::Open:
    case lab::TcpEvent::Reset:
      return;
  }
}

void Stream::opened() {
  state_ = State::Open;
  if (is_accepted_) {
    const auto* const listener = machine_->acceptor(flow_.source.port);
    if (listener == nullptr) {
      abort();
      return;
    }
    const Machine::Acceptor accept = *listener;  // which may stop listening
    events_ = accept(shared_from_this());
  }
  if (!is_silent_ && events_.on_open) events_.on_open();
}

void Stream::measure(Duration round_trip) {
  if (!smoothed_) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
  } else {
    const Duration error =
        *smoothed_ > round_trip ? *smoothed_ - round_trip : round_trip - *smoothed_;
    variation_ = (3 * variation_ + error) / 4;
    smoothed_ = (7 * *smoothed_ + round_trip) / 8;
  }
  timeout_ = std::clamp(*smoothed_ + 4 * variation_, kMinTimeout, kMaxTimeout);
}

void Stream::arm() {
  deadline_ = kNever;
  if (state_ == State::Ended) return;
  if (!unacknowledged_.empty()) {
    const Duration wait = std::min<Duration>(timeout_ * (1U << backoff_), kMaxTimeout);
    const Sent& oldest = unacknowledged_.front();
    deadline_ = std::min(oldest.last + wait, oldest.first + limit());
  } else if (has_sent_fin_) {
    deadline_ = machine_->internet().time().now() + kFinWait;
  }
  if (deadline_ >= wake_) return;
  wake_ = deadline_;
  machine_->internet().time().at(wake_, [weak = weak_from_this(), at = wake_] {
    const auto self = weak.lock();
    if (!self || self->state_ == State::Ended || self->wake_ != at) return;
    self->wake_ = kNever;
    self->on_timer();
  });
}

// How long something may stay unacknowledged.
Duration Stream::limit() const {
  return state_ == State::Connecting ? options_.connect_timeout : options_.silence_timeout;
}

void Stream::on_timer() {
  const TimePoint now = machine_->internet().time().now();
  if (now < deadline_) {
    arm();
    return;
  }
  if (unacknowledged_.empty()) {
    retire();  // the other side never closed
    return;
  }
  Sent& oldest = unacknowledged_.front();
  if (now - oldest.first >= limit()) {
    end(StreamEnd::TimedOut);
    return;
  }
  backoff_ = std::min(backoff_ + 1, kMaxBackoff);
  duplicate_acks_ = 0;
  recovery_ = Recovery::Timeout;
  recovery_began_ = now;
  recover_until_ = next_sequence_;
  repeat(oldest);
  arm();
}

void Stream::end(StreamEnd reason) {
  const auto self = shared_from_this();
  const bool tells = !is_silent_;
  is_silent_ = true;
  retire();
  if (tells && events_.on_closed) events_.on_closed(reason);
}

void Stream::retire() {
  state_ = State::Ended;
  unacknowledged_.clear();
  waiting_.clear();
  early_.clear();
  const auto self = shared_from_this();
  machine_->forget(*this);
}

}  // namespace warren::sim
