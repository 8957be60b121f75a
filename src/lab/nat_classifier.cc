#include "lab/nat_classifier.h"

#include <algorithm>

namespace warren::lab {

namespace {

constexpr std::uint16_t kPort = 3478;
constexpr std::uint16_t kOtherPort = 3479;
constexpr std::size_t kSamples = 24;  // 24 random ports have the wanted parities once in 2^24
constexpr std::size_t kMost = 20;     // of the samples: a port may be taken, a sequence may wrap

}  // namespace

std::optional<NatBehaviour> NatClassifier::classify() {
  std::vector<Opened> opened;  // by turns, the first host's are even
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto one = open(i % 2);
    if (!one) return std::nullopt;
    opened.push_back(*one);
  }
  NatBehaviour out;
  out.ports = ports(opened);
  out.pooling = pooling(opened);
  out.mapping = mapping();
  out.filtering = filtering();
  out.hairpin = hairpin(out.mapping, out.filtering);
  out.udp_unreplied_timeout = timeout(Replied::No);
  out.udp_timeout = timeout(Replied::Yes);
  out.refresh = refresh(out.udp_timeout);
  return out;
}

Endpoint NatClassifier::server(std::size_t index, std::uint16_t port) const {
  return {.address = sites_.servers[index], .port = port};
}

std::optional<NatClassifier::Opened> NatClassifier::open(std::size_t host) {
  const Endpoint inside{.address = sites_.hosts[host], .port = next_port_++};
  const auto arrival = surroundings_.send(inside, server(0, kPort));
  if (!arrival) return std::nullopt;
  return Opened{.inside = inside, .external = arrival->source};
}

bool NatClassifier::passes(const Endpoint& from, const Opened& to) {
  const auto arrival = surroundings_.send(from, to.external);
  return arrival && arrival->at == to.inside;
}

Dependence NatClassifier::mapping() {
  const auto first = open(0);
  if (!first) return {};
  const auto is_same_at = [&](const Endpoint& server) {
    const auto arrival = surroundings_.send(first->inside, server);
    return arrival && arrival->source == first->external;
  };
  if (!is_same_at(server(0, kOtherPort))) return Dependence::AddressAndPort;
  return is_same_at(server(1, kPort)) ? Dependence::EndpointIndependent : Dependence::Address;
}

Dependence NatClassifier::filtering() {
  const auto first = open(0);
  if (!first || !passes(server(0, kOtherPort), *first)) return Dependence::AddressAndPort;
  return passes(server(1, kPort), *first) ? Dependence::EndpointIndependent : Dependence::Address;
}

PortChoice NatClassifier::ports(const std::vector<Opened>& opened) const {
  std::size_t same = 0;
  std::size_t same_parity = 0;
  for (const Opened& one : opened) {
    same += one.external.port == one.inside.port ? 1 : 0;
    same_parity += (one.external.port ^ one.inside.port) % 2 == 0 ? 1 : 0;
  }
  const auto next_at = [&](std::size_t distance) {
    std::size_t out = 0;
    for (std::size_t i = distance; i < opened.size(); ++i) {
      out += opened[i].external.port == opened[i - distance].external.port + 1 ? 1 : 0;
    }
    return out;
  };
  if (same >= kMost) return PortChoice::Preserve;
  if (next_at(1) >= kMost) return PortChoice::SequentialGlobal;
  if (next_at(2) >= kMost) return PortChoice::SequentialPerHost;
  if (same_parity == opened.size()) return PortChoice::PreserveParity;
  return PortChoice::Random;
}

Pooling NatClassifier::pooling(const std::vector<Opened>& opened) const {
  for (std::size_t i = 2; i < opened.size(); ++i) {
    if (opened[i].external.address != opened[i - 2].external.address) return Pooling::Arbitrary;
  }
  return Pooling::Paired;
}

std::optional<Hairpin> NatClassifier::hairpin(Dependence mapping, Dependence filtering) {
  const auto a = open(0);
  const auto b = open(1);
  if (!a || !b) return std::nullopt;
  surroundings_.send(b->inside, a->external);  // so that b expects a
  const auto arrival = surroundings_.send(a->inside, b->external);
  if (arrival && arrival->at == b->inside) {
    return arrival->source == a->inside ? Hairpin::InternalSource : Hairpin::ExternalSource;
  }
  if (mapping != Dependence::EndpointIndependent && filtering != Dependence::EndpointIndependent) {
    return std::nullopt;
  }
  return Hairpin::Off;
}

Duration NatClassifier::timeout(Replied replied) {
  std::chrono::seconds lives{0};
  std::chrono::seconds dead = std::chrono::duration_cast<std::chrono::seconds>(kLongestTimeout);
  while (dead - lives > 1s) {
    const std::chrono::seconds middle = (lives + dead) / 2;
    (survives(replied, middle) ? lives : dead) = middle;
  }
  return dead;
}

bool NatClassifier::survives(Replied replied, Duration silence) {
  const auto opened = open(0);
  if (!opened) return false;
  if (replied == Replied::Yes && !passes(server(0, kPort), *opened)) return false;
  surroundings_.wait(silence);
  return passes(server(0, kPort), *opened);
}

Refresh NatClassifier::refresh(Duration timeout) {
  const auto refreshed_by = [&](bool is_outbound) {
    const auto opened = open(0);
    if (!opened) return false;
    passes(server(0, kPort), *opened);
    surroundings_.wait(timeout * 6 / 10);
    if (is_outbound) {
      surroundings_.send(opened->inside, server(0, kPort));
    } else {
      passes(server(0, kPort), *opened);
    }
    surroundings_.wait(timeout * 6 / 10);
    return passes(server(0, kPort), *opened);
  };
  const bool outbound = refreshed_by(true);
  const bool inbound = refreshed_by(false);
  if (outbound && inbound) return Refresh::Both;
  return inbound ? Refresh::Inbound : Refresh::Outbound;
}

}  // namespace warren::lab
