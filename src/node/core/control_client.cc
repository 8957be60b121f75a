#include "node/core/control_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/control/codec.h"

namespace warren::node {

using control::MapRequest;
using control::MapResponse;
using control::RegisterRequest;
using control::RegisterResponse;

namespace {

constexpr Duration kWatchdog = 120s;     // as stock clients (spec: control section 5.3)
constexpr Duration kQuiet = 30s;         // as the server's keepalives (spec: server section 1.6)
constexpr Duration kPongWait = 3s;       // of a connection that may be dead
constexpr Duration kUpdateDelay = 20ms;  // changes of one moment go together
constexpr Duration kAskAgain = 2s;       // whether somebody approved this machine
constexpr std::string_view kForgotten =
    "the server does not know this machine any more: somebody removed it there";
// Against a machine that wants the same place: its turn lasts half a minute at least.
constexpr Duration kFirstTurn = 1s;
constexpr Duration kTurn = 60s;
constexpr unsigned kMostTurnDoublings = 6;
constexpr WallTime kLogout{.seconds = 123};  // in 1970, as stock clients (spec: section 4.3)

// Servers answer so when they do not know us (any more): registering anew helps.
bool is_unknown_node(unsigned status) {
  return status == 404 || status == 400;
}

}  // namespace

ControlClient::ControlClient(Random& random) : random_(random), retry_(random) {}

// --- wishes

void ControlClient::introduce(Introduction introduction, TimePoint now) {
  if (introduction == introduction_) return;
  introduction_ = std::move(introduction);
  is_update_wanted_ = true;
  if (stream_ != 0 && update_ == 0) update_at_ = std::min(update_at_, now + kUpdateDelay);
}

void ControlClient::start(NodePrivateKey key,
                          std::string auth_key,
                          bool force,
                          ClientActions& out) {
  stop(out);
  key_ = std::move(key);
  auth_key_ = std::move(auth_key);
  old_key_ = {};
  is_key_fresh_ = false;
  if (key_.is_zero() || force) make_key(out);
  retry_.reset();
  contests_ = 0;
  ClientStatus status;
  status.login = LoginState::Joining;
  set_status(status, out);
  connect(out);
}

void ControlClient::stop(ClientActions& out) {
  if (status_.login == LoginState::Stopped) return;
  if (link_ != Link::None) out.emplace_back(Disconnect{});
  link_ = Link::None;
  register_ = update_ = stream_ = 0;
  retry_at_ = register_at_ = update_at_ = pong_by_ = kNever;
  is_logging_out_ = false;
  set_status({}, out);
}

void ControlClient::log_out(ClientActions& out) {
  if (link_ != Link::Up) return stop(out);
  is_logging_out_ = true;
  // The stream goes first, so that the node is offline before it is out (spec: section 4.3 item 5).
  if (stream_ != 0) out.emplace_back(Cancel{std::exchange(stream_, 0)});
  update_at_ = kNever;
  send_register(out);
}

void ControlClient::on_network_change(TimePoint now, ClientActions& out) {
  if (link_ == Link::Up && pong_by_ == kNever) {
    pong_by_ = now + kPongWait;
    out.emplace_back(Ping{});
  }
  if (retry_at_ == kNever) return;
  retry_.reset();
  retry_at_ = now;
  on_timeout(now, out);
}

// --- the connection

void ControlClient::connect(ClientActions& out) {
  link_ = Link::Connecting;
  retry_at_ = kNever;
  out.emplace_back(Connect{});
}

void ControlClient::on_connected(TimePoint now, ClientActions& out) {
  if (link_ != Link::Connecting) return;
  link_ = Link::Up;
  heard_ = now;
  ++counters_.connections;
  send_register(out);
}

void ControlClient::on_connection_lost(std::string why, TimePoint now, ClientActions& out) {
  if (link_ == Link::None) return;
  ++counters_.lost;
  link_ = Link::None;
  register_ = update_ = stream_ = 0;
  register_at_ = update_at_ = pong_by_ = kNever;
  if (is_logging_out_) return stop(out);
  retry_at_ = now + retry_.next(now);
  ClientStatus status = status_;
  status.is_connected = false;
  status.error = std::move(why);
  set_status(status, out);
}

void ControlClient::drop_connection(std::string why, TimePoint now, ClientActions& out) {
  out.emplace_back(Disconnect{});
  on_connection_lost(std::move(why), now, out);
}

void ControlClient::on_pong(TimePoint now) {
  heard_ = now;
  pong_by_ = kNever;
}

// --- joining

void ControlClient::make_key(ClientActions& out) {
  if (!key_.is_zero()) old_key_ = key_.public_key();
  key_ = NodePrivateKey::generate(random_);
  out.emplace_back(KeyChanged{});
}

RequestNumber ControlClient::post(std::string_view path,
                                  std::string body,
                                  bool is_stream,
                                  ClientActions& out) {
  out.emplace_back(Post{.number = ++last_number_,
                        .path = std::string(path),
                        .body = std::move(body),
                        .is_stream = is_stream});
  return last_number_;
}

// Also when we are joined: the server says whether it still knows us (spec: control section 10.9).
void ControlClient::send_register(ClientActions& out) {
  RegisterRequest request;
  request.version = kCapVersion;
  request.node_key = key_.public_key();
  request.old_node_key = old_key_;
  request.hostinfo = introduction_.hostinfo;
  if (is_logging_out_) {
    request.expiry = kLogout;
  } else if (!status_.link.empty()) {
    request.followup = status_.link;
  } else if (!auth_key_.empty()) {
    request.auth.emplace().auth_key = auth_key_;
  }
  register_ = post("/machine/register", control::encode(request), false, out);
}

void ControlClient::on_answer(RequestNumber number,
                              unsigned status,
                              std::string_view body,
                              TimePoint now,
                              ClientActions& out) {
  heard_ = now;
  if (number == update_) {
    update_ = 0;
    if (status != 200) is_update_wanted_ = true;
    if (is_update_wanted_) update_at_ = now + kUpdateDelay;
    return;
  }
  if (number != register_) return;
  register_ = 0;
  if (is_logging_out_) return stop(out);
  if (status != 200) {
    return drop_connection(fmt::format("the server answered {}: {}", status, body.substr(0, 200)),
                           now, out);
  }
  on_registered(body, now, out);
}

void ControlClient::on_registered(std::string_view body, TimePoint now, ClientActions& out) {
  const auto response = control::decode<RegisterResponse>(body);
  if (!response) {
    ++counters_.malformed;
    return drop_connection("the server's answer makes no sense: " + response.error().detail, now,
                           out);
  }
  ClientStatus status = status_;
  status.error.clear();
  if (!response->error.empty()) return fail(response->error, true, now, out);
  if (response->node_key_expired) {
    // Once: a server that says it of a fresh key would go on for ever (spec: section 4.2).
    if (std::exchange(is_key_fresh_, true)) {
      return fail("the server calls every key of this machine expired", true, now, out);
    }
    status.login = LoginState::Joining;
    status.link.clear();
    set_status(status, out);
    make_key(out);
    return send_register(out);
  }
  if (!response->auth_url.empty()) {
    // The same again: nobody has decided yet, and the server will not hold the request for ever.
    if (status.link == response->auth_url) {
      register_at_ = now + kAskAgain;
      return;
    }
    if (status.login == LoginState::Joined) status.error = kForgotten;
    status.login = LoginState::NeedsLogin;
    status.link = response->auth_url;
    set_status(status, out);
    return send_register(out);  // and waits for the decision
  }
  retry_.reset();
  status.login = LoginState::Joined;
  status.link.clear();
  status.user = response->user;
  status.account = response->login;
  set_status(status, out);
  old_key_ = {};
  is_key_fresh_ = false;
  // It let us in once: whom an administrator removes does not come back by it.
  auth_key_.clear();
  open_stream(out);
}

void ControlClient::fail(std::string why, bool for_good, TimePoint now, ClientActions& out) {
  drop_connection(why, now, out);
  ClientStatus status = status_;
  status.error = std::move(why);
  if (for_good) {
    status.login = LoginState::NeedsLogin;
    status.link.clear();
    retry_at_ = kNever;
  }
  set_status(status, out);
}

// --- the map

MapRequest ControlClient::map_request() const {
  MapRequest request;
  request.version = kCapVersion;
  request.compress = "zstd";
  request.keep_alive = true;
  request.node_key = key_.public_key();
  request.disco_key = introduction_.disco_key;
  request.hostinfo = introduction_.hostinfo;
  request.endpoints = introduction_.endpoints;
  request.endpoint_types = introduction_.endpoint_types;
  return request;
}

void ControlClient::open_stream(ClientActions& out) {
  MapRequest request = map_request();
  request.stream = true;
  reader_.emplace(control::Compression::Zstd);
  has_first_ = false;
  stream_ = post("/machine/map", control::encode(request), true, out);
  send_update(out);
}

// A streaming request's content need not count (spec: control section 5.2), so it is told again.
void ControlClient::send_update(ClientActions& out) {
  MapRequest request = map_request();
  request.omit_peers = true;
  is_update_wanted_ = false;
  update_at_ = kNever;
  update_ = post("/machine/map", control::encode(request), false, out);
}

void ControlClient::on_stream_data(RequestNumber number,
                                   ByteView bytes,
                                   TimePoint now,
                                   ClientActions& out) {
  if (number != stream_ || !reader_) return;
  heard_ = now;
  while (stream_ == number) {
    const auto read = reader_->read(bytes);
    const std::optional<std::string> text = read ? *read : std::string();
    if (!text) return;
    auto message = control::decode<MapResponse>(*text);  // of no text: an error as well
    if (!message) {
      ++counters_.malformed;
      return drop_connection("the server's map makes no sense", now, out);
    }
    on_message(std::move(*message), now, out);
  }
}

void ControlClient::on_message(MapResponse message, TimePoint now, ClientActions& out) {
  if (message.keep_alive) return;
  ++counters_.maps;
  const bool is_first = !has_first_;
  if (is_first && !message.node) {
    ++counters_.malformed;
    return drop_connection("the server's first map lacks this node", now, out);
  }
  if (is_first) first_at_ = now;
  has_first_ = true;
  const bool tells_of_us = message.node.has_value();
  const bool has_expired = tells_of_us && message.node->expired;
  out.emplace_back(MapNews{.map = std::move(message), .is_first = is_first});
  ClientStatus status = status_;
  status.is_connected = true;
  if (has_expired) {
    status.login = LoginState::NeedsLogin;
    status.error = "this machine's key has expired: log in again with `warren up`";
  } else if (tells_of_us || status.login != LoginState::NeedsLogin) {
    status.login = LoginState::Joined;  // also when an administrator prolonged it
    status.error.clear();
  }
  set_status(status, out);
}

void ControlClient::on_stream_end(RequestNumber number,
                                  unsigned status,
                                  std::string_view body,
                                  TimePoint now,
                                  ClientActions& out) {
  if (number != stream_) return;
  stream_ = 0;
  const bool is_taken = status == 200 && has_first_;
  std::string why = "the server ended the map";
  if (is_taken && contests_ > 1) {
    why += ": another machine seems to run with a copy of this one's state file";
  }
  if (status != 200) why = fmt::format("the server refused the map: {}", body.substr(0, 200));
  // It does not know us: the next registration tells why, or is a new one.
  if (is_unknown_node(status)) retry_.reset();
  drop_connection(std::move(why), now, out);
  if (is_taken) yield(now);
}

void ControlClient::yield(TimePoint now) {
  if (first_at_ + 2 * kTurn <= now) contests_ = 0;
  const Duration turn =
      std::min(kTurn, kFirstTurn * (1U << std::min(contests_, kMostTurnDoublings)));
  ++contests_;
  const auto jitter = random_.below(static_cast<std::uint64_t>((turn / 2).count()));
  retry_at_ = now + turn / 2 + Duration(static_cast<std::int64_t>(jitter));
}

// --- time

void ControlClient::on_timeout(TimePoint now, ClientActions& out) {
  if (retry_at_ <= now) connect(out);
  if (pong_by_ <= now || (stream_ != 0 && heard_ + kWatchdog <= now)) {
    return drop_connection("the server does not answer any more", now, out);
  }
  if (register_at_ <= now) {
    register_at_ = kNever;
    send_register(out);
  }
  if (update_at_ <= now && update_ == 0 && stream_ != 0) send_update(out);
  if (quiet_until() <= now) {
    pong_by_ = now + kPongWait;
    out.emplace_back(Ping{});
  }
}

// Without a stream nothing comes by itself: a person may take an hour to approve this machine.
TimePoint ControlClient::quiet_until() const {
  return link_ == Link::Up && stream_ == 0 && pong_by_ == kNever ? heard_ + kQuiet : kNever;
}

TimePoint ControlClient::next_timeout() const {
  const TimePoint watchdog = stream_ != 0 ? heard_ + kWatchdog : kNever;
  return std::min({retry_at_, register_at_, pong_by_, watchdog, quiet_until(),
                   update_ == 0 && stream_ != 0 ? update_at_ : kNever});
}

void ControlClient::set_status(const ClientStatus& status, ClientActions& out) {
  if (status == status_) return;
  status_ = status;
  out.emplace_back(StatusChanged{});
}

}  // namespace warren::node
