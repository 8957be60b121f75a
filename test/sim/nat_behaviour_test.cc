#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lab/nat_classifier.h"
#include "sim/internet.h"
#include "sim/machine.h"

// What the classifier of lab_core finds out about NATs in the simulated Internet.
namespace warren::sim {

namespace {

using lab::Dependence;
using lab::Hairpin;
using lab::NatConfig;

// Two machines behind a router and two in the public Internet.
class Surroundings final : public lab::NatSurroundings {
 public:
  Surroundings(Internet& internet, Router& router) : internet_(internet) {
    for (std::size_t i = 0; i < 4; ++i) {
      machines_.push_back(std::make_unique<Machine>(internet, "m"));
      machines_.back()->attach(i < 2 ? router : internet.root());
    }
  }

  lab::NatSites sites() const {
    return {.hosts = {address(0), address(1)}, .servers = {address(2), address(3)}};
  }

  std::optional<lab::Arrival> send(const Endpoint& from, const Endpoint& to) override {
    // All ports in use are open: a NAT may have kept the port of the host behind it.
    for (const std::uint16_t port : {from.port, to.port}) {
      for (std::size_t i = 0; i < machines_.size(); ++i) open(i, port);
    }
    arrival_.reset();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      if (address(i) != from.address) continue;
      machines_[i]->send(from.port, {.remote = to, .source = std::nullopt}, {});
    }
    wait(100ms);
    return arrival_;
  }

  void wait(Duration time) override { internet_.time().run_for(time); }

 private:
  struct Socket final : Host {
    Socket(Surroundings& whose, std::uint16_t at) : surroundings(whose), port(at) {}

    void on_datagram(ByteView /*datagram*/, const UdpPath& from) override {
      surroundings.arrival_ = lab::Arrival{.at = {.address = from.source->address, .port = port},
                                           .source = from.remote};
    }

    Surroundings& surroundings;
    std::uint16_t port;
  };

  IpAddress address(std::size_t i) const {
    return *machines_[i]->interfaces().front().addresses.v4;
  }

  void open(std::size_t i, std::uint16_t port) {
    const auto [socket, is_new] = sockets_.try_emplace({i, port});
    if (!is_new) return;
    socket->second = std::make_unique<Socket>(*this, port);
    machines_[i]->bind(port, *socket->second);
  }

  Internet& internet_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<std::pair<std::size_t, std::uint16_t>, std::unique_ptr<Socket>> sockets_;
  std::optional<lab::Arrival> arrival_;
};

lab::NatBehaviour classify(const std::vector<NatConfig>& nats) {
  VirtualTime time;
  Internet internet(time, 1);
  Router* router = &internet.root();
  for (const NatConfig& nat : nats) {
    const bool is_last = &nat == &nats.back();
    router = &internet.add_router(
        *router, {.name = is_last ? "home" : "carrier",
                  .v4 = IpPrefix::parse(is_last ? "192.168.1.0/24" : "100.64.0.0/10"),
                  .nat = nat});
  }
  Surroundings surroundings(internet, *router);
  const auto out = lab::NatClassifier(surroundings, surroundings.sites()).classify();
  EXPECT_TRUE(out.has_value());
  return out.value_or(lab::NatBehaviour{});
}

constexpr std::array kDependences = {Dependence::EndpointIndependent, Dependence::Address,
                                     Dependence::AddressAndPort};

}  // namespace

TEST(NatBehaviour, IsAsConfigured) {
  for (const Dependence mapping : kDependences) {
    for (const Dependence filtering : kDependences) {
      for (const Hairpin hairpin : {Hairpin::Off, Hairpin::ExternalSource}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(mapping) << static_cast<int>(filtering)
                                        << static_cast<int>(hairpin));
        const lab::NatBehaviour found = classify({{.external = {},
                                                   .mapping = mapping,
                                                   .filtering = filtering,
                                                   .ports = lab::PortChoice::Random,
                                                   .hairpin = hairpin}});
        EXPECT_EQ(found.mapping, mapping);
        EXPECT_EQ(found.filtering, filtering);
        EXPECT_EQ(found.ports, lab::PortChoice::Random);
        if (found.hairpin) EXPECT_EQ(found.hairpin, hairpin);
        EXPECT_EQ(found.udp_unreplied_timeout, 30s);
        EXPECT_EQ(found.udp_timeout, 300s);
      }
    }
  }
}

TEST(NatBehaviour, IsTheStricterOfTwoLayersAndTheShorter) {
  const NatConfig easy{.external = {}, .udp_timeout = 120s, .udp_unreplied_timeout = 20s};
  const NatConfig by_address{.external = {}, .filtering = Dependence::Address};
  const NatConfig hard{
      .external = {}, .mapping = Dependence::AddressAndPort, .ports = lab::PortChoice::Random};
  EXPECT_EQ(classify({hard, easy}).mapping, Dependence::AddressAndPort);
  EXPECT_EQ(classify({easy, hard}).mapping, Dependence::AddressAndPort);
  EXPECT_EQ(classify({by_address, easy}).filtering, Dependence::AddressAndPort);
  EXPECT_EQ(classify({by_address, by_address}).filtering, Dependence::Address);
  EXPECT_EQ(classify({by_address, easy}).udp_timeout, 120s);
  EXPECT_EQ(classify({easy, by_address}).udp_unreplied_timeout, 20s);
}

}  // namespace warren::sim
