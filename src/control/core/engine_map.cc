#include <algorithm>

#include "control/core/clean_hostinfo.h"
#include "control/core/engine_state.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

constexpr std::size_t kMaxEndpoints = 32;  // ours; a stock client has about ten

// What another machine can do something with (spec: control section 5.1).
std::vector<Endpoint> usable(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> out;
  for (const Endpoint& endpoint : endpoints) {
    const bool is_useless = endpoint.port == 0 || endpoint.scope != 0 ||
                            (endpoint.address.is_v6() && endpoint.address.is_link_local());
    if (is_useless || out.size() >= kMaxEndpoints) continue;
    if (std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
  }
  return out;
}

}  // namespace

void Engine::State::on_map(const Request& request, const Moment& moment) {
  auto wish = decode<MapRequest>(request.body);
  if (!wish) {
    ++counters.malformed;
    return answer(request.id, 400, wish.error().detail);
  }
  const netmap::Node* const node = model.tables().find_node(wish->node_key);
  RosterEntry* const entry = node == nullptr ? nullptr : roster.find(node->id);
  // Somebody else's key is as good as none: who asks learns nothing (demand S3).
  if (entry == nullptr || entry->is_device || node->machine != request.caller.machine) {
    ++counters.unknown_nodes;
    return answer(request.id, 404, "node not found");
  }
  if (request.caller.version < options.oldest) {
    return answer(request.id, 400, "this client is too old for this server");
  }
  if (wish->hostinfo) {
    clean(*wish->hostinfo);
    // Shorter than its request.
    if (request.body.size() > kMaxHostinfo && encode(*wish->hostinfo).size() > kMaxHostinfo) {
      ++counters.malformed;
      return answer(request.id, 413, "what this node tells about itself is too long");
    }
  }
  const netmap::NodeId id = node->id;
  if (!wish->read_only) {
    if (node->old_key && node->key == wish->node_key) model.forget_old_key(id, changes);
    entry->soft.version = request.caller.version;
    const bool is_lite = !wish->stream && wish->omit_peers;
    // A stream request may be older than the lite update that was sent beside it: it only fills
    // what is not there (spec: control section 5.2).
    if (is_lite || entry->soft.disco_key.is_zero()) take_over(*entry, *wish, moment);
  }
  if (wish->stream || !wish->omit_peers) {
    open_stream(request, *wish, *entry, moment);
  } else {
    answer(request.id, 200, {});
  }
}

void Engine::State::take_over(RosterEntry& entry, const MapRequest& wish, const Moment& moment) {
  const SoftState before = entry.soft;
  if (!wish.disco_key.is_zero()) entry.soft.disco_key = wish.disco_key;
  entry.soft.endpoints = usable(wish.endpoints);
  if (wish.hostinfo) take_hostinfo(entry, *wish.hostinfo, moment);
  if (entry.soft == before) return;

  mark_soft_dirty(entry, moment);
  // What makes a node reachable for the first time is not left to the next flush: after a crash
  // before that, the others would lose a peer they talk to until it has come back.
  const bool has_home = entry.soft.home != relay::kNoRegion;
  if (before.disco_key.is_zero() || (before.home == relay::kNoRegion && has_home)) {
    soft_flush_at = moment.now;
  }
  if (before.disco_key.is_zero()) {
    tell_others(entry, Mark::Full, moment.now);  // now it can be spoken to
  } else if (before.disco_key != entry.soft.disco_key) {
    tell_others(entry, Mark::Key, moment.now);
  }
  if (before.endpoints != entry.soft.endpoints || before.home != entry.soft.home) {
    tell_others(entry, Mark::Path, moment.now);
  }
  if (before.hostinfo != entry.soft.hostinfo) tell_others(entry, Mark::Cosmetic, moment.now);
  if (before.home != entry.soft.home) tell_self(entry.node, moment.now);
}

void Engine::State::take_hostinfo(RosterEntry& entry,
                                  const Hostinfo& hostinfo,
                                  const Moment& moment) {
  // Absent when it has not changed (spec: control section 11 item 12).
  auto net_info = hostinfo.net_info ? hostinfo.net_info : entry.soft.hostinfo.net_info;
  entry.soft.hostinfo = hostinfo;
  entry.soft.hostinfo.net_info = std::move(net_info);
  if (entry.soft.hostinfo.net_info &&
      entry.soft.hostinfo.net_info->preferred_derp != relay::kNoRegion) {
    entry.soft.home = entry.soft.hostinfo.net_info->preferred_derp;
  }
  const auto named = model.set_hostname(entry.node, hostinfo.hostname, moment.wall, changes);
  WARREN_CHECK(named.has_value());
}

void Engine::State::open_stream(const Request& request,
                                const MapRequest& wish,
                                RosterEntry& entry,
                                const Moment& moment) {
  if (streams.size() >= options.max_streams) {
    ++counters.overloaded;
    return answer(request.id, 503, "the server has too many clients");
  }
  const auto older = stream_of.find(entry.node);
  Stream stream;
  stream.id = request.id;
  stream.node = entry.node;
  stream.compression = wish.compress == "zstd" ? Compression::Zstd : Compression::None;
  stream.is_one_shot = !wish.stream;
  park_now(OpenStream{request.id});
  Stream& opened = streams.emplace(request.id, std::move(stream)).first->second;
  if (!opened.is_one_shot) {
    on_stream_opened(entry, moment);
    if (older != stream_of.end()) {
      const RequestId old = older->second;
      park_now(EndStream{old});
      close_stream(old, moment);
    }
    stream_of[entry.node] = request.id;
  }
  opened.marks.mark(HeadMark::Self, moment.now - patience_of(HeadMark::Self));
  queue(opened);
}

void Engine::State::close_stream(RequestId id, const Moment& moment) {
  const auto found = streams.find(id);
  WARREN_CHECK(found != streams.end());
  Stream& stream = found->second;
  note_sent(stream);
  if (stream.is_held) std::erase(held, id);
  if (stream.queued_at != kNever) stream_queue.erase({stream.queued_at, id});
  const netmap::NodeId node = stream.node;
  const bool counts = !stream.is_one_shot;
  streams.erase(found);
  const auto newest = stream_of.find(node);
  if (newest != stream_of.end() && newest->second == id) stream_of.erase(newest);
  RosterEntry* const entry = roster.find(node);
  if (counts && entry != nullptr) on_stream_closed(*entry, moment);
}

}  // namespace warren::control
