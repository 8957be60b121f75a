#include <algorithm>

#include "control/core/engine_state.h"
#include "control/core/render.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

// Messages in one turn, so that a wave of first maps leaves room for everything else.
constexpr std::size_t kMessagesPerTurn = 64;

// Stock clients give up after 120 s. Phones are woken once a minute at most (demand P5); from the
// others a pulled cable shows soon (demand R9). Spec: server section 1.6.
constexpr Duration kPhoneKeepalive = 50s;
constexpr Duration kPhoneJitter = 9s;
constexpr Duration kKeepalive = 25s;
constexpr Duration kJitter = 5s;

bool has(std::uint8_t bits, HeadMark mark) {
  return (bits & static_cast<std::uint8_t>(mark)) != 0;
}

bool is_whole(std::uint8_t bits) {
  constexpr auto kWhole =
      static_cast<std::uint8_t>(Mark::Full) | static_cast<std::uint8_t>(Mark::Cosmetic);
  return (bits & kWhole) != 0;
}

bool is_phone(const std::string& os) {
  return os == "iOS" || os == "android";
}

// A node that has not said its disco key cannot be spoken to (spec: control section 11 item 19).
bool is_visible(const RosterEntry& entry) {
  return !entry.soft.disco_key.is_zero();
}

}  // namespace

void Engine::State::tell_others(RosterEntry& entry, Mark mark, TimePoint now) {
  entry.text.clear();
  if (!is_visible(entry)) return;
  for (auto& [id, stream] : streams) {
    if (stream.node == entry.node || !stream.is_first_sent) continue;  // the first holds all
    stream.marks.mark(entry.slot, mark, now);
    queue(stream);
  }
}

void Engine::State::tell_self(netmap::NodeId node, TimePoint now) {
  const auto id = stream_of.find(node);
  if (id == stream_of.end()) return;
  Stream& stream = streams.at(id->second);
  stream.marks.mark(HeadMark::Self, now);
  queue(stream);
}

void Engine::State::tell_everyone(HeadMark mark, TimePoint now) {
  for (auto& [id, stream] : streams) {
    stream.marks.mark(mark, now);
    queue(stream);
  }
}

void Engine::State::mark_soft_dirty(RosterEntry& entry, const Moment& moment) {
  if (std::exchange(entry.is_soft_dirty, true)) return;
  if (soft_dirty.empty()) soft_flush_at = moment.now + options.soft_flush;
  soft_dirty.push_back(entry.node);
}

void Engine::State::queue(Stream& stream) {
  const TimePoint next =
      stream.is_draining ? kNever : std::min(stream.marks.due(), stream.keepalive_at);
  if (next == stream.queued_at) return;
  if (stream.queued_at != kNever) stream_queue.erase({stream.queued_at, stream.id});
  stream.queued_at = next;
  if (next != kNever) stream_queue.emplace(next, stream.id);
}

void Engine::State::deliver(const Moment& moment) {
  for (std::size_t sent = 0; sent < kMessagesPerTurn; ++sent) {
    if (stream_queue.empty() || stream_queue.begin()->first > moment.now) return;
    Stream& stream = streams.at(stream_queue.begin()->second);
    if (!stream.is_first_sent) {
      send_first(stream, moment);
    } else if (!stream.marks.is_empty()) {
      send_news(stream, moment);
    } else {
      ++counters.keepalives;
      send(stream, kKeepAliveJson, moment);
    }
  }
}

const std::string& Engine::State::text_of(RosterEntry& entry) const {
  if (entry.text.empty()) {
    const netmap::Node* const node = model.tables().find_node(entry.node);
    WARREN_CHECK(node != nullptr);
    entry.text = encode(render_peer(*node, entry, options.domain, judged_at));
  }
  return entry.text;
}

void Engine::State::add_profile(Stream& stream, netmap::UserId user, MapResponse& out) const {
  if (!stream.told_users.insert(user).second) return;
  const netmap::User* const found = model.tables().find_user(user);
  if (found == nullptr) return;
  UserProfile profile;
  profile.id = found->id;
  profile.login_name = found->login;
  profile.display_name = found->display_name;
  out.user_profiles.push_back(std::move(profile));
}

DnsConfig Engine::State::dns_config() const {
  return render_dns(options.dns, options.domain, {});
}

void Engine::State::send_first(Stream& stream, const Moment& moment) {
  static_cast<void>(stream.marks.take());  // the message holds everything
  const netmap::Node& node = *model.tables().find_node(stream.node);
  MapResponse message;
  message.control_time = moment.wall;
  message.node = render_self(node, *roster.find(stream.node), options.domain, judged_at);
  message.derp_map = relay_map;
  message.dns_config = dns_config();
  message.domain = options.domain;
  message.packet_filter = allow_everything();
  message.collect_services = false;
  message.debug.emplace().disable_log_tail = true;
  add_profile(stream, node.user, message);

  std::vector<std::string_view> peers;
  for (auto& [id, entry] : roster.entries()) {
    if (id == stream.node || !is_visible(entry)) continue;
    peers.push_back(text_of(entry));
    add_profile(stream, model.tables().find_node(id)->user, message);
    stream.marks.set_told(entry.slot);
  }
  std::string text = encode(message);
  splice(text, "Peers", peers);
  stream.is_first_sent = true;
  ++counters.maps;
  send(stream, text, moment);
  if (stream.is_one_shot) {
    const RequestId id = stream.id;
    park_now(EndStream{id});
    close_stream(id, moment);
  }
}

void Engine::State::send_news(Stream& stream, const Moment& moment) {
  const Marks::News news = stream.marks.take();
  MapResponse message;
  std::vector<std::string_view> changed;
  for (const auto& [slot, bits] : news.nodes) {
    RosterEntry* const entry = roster.at(slot);
    if (entry == nullptr || entry->node == stream.node || !is_visible(*entry)) continue;
    const netmap::Node& node = *model.tables().find_node(entry->node);
    if (is_whole(bits) || !stream.marks.was_told(slot)) {
      changed.push_back(text_of(*entry));
      add_profile(stream, node.user, message);
      stream.marks.set_told(slot);
    } else {
      std::ranges::move(render_patch(node, *entry, bits),
                        std::back_inserter(message.peers_changed_patch));
    }
  }
  message.peers_removed = news.gone;
  if (has(news.head, HeadMark::Self)) {
    message.node = render_self(*model.tables().find_node(stream.node), *roster.find(stream.node),
                               options.domain, judged_at);
  }
  // What was said of the clock before may be wrong by now, and expiry is judged by it.
  const bool tells_expiry =
      message.node || !changed.empty() ||
      std::ranges::any_of(message.peers_changed_patch,
                          [](const PeerChange& patch) { return patch.key_expiry.has_value(); });
  if (tells_expiry) message.control_time = moment.wall;
  if (has(news.head, HeadMark::RelayMap)) message.derp_map = relay_map;
  if (has(news.head, HeadMark::Dns)) message.dns_config = dns_config();
  if (has(news.head, HeadMark::Profiles)) {
    for (const auto& [id, entry] : roster.entries()) {
      if (stream.marks.was_told(entry.slot))
        add_profile(stream, model.tables().find_node(id)->user, message);
    }
  }
  std::string text = encode(message);
  splice(text, "PeersChanged", changed);
  if (text == "{}") {
    queue(stream);
    return;
  }
  ++counters.deltas;
  send(stream, text, moment);
}

void Engine::State::send(Stream& stream, std::string_view json, const Moment& moment) {
  const RosterEntry* const entry = roster.find(stream.node);
  const bool rests = entry != nullptr && is_phone(entry->soft.hostinfo.os);
  const Duration jitter(static_cast<std::int64_t>(
      random.below(static_cast<std::uint64_t>((rests ? kPhoneJitter : kJitter).count()))));
  stream.keepalive_at = moment.now + (rests ? kPhoneKeepalive : kKeepalive) + jitter;
  stream.is_draining = true;
  queue(stream);
  StreamData data{.to = stream.id, .bytes = {}};
  writer.append_message(json, stream.compression, data.bytes);
  park_now(std::move(data));
}

}  // namespace warren::control
