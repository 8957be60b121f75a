#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "path/engine.h"

// Two path engines with nothing but a wire and a relay between them, for scenarios told by hand.
// What NATs do to them is test/sim's business.
namespace warren::path::testing {

inline constexpr relay::RegionId kRegion{7};
inline constexpr Duration kOneWay = 10ms;   // directly
inline constexpr Duration kByRelay = 30ms;  // one way
inline constexpr TimePoint kStart{1000s};

class Pair {
 public:
  struct Side {
    explicit Side(std::uint64_t seed) : random(seed), engine(random) {}

    SeededRandom random;
    Engine engine;
    PeerId peer{1};  // the other, as this one calls it
    NodePublicKey node_key;
    DiscoPublicKey disco_key;
    Endpoint endpoint;
    Actions actions;                  // of the last event, not performed yet
    std::vector<wg::PeerPath> paths;  // as published, in order
    std::vector<std::pair<TimePoint, std::vector<std::uint8_t>>> received;  // what is no disco
    std::vector<PingAnswered> answers;
    std::size_t udp_sent = 0;
    std::size_t relayed = 0;
    wg::Activity activity;
  };

  Pair();

  Side& other(const Side& side) { return &side == &a ? b : a; }

  // Both know each other and the relay, and have told their engines about their network.
  void introduce();
  // An application here sends a packet, and the other answers with one when it arrives.
  void talk(Side& side);
  void talk_for(Duration time, Duration interval);
  void run_for(Duration time);
  // After an event given by hand.
  void perform(Side& side);

  const wg::PeerPath& path(const Side& side) const { return side.paths.back(); }

  PathState state(const Side& side) const { return side.engine.status(side.peer).state; }

  TimePoint now = kStart;
  std::function<bool(const Side& from, ByteView datagram)> passes_udp = [](const Side&, ByteView) {
    return true;
  };
  bool relay_works = true;
  Side a{1};
  Side b{2};
  std::shared_ptr<relay::Map> map = std::make_shared<relay::Map>();

 private:
  void at(TimePoint when, std::function<void()> event);
  void send_udp(Side& from, const UdpPath& to, std::vector<std::uint8_t> datagram);
  void send_relay(Side& from, const relay::Route& to, std::vector<std::uint8_t> datagram);
  void send_data(Side& from);
  void receive_data(Side& side, bool over_direct_path);

  std::multimap<TimePoint, std::function<void()>> events_;
};

}  // namespace warren::path::testing
