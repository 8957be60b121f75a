#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "control/core/engine.h"
#include "netmap/testing.h"
#include "proto/control/codec.h"
#include "proto/control/map.h"
#include "proto/control/map_frame.h"
#include "proto/control/register.h"

// The engine with a store that works, or not, and a shell that keeps what it is given.
namespace warren::control::testing {

struct Bench {
  struct Answer {
    unsigned status = 0;
    std::string body;
  };

  explicit Bench(EngineOptions options = defaults()) : engine(std::move(options), model, random) {
    engine.start(moment());
  }

  static EngineOptions defaults() {
    EngineOptions options;
    options.url = "https://warren.example";
    options.domain = "home.internal";
    return options;
  }

  Moment moment() const { return {.now = now, .wall = wall}; }

  // --- time
  void pass(std::chrono::nanoseconds span) {
    const TimePoint end = now + span;
    while (engine.next_timeout() <= end) {
      advance(std::max(now, engine.next_timeout()));
      engine.on_timeout(moment(), actions);
      perform();
    }
    advance(end);
  }

  // --- requests
  RequestId send(MachinePublicKey machine, std::string path, std::string body) {
    const RequestId id{++last_request};
    engine.on_request({.id = id,
                       .caller = {.machine = machine, .version = 142, .address = IpAddress()},
                       .method = "POST",
                       .path = std::move(path),
                       .body = std::move(body)},
                      moment(), actions);
    perform();
    return id;
  }

  RegisterResponse join(const netmap::Machine& who, std::string secret) {
    return response(send(who.key, "/machine/register", encode(wish(who, std::move(secret)))));
  }

  RegisterResponse response(RequestId id) {
    return decode<RegisterResponse>(answers.at(id).body).value();
  }

  static RegisterRequest wish(const netmap::Machine& who, std::string secret) {
    RegisterRequest out;
    out.version = CapVersion{142};
    out.node_key = who.node_key;
    if (!secret.empty()) out.auth.emplace().auth_key = std::move(secret);
    out.hostinfo.emplace().hostname = who.hostname;
    return out;
  }

  static MapRequest map_wish(const netmap::Machine& who) {
    MapRequest out;
    out.version = CapVersion{142};
    out.node_key = who.node_key;
    out.disco_key = netmap::testing::numbered_key<DiscoPublicKey>(who.node_key.bytes()[0]);
    out.hostinfo.emplace().hostname = who.hostname;
    return out;
  }

  RequestId open_stream(const netmap::Machine& who, std::string compress = {}) {
    MapRequest wish = map_wish(who);
    wish.stream = true;
    wish.compress = std::move(compress);
    return send(who.key, "/machine/map", encode(wish));
  }

  void update(const netmap::Machine& who, MapRequest wish) {
    wish.omit_peers = true;
    send(who.key, "/machine/map", encode(wish));
  }

  Answer admin(std::string method, std::string path, std::string body = {}) {
    return answers.at(admin_later(std::move(method), std::move(path), std::move(body)));
  }

  // Its answer may wait for the store.
  RequestId admin_later(std::string method, std::string path, std::string body = {}) {
    const RequestId id{++last_request};
    engine.on_admin({.id = id,
                     .method = std::move(method),
                     .path = "/api/warren/v1/" + std::move(path),
                     .body = std::move(body)},
                    moment(), actions);
    perform();
    return id;
  }

  // Everything that came on a stream since it was asked last.
  std::vector<MapResponse> take(RequestId stream, Compression compression = Compression::None) {
    std::vector<MapResponse> out;
    for (const auto& frame : std::exchange(frames[stream], {})) {
      MapFrameReader reader(compression);
      ByteView bytes(frame);
      out.push_back(decode<MapResponse>(reader.read(bytes).value().value()).value());
    }
    return out;
  }

  // --- the shell and the store
  void perform() {
    while (!actions.empty()) {
      for (Action& action : std::exchange(actions, {})) {
        std::visit([this](auto& what) { perform(what); }, action);
      }
      if (commit && !store_is_stalled) {
        commit.reset();
        const Result<void> result =
            store_is_full ? Result<void>(fail(Errc::Io, "no space left")) : Result<void>();
        engine.on_committed(result, moment(), actions);
      }
    }
  }

  void perform(const Respond& respond) {
    answers[respond.to] = {.status = respond.status, .body = respond.body};
  }

  void perform(const OpenStream& open) { is_open[open.to] = true; }

  void perform(const StreamData& data) {
    frames[data.to].push_back(data.bytes);
    if (!is_slow) engine.on_drained(data.to, moment(), actions);
  }

  void perform(const EndStream& end) { is_open[end.to] = false; }

  void perform(Commit& asked) {
    EXPECT_FALSE(commit) << "one commit at a time";
    commit = std::move(asked);
    commits.push_back(*commit);
  }

  void perform(const MembersChanged&) { ++members_changed; }

  void advance(TimePoint to) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(to - started);
    wall = netmap::testing::kNow.after(seconds + clock_error);
    now = to;
  }

  SeededRandom random{1};
  netmap::testing::CountingIds ids;
  netmap::Model model{{.node_key_duration = std::chrono::hours(6)}, ids, random};
  Engine engine;
  TimePoint started{1000s};
  TimePoint now = started;
  WallTime wall = netmap::testing::kNow;
  std::chrono::seconds clock_error{0};  // shows when time passes
  Actions actions;
  std::uint64_t last_request = 0;
  std::map<RequestId, Answer> answers;
  std::map<RequestId, bool> is_open;
  std::map<RequestId, std::vector<std::vector<std::uint8_t>>> frames;  // of each stream
  std::optional<Commit> commit;
  std::vector<Commit> commits;
  bool store_is_stalled = false;
  bool store_is_full = false;
  bool is_slow = false;
  int members_changed = 0;
};

}  // namespace warren::control::testing
