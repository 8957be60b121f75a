#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control/core/device_records.h"
#include "control/core/engine_state.h"
#include "control/core/render.h"
#include "netmap/tags.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

// Messages in one turn, so that a wave of first maps leaves room for everything else.
constexpr std::size_t kMessagesPerTurn = 64;

// A text that the next receivers may get too.
constexpr std::size_t kMaxRepeated = 64 << 10;

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

// One that has not said its disco key cannot be spoken to (spec: control section 11 item 19).
bool is_visible(const RosterEntry& entry) {
  return !entry.soft.disco_key.is_zero();
}

}  // namespace

bool Engine::State::is_shown(const RosterEntry& entry, const Stream& stream) const {
  if (entry.node == stream.node) return false;
  if (entry.is_device) return entry.is_carried && is_hub(stream.node);
  return is_visible(entry);
}

void Engine::State::tell_others(RosterEntry& entry, Mark mark, TimePoint now) {
  forget_text(entry);
  if (!entry.is_device && !is_visible(entry)) return;
  for (auto& [id, stream] : streams) {
    if (!stream.is_first_sent || !is_shown(entry, stream)) continue;  // the first holds all
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
  TimePoint next = kNever;
  if (!stream.is_draining) {
    next = stream.is_held ? stream.keepalive_at : std::min(stream.marks.due(), stream.keepalive_at);
  }
  if (next == stream.queued_at) return;
  if (stream.queued_at != kNever) stream_queue.erase({stream.queued_at, stream.id});
  stream.queued_at = next;
  if (next != kNever) stream_queue.emplace(next, stream.id);
}

void Engine::State::deliver(const Moment& moment) {
  for (std::size_t sent = 0; sent < kMessagesPerTurn; ++sent) {
    // While much is on the way, those with much to say wait their turn, and what they have to say
    // merges.
    if (unsent < options.max_unsent) release_one();
    if (stream_queue.empty() || stream_queue.begin()->first > moment.now) return;
    Stream& stream = streams.at(stream_queue.begin()->second);
    const bool is_large = !stream.is_first_sent || !stream.marks.are_few();
    if (is_large && !stream.is_held && unsent >= options.max_unsent) {
      hold_back(stream, moment);
    } else if (stream.is_held) {
      ++counters.keepalives;
      send(stream, kKeepAliveJson, moment);
    } else if (!stream.is_first_sent) {
      send_first(stream, moment);
    } else if (!stream.marks.is_empty()) {
      send_news(stream, moment);
    } else {
      ++counters.keepalives;
      send(stream, kKeepAliveJson, moment);
    }
  }
}

void Engine::State::hold_back(Stream& stream, const Moment& moment) {
  stream.is_held = true;
  held.push_back(stream.id);
  if (!stream.is_first_sent) stream.keepalive_at = moment.now + kPhoneKeepalive;
  queue(stream);
}

// The stream that was held back first has its turn.
void Engine::State::release_one() {
  if (held.empty()) return;
  Stream& stream = streams.at(held.front());
  held.pop_front();
  stream.is_held = false;
  queue(stream);
}

void Engine::State::note_sent(Stream& stream) {
  unsent -= std::exchange(stream.unsent, 0);
}

void Engine::State::forget_text(RosterEntry& entry) {
  entry.text.clear();
  chunks.forget(entry.slot);
}

const std::string& Engine::State::text_of(RosterEntry& entry) const {
  if (entry.text.empty()) {
    const netmap::Node* const node = model.tables().find_node(entry.node);
    WARREN_CHECK(node != nullptr);
    entry.text = encode(
        entry.is_device ? render_device(*node, options.domain)
                        : render_peer(*node, entry, options.domain, judged_at, carried_by(*node)));
  }
  return entry.text;
}

void Engine::State::add_profile(Stream& stream, netmap::UserId user, MapResponse& out) const {
  if (!stream.told_users.insert(user).second) return;
  UserProfile profile;
  if (user == netmap::kTaggedDevices) {
    profile.id = user;
    profile.login_name = netmap::kTaggedDevicesLogin;
    profile.display_name = netmap::kTaggedDevicesName;
    out.user_profiles.push_back(std::move(profile));
    return;
  }
  const netmap::User* const found = model.tables().find_user(user);
  if (found == nullptr) return;
  profile.id = found->id;
  profile.login_name = found->login;
  profile.display_name = found->display_name;
  out.user_profiles.push_back(std::move(profile));
}

DnsConfig Engine::State::dns_config() const {
  return render_dns(options.dns, options.domain,
                    device_records(model.tables(), options.domain, judged_at));
}

void Engine::State::send_first(Stream& stream, const Moment& moment) {
  static_cast<void>(stream.marks.take());  // the message holds everything
  const netmap::Node& node = *model.tables().find_node(stream.node);
  MapResponse message;
  message.control_time = moment.wall;
  message.node =
      render_self(node, *roster.find(stream.node), options.domain, judged_at, carried_by(node));
  message.derp_map = relay_map;
  message.dns_config = dns_config();
  message.domain = options.domain;
  message.packet_filter = allow_everything();
  message.collect_services = false;
  message.debug.emplace().disable_log_tail = true;
  add_profile(stream, shown_user(node), message);

  std::vector<Slot> wanted;
  for (auto& [id, entry] : roster.entries()) {
    if (is_shown(entry, stream)) wanted.push_back(entry.slot);
  }
  std::ranges::sort(wanted);
  const Peers peers = choose_peers(stream, wanted);
  tell_of(stream, wanted, message);
  stream.is_first_sent = true;
  ++counters.maps;
  send_peers(stream, encode(message), "Peers", peers, moment);
  if (stream.is_one_shot) {
    const RequestId id = stream.id;
    park_now(EndStream{id});
    close_stream(id, moment);
  }
}

void Engine::State::send_news(Stream& stream, const Moment& moment) {
  const Marks::News news = stream.marks.take();
  MapResponse message;
  std::vector<Slot> changed;
  for (const auto& [slot, bits] : news.nodes) {
    RosterEntry* const entry = roster.at(slot);
    if (entry == nullptr || !is_shown(*entry, stream)) continue;
    const netmap::Node& node = *model.tables().find_node(entry->node);
    if (is_whole(bits) || !stream.marks.was_told(slot)) {
      changed.push_back(slot);
    } else {
      std::ranges::move(render_patch(node, *entry, bits),
                        std::back_inserter(message.peers_changed_patch));
    }
  }
  std::ranges::sort(changed);
  const Peers peers = choose_peers(stream, changed);
  tell_of(stream, changed, message);
  for (const std::size_t chunk : peers.chunks) tell_of(stream, visible_in(chunk), message);
  message.peers_removed = news.gone;
  if (has(news.head, HeadMark::Self)) {
    const netmap::Node& node = *model.tables().find_node(stream.node);
    message.node =
        render_self(node, *roster.find(stream.node), options.domain, judged_at, carried_by(node));
    add_profile(stream, shown_user(node), message);
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
        add_profile(stream, shown_user(*model.tables().find_node(id)), message);
    }
  }
  std::string text = encode(message);
  if (text == "{}" && changed.empty()) {
    queue(stream);
    return;
  }
  ++counters.deltas;
  send_peers(stream, std::move(text), "PeersChanged", peers, moment);
}

std::vector<Slot> Engine::State::visible_in(std::size_t chunk) {
  std::vector<Slot> out;
  const std::size_t begin = chunk * PeerChunks::kNodes;
  const std::size_t end = std::min(begin + PeerChunks::kNodes, roster.slots());
  for (std::size_t slot = begin; slot < end; ++slot) {
    const RosterEntry* const entry = roster.at(static_cast<Slot>(slot));
    if (entry != nullptr && is_visible(*entry)) out.push_back(static_cast<Slot>(slot));
  }
  return out;
}

// `wanted` ascending. A chunk is shared when most of it is wanted: that a few entries come again
// costs less than another text for each receiver. Devices are in none: they are for the hub only.
Engine::State::Peers Engine::State::choose_peers(const Stream& stream,
                                                 const std::vector<Slot>& wanted) {
  Peers out;
  const std::size_t own = PeerChunks::chunk_of(roster.find(stream.node)->slot);
  for (auto first = wanted.begin(); first != wanted.end();) {
    const std::size_t chunk = PeerChunks::chunk_of(*first);
    const auto last = std::find_if(first, wanted.end(),
                                   [&](Slot slot) { return PeerChunks::chunk_of(slot) != chunk; });
    const auto is_device = [&](Slot slot) { return roster.at(slot)->is_device; };
    const auto devices = static_cast<std::size_t>(std::count_if(first, last, is_device));
    const auto count = static_cast<std::size_t>(last - first) - devices;
    const bool may_share =
        stream.compression == Compression::Zstd && chunk != own && count > PeerChunks::kNodes / 4;
    if (may_share && count * 2 > visible_in(chunk).size()) {
      out.chunks.push_back(chunk);
      std::copy_if(first, last, std::back_inserter(out.single), is_device);
    } else {
      out.single.insert(out.single.end(), first, last);
    }
    first = last;
  }
  return out;
}

void Engine::State::tell_of(Stream& stream, const std::vector<Slot>& slots, MapResponse& out) {
  for (const Slot slot : slots) {
    add_profile(stream, shown_user(*model.tables().find_node(roster.at(slot)->node)), out);
    stream.marks.set_told(slot);
  }
}

void Engine::State::send_peers(Stream& stream,
                               std::string json,
                               std::string_view name,
                               const Peers& peers,
                               const Moment& moment) {
  std::vector<std::string_view> texts;
  texts.reserve(peers.single.size());
  for (const Slot slot : peers.single) texts.push_back(text_of(*roster.at(slot)));
  if (peers.chunks.empty()) {
    splice(json, name, texts);
    return send(stream, json, moment);
  }
  json.pop_back();
  json += fmt::format(R"({}"{}":[{})", json == "{" ? "" : ",", name, fmt::join(texts, ","));
  std::vector<std::uint8_t> bytes;
  append_message_length(0, bytes);
  writer.append_part(json, bytes);
  bool is_first = texts.empty();
  for (const std::size_t chunk : peers.chunks) {
    if (!std::exchange(is_first, false)) writer.append_part(",", bytes);
    const ByteView part = chunks.part(
        chunk,
        [&](std::string& out) {
          for (const Slot slot : visible_in(chunk)) {
            if (!out.empty()) out += ',';
            out += text_of(*roster.at(slot));
          }
        },
        writer);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  writer.append_part("]}", bytes);
  store_le(bytes.data(), static_cast<std::uint32_t>(bytes.size() - 4));
  send_bytes(stream, std::move(bytes), moment);
}

void Engine::State::send(Stream& stream, std::string_view json, const Moment& moment) {
  if (stream.compression != repeated.compression || json != repeated.json) {
    repeated.bytes.clear();
    writer.append_message(json, stream.compression, repeated.bytes);
    if (json.size() > kMaxRepeated) {
      repeated.json.clear();
      return send_bytes(stream, std::exchange(repeated.bytes, {}), moment);
    }
    repeated.compression = stream.compression;
    repeated.json = json;
  }
  send_bytes(stream, repeated.bytes, moment);
}

void Engine::State::send_bytes(Stream& stream,
                               std::vector<std::uint8_t> bytes,
                               const Moment& moment) {
  const RosterEntry* const entry = roster.find(stream.node);
  const bool rests = entry != nullptr && is_phone(entry->soft.hostinfo.os);
  const Duration jitter(static_cast<std::int64_t>(
      random.below(static_cast<std::uint64_t>((rests ? kPhoneJitter : kJitter).count()))));
  stream.keepalive_at = moment.now + (rests ? kPhoneKeepalive : kKeepalive) + jitter;
  stream.is_draining = true;
  stream.unsent = bytes.size();
  unsent += bytes.size();
  queue(stream);
  park_now(StreamData{.to = stream.id, .bytes = std::move(bytes)});
}

}  // namespace warren::control
