#include "relay/client/connection.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/relay/login.h"
#include "relay/client/http_request.h"
#include "relay/client/http_response.h"

namespace warren::relay::client {

namespace {

// A server that pings more often than it is read has no use for the answers.
constexpr unsigned kMaxPongsPerRead = 8;

}  // namespace

Connection::Connection(RegionId region, Shared& shared, std::vector<Node> nodes)
    : region_(region), shared_(shared), nodes_(std::move(nodes)), back_off_(shared.random) {
  WARREN_CHECK(!nodes_.empty());
}

// --- wishes

void Connection::set_home(bool is_home, TimePoint now, Actions& out) {
  if (is_home_ == is_home) return;
  is_home_ = is_home;
  if (login_sent_) write(encode_note_preferred(is_home), out);
  if (!is_home) {
    last_wanted_ = now;  // it stays as long as one that was written to
  } else if (state_ == State::Closed) {
    begin_attempt(now, out);
  }
}

void Connection::want(TimePoint now, Actions& out) {
  last_wanted_ = now;
  if (state_ == State::Closed) begin_attempt(now, out);
}

void Connection::check(TimePoint now, Actions& out) {
  if (state_ != State::Up) return;
  liveness_.check(now);
  on_timeout(now, out);
}

void Connection::retry_now(TimePoint now, Actions& out) {
  if (state_ != State::BackOff) return;
  back_off_.reset();
  begin_attempt(now, out);
}

void Connection::close(Actions& out) {
  if (state_ == State::Closed) return;
  if (state_ == State::Up) out.emplace_back(Down{region_});
  out.emplace_back(Close{.region = region_, .drop_queue = true});
  state_ = State::Closed;
  deadline_ = kNever;
  stream_.reset();
  login_sent_ = false;
}

// --- connecting

void Connection::begin_attempt(TimePoint now, Actions& out) {
  state_ = State::Connecting;
  deadline_ = now + kConnectLimit;
  nodes_tried_ = 0;
  is_answered_ = false;
  connect_node(out);
}

void Connection::connect_node(Actions& out) {
  ++shared_.counters.connects;
  attempt_ = AttemptId{++shared_.last_attempt.value};
  ++nodes_tried_;
  out.emplace_back(Connect{.region = region_, .attempt = attempt_, .node = nodes_[node_]});
}

void Connection::on_answered(AttemptId attempt) {
  if (awaits(attempt)) is_answered_ = true;
}

void Connection::on_connected(AttemptId attempt,
                              const Connected& facts,
                              TimePoint now,
                              Actions& out) {
  if (!awaits(attempt)) return;
  state_ = State::LoggingIn;
  is_answered_ = true;
  stream_.emplace();
  liveness_.start(facts.round_trip, now);
  rate_.start(0, 0, now);
  server_key_ = facts.server_key;
  awaits_http_ = !server_key_;
  const std::string request = upgrade_request(server_key_.has_value());
  if (server_key_) {
    send_login(request, *server_key_, now, out);
  } else {
    write(as_bytes(request), out);
  }
}

void Connection::on_closed(AttemptId attempt, TimePoint now, Actions& out) {
  if (attempt != attempt_ || (state_ != State::Connecting && !is_open())) return;
  if (state_ == State::Connecting && nodes_tried_ < nodes_.size()) {
    node_ = (node_ + 1) % nodes_.size();
    connect_node(out);
    return;
  }
  end(By::Them, now, out);
}

void Connection::end(By who, TimePoint now, Actions& out) {
  const bool was_up = state_ == State::Up;
  if (was_up) {
    out.emplace_back(Down{region_});
    if (now - up_since_ >= kProvenAfter) back_off_.on_lost(now);
    node_ = 0;
  } else {
    if (state_ == State::LoggingIn) ++shared_.counters.refused_logins;
    node_ = (node_ + 1) % nodes_.size();  // one that hangs does not keep us from the next
  }
  stream_.reset();
  login_sent_ = false;
  const bool again = is_wanted(now);
  state_ = again ? State::BackOff : State::Closed;
  const auto how = is_answered_ ? BackOff::Ended::Answered : BackOff::Ended::Unanswered;
  deadline_ = again ? now + back_off_.next(how, now) : kNever;
  // What waits survives a lost connection, but not an attempt that failed: it would be stale.
  const bool drop_queue = !was_up || !again;
  if (who == By::Us || drop_queue) {
    out.emplace_back(Close{.region = region_, .drop_queue = drop_queue});
  }
}

// --- logging in

std::string Connection::upgrade_request(bool fast_start) const {
  std::string fields = "Upgrade: DERP\r\nConnection: Upgrade\r\n";
  if (node_ != 0 && is_printable(nodes_[0].name)) {
    fields += fmt::format("Ideal-Node: {}\r\n", nodes_[0].name);
  }
  if (fast_start) fields += "Derp-Fast-Start: 1\r\n";
  return http_request("/derp", nodes_[node_], fields);
}

void Connection::send_login(std::string_view before,
                            const RelayPublicKey& server_key,
                            TimePoint now,
                            Actions& out) {
  const ClientInfo info{
      .mesh_key = {}, .version = kProtocolVersion, .can_ack_pings = true, .is_prober = false};
  const auto login = seal_client_info(info, shared_.key, server_key, shared_.random);
  if (login.empty()) {  // no key of any relay
    ++shared_.counters.malformed;
    return end(By::Us, now, out);
  }
  std::vector<std::uint8_t> bytes(before.begin(), before.end());
  bytes.insert(bytes.end(), login.begin(), login.end());
  if (is_home_) {
    const auto note = encode_note_preferred(true);
    bytes.insert(bytes.end(), note.begin(), note.end());
  }
  out.emplace_back(Write{.region = region_, .bytes = std::move(bytes)});
  login_sent_ = true;
}

bool Connection::take_http_head(TimePoint now, Actions& out) {
  const auto decoded = decode_http_head(stream().peek());
  if (decoded && !*decoded) return false;
  const HttpHead head = decoded ? **decoded : HttpHead();
  if (head.status != 101) {
    end(By::Us, now, out);
    return false;
  }
  stream().consume(head.size);
  awaits_http_ = false;
  return true;
}

void Connection::on_server_info(ByteView payload, TimePoint now, Actions& out) {
  if (state_ != State::LoggingIn || !login_sent_ || !server_key_) return;
  const auto info = open_server_info(payload, shared_.key, *server_key_);
  if (!info) {
    ++shared_.counters.malformed;
    end(By::Us, now, out);
    return;
  }
  rate_.start(info->rate_bytes_per_second, info->rate_burst_bytes, now);
  state_ = State::Up;
  deadline_ = kNever;
  up_since_ = now;
  ++shared_.counters.ups;
  out.emplace_back(Up{region_});
}

// --- the stream

void Connection::on_read(std::size_t size, TimePoint now) {
  stream().commit(size);
  liveness_.on_heard(now);
  pongs_left_ = kMaxPongsPerRead;
}

std::optional<PacketFrame> Connection::next_packet(TimePoint now, Actions& out) {
  while (is_open()) {
    if (awaits_http_ && !take_http_head(now, out)) return std::nullopt;
    const auto frame = stream().next();
    if (!frame) {
      if (stream().failed()) {
        ++shared_.counters.malformed;
        end(By::Us, now, out);
      }
      return std::nullopt;
    }
    if (frame->type != std::to_underlying(FrameType::RecvPacket)) {
      on_frame(*frame, now, out);
    } else if (const auto packet = decode_packet(frame->payload)) {
      return *packet;
    } else {
      ++shared_.counters.malformed;
    }
  }
  return std::nullopt;
}

void Connection::on_frame(const Frame& frame, TimePoint now, Actions& out) {
  const auto malformed = [this] { ++shared_.counters.malformed; };
  switch (FrameType{frame.type}) {
    case FrameType::ServerKey:
      if (login_sent_) return;  // fast start: we know it
      if (const auto key = decode_server_key(frame.payload)) {
        server_key_ = *key;
        return send_login({}, *key, now, out);
      }
      return end(By::Us, now, out);
    case FrameType::ServerInfo:
      return on_server_info(frame.payload, now, out);
    case FrameType::PeerGone:
      if (const auto gone = decode_peer_gone(frame.payload)) {
        out.emplace_back(Gone{Route{.region = region_, .peer = gone->peer}});
        return;
      }
      return malformed();
    case FrameType::Ping:
      if (const auto ping = decode_ping(frame.payload)) {
        if (!login_sent_ || pongs_left_ == 0) return;
        --pongs_left_;
        return write(encode_ping(FrameType::Pong, *ping), out);
      }
      return malformed();
    case FrameType::Pong:
      if (const auto pong = decode_ping(frame.payload)) {
        if (liveness_.on_pong(*pong, now)) ++shared_.counters.pongs;
        return;
      }
      return malformed();
    case FrameType::Health:
      if (!frame.payload.empty()) ++shared_.counters.health_problems;
      return;
    case FrameType::Restarting:
      if (const auto told = decode_restarting(frame.payload)) {
        ++shared_.counters.restarts_told;
        return back_off_.on_restarting(std::chrono::milliseconds(told->reconnect_in_ms));
      }
      return malformed();
    case FrameType::KeepAlive:
    case FrameType::PeerPresent:
      return;
    default:
      ++shared_.counters.unknown_frames;
  }
}

void Connection::write(ByteView frame, Actions& out) {
  out.emplace_back(Write{.region = region_, .bytes = {frame.begin(), frame.end()}});
}

bool Connection::admit(std::size_t packet_size, TimePoint now) {
  return rate_.take(kPacketFrameOverhead + packet_size, now);
}

// --- time

void Connection::on_timeout(TimePoint now, Actions& out) {
  if (now < next_timeout()) return;
  switch (state_) {
    case State::Closed:
      return;
    case State::BackOff:
      if (is_wanted(now)) return begin_attempt(now, out);
      return close(out);
    case State::Connecting:
    case State::LoggingIn:
      return end(By::Us, now, out);
    case State::Up:
      if (!is_wanted(now)) return close(out);
      return on_quiet(now, out);
  }
}

void Connection::on_quiet(TimePoint now, Actions& out) {
  if (liveness_.verdict(now) == Liveness::Verdict::Dead) {
    ++shared_.counters.declared_dead;
    return end(By::Us, now, out);
  }
  PingData data;
  shared_.random.fill(data);
  ++shared_.counters.pings;
  write(encode_ping(FrameType::Ping, data), out);
  liveness_.on_ping_sent(data, now);
}

TimePoint Connection::next_timeout() const {
  if (state_ != State::Up) return deadline_;
  const TimePoint idle = is_home_ ? kNever : last_wanted_ + kIdleClose;
  return std::min(idle, liveness_.next_timeout());
}

}  // namespace warren::relay::client
