#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "lab/nat.h"

// The NAT held against a model that keeps a plain list of UDP sessions, on random packets.
namespace warren::lab {

namespace {

struct Session {
  Endpoint inside;
  Endpoint towards;  // what the mapping depends on
  Endpoint external;
  Endpoint remote;
  TimePoint expires;
  bool went_out = false;
  bool came_in = false;
};

Endpoint reduced(const Endpoint& remote, Dependence dependence) {
  if (dependence == Dependence::AddressAndPort) return remote;
  return dependence == Dependence::Address ? Endpoint{.address = remote.address} : Endpoint{};
}

class Model {
 public:
  explicit Model(NatConfig config) : config_(std::move(config)) {}

  std::size_t sessions() const { return sessions_.size(); }

  void check_outbound(const Endpoint& from,
                      const Endpoint& to,
                      const NatVerdict& verdict,
                      TimePoint now) {
    expire(now);
    const Endpoint towards = reduced(to, config_.mapping);
    const auto mapped = std::ranges::find_if(sessions_, [&](const Session& session) {
      return session.inside == from && session.towards == towards;
    });
    const bool is_mapped = mapped != sessions_.end();
    if (is_mapped) {
      const auto known = find(mapped->external, to);
      if (known != sessions_.end()) {
        ASSERT_TRUE(verdict.flow);
        EXPECT_EQ(verdict.flow->source, mapped->external);
        pass(*known, true, now);
        return;
      }
    }
    if (sessions_.size() == config_.max_sessions) {
      EXPECT_EQ(verdict.reason, NatDrop::TooManySessions);
      return;
    }
    if (!is_mapped && used().size() == config_.last_port - config_.first_port + 1U) {
      EXPECT_EQ(verdict.reason, NatDrop::NoPorts);
      return;
    }
    ASSERT_TRUE(verdict.flow);
    const Endpoint external = verdict.flow->source;
    EXPECT_EQ(verdict.flow->destination, to);
    EXPECT_EQ(external.address, config_.external.front());
    EXPECT_TRUE(config_.first_port <= external.port && external.port <= config_.last_port);
    if (is_mapped) {
      EXPECT_EQ(external, mapped->external);
    } else {
      EXPECT_FALSE(used().contains(external.port));
    }
    add({.inside = from, .towards = towards, .external = external, .remote = to, .expires = {}},
        true, now);
  }

  void check_inbound(const Endpoint& from,
                     const Endpoint& to,
                     const NatVerdict& verdict,
                     TimePoint now) {
    expire(now);
    const auto mapped = std::ranges::find(sessions_, to, &Session::external);
    if (mapped == sessions_.end()) {
      EXPECT_FALSE(verdict.flow);
      EXPECT_EQ(verdict.reason, NatDrop::NoMapping);
      return;
    }
    const bool is_permitted = std::ranges::any_of(sessions_, [&](const Session& session) {
      return session.external == to &&
             reduced(session.remote, config_.filtering) == reduced(from, config_.filtering);
    });
    if (!is_permitted) {
      EXPECT_FALSE(verdict.flow);
      EXPECT_EQ(verdict.reason, NatDrop::Filtered);
      return;
    }
    ASSERT_TRUE(verdict.flow);
    EXPECT_EQ(verdict.flow->source, from);
    EXPECT_EQ(verdict.flow->destination, mapped->inside);
    if (const auto known = find(to, from); known != sessions_.end()) {
      pass(*known, false, now);
    } else if (config_.refresh != Refresh::Outbound && sessions_.size() < config_.max_sessions) {
      add({.inside = mapped->inside,
           .towards = mapped->towards,
           .external = to,
           .remote = from,
           .expires = {}},
          false, now);
    }
  }

 private:
  std::vector<Session>::iterator find(const Endpoint& external, const Endpoint& remote) {
    return std::ranges::find_if(sessions_, [&](const Session& session) {
      return session.external == external && session.remote == remote;
    });
  }

  std::set<std::uint16_t> used() const {
    std::set<std::uint16_t> out;
    for (const Session& session : sessions_) out.insert(session.external.port);
    return out;
  }

  void expire(TimePoint now) {
    std::erase_if(sessions_, [&](const Session& session) { return session.expires <= now; });
  }

  void add(Session session, bool is_outbound, TimePoint now) {
    (is_outbound ? session.went_out : session.came_in) = true;
    session.expires = now + config_.udp_unreplied_timeout;
    sessions_.push_back(session);
  }

  void pass(Session& session, bool is_outbound, TimePoint now) {
    const bool was_answered = session.went_out && session.came_in;
    (is_outbound ? session.went_out : session.came_in) = true;
    const bool is_answered = session.went_out && session.came_in;
    const bool refreshes =
        config_.refresh == Refresh::Both || (config_.refresh == Refresh::Outbound) == is_outbound;
    if (!refreshes && is_answered == was_answered) return;
    session.expires = now + (is_answered ? config_.udp_timeout : config_.udp_unreplied_timeout);
  }

  NatConfig config_;
  std::vector<Session> sessions_;
};

template <class T, std::size_t N>
T any_of(const T (&choices)[N], Random& random) {
  return choices[random.below(N)];
}

}  // namespace

TEST(NatModel, AgreesWithTheNatWhateverPasses) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    constexpr Dependence kDependences[] = {Dependence::EndpointIndependent, Dependence::Address,
                                           Dependence::AddressAndPort};
    const NatConfig config{
        .external = {IpAddress::v4({203, 0, 113, 1})},
        .mapping = any_of(kDependences, random),
        .filtering = any_of(kDependences, random),
        .ports = static_cast<PortChoice>(random.below(5)),
        .refresh = static_cast<Refresh>(random.below(3)),
        .first_port = 2000,
        .last_port = static_cast<std::uint16_t>(2003 + random.below(20)),
        .max_sessions = static_cast<std::uint32_t>(4 + random.below(30)),
    };
    Nat nat(config, seed);
    Model model(config);
    TimePoint now{1000s};
    for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(i);
      now += Duration(1s) * static_cast<int>(random.below(random.below(20) == 0 ? 200 : 5));
      const Endpoint inside{
          .address = IpAddress::v4({10, 0, 0, static_cast<std::uint8_t>(random.below(3))}),
          .port = static_cast<std::uint16_t>(2000 + random.below(4))};
      const Endpoint server{
          .address = IpAddress::v4({198, 51, 100, static_cast<std::uint8_t>(random.below(3))}),
          .port = static_cast<std::uint16_t>(1 + random.below(2))};
      if (random.below(2) == 0) {
        const Flow flow{.protocol = Protocol::Udp, .source = inside, .destination = server};
        model.check_outbound(inside, server, nat.outbound(flow, TcpEvent::None, now), now);
      } else {
        const Endpoint external{
            .address = config.external.front(),
            .port = static_cast<std::uint16_t>(
                2000 + random.below(config.last_port - config.first_port + 1U))};
        const Flow flow{.protocol = Protocol::Udp, .source = server, .destination = external};
        model.check_inbound(server, external, nat.inbound(flow, TcpEvent::None, now), now);
      }
      EXPECT_EQ(nat.sessions(), model.sessions());
    }
  }
}

}  // namespace warren::lab
