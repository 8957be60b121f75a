#include "sim/machine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/random.h"
#include "base/result.h"

namespace warren::sim {

namespace {

constexpr std::uint16_t kFirstEphemeral = 49152;  // RFC 6335 section 6

bool has(const Addresses& addresses, const IpAddress& address) {
  return addresses.v4 == address || addresses.v6 == address;
}

lab::Flow reversed(const lab::Flow& flow) {
  return {.protocol = flow.protocol, .source = flow.destination, .destination = flow.source};
}

}  // namespace

struct Machine::Port {
  Port(const Interface& it, std::uint64_t seed)
      : interface(it), up(kPerfect, seed), down(kPerfect, seed + 1) {}

  Interface interface;
  lab::Link up;
  lab::Link down;
};

Machine::Machine(Internet& internet, std::string name)
    : internet_(internet), name_(std::move(name)) {
  SeededRandom random(internet_.next_seed());
  next_port_ = static_cast<std::uint16_t>(kFirstEphemeral + random.below(10'000));
}

Machine::~Machine() {
  for (const auto& [flow, stream] : streams_) stream->orphan();
  for (const auto& port : ports_) leave(*port);
}

std::uint32_t Machine::attach(Router& router, const Addresses& addresses) {
  const auto index = static_cast<std::uint32_t>(ports_.size() + 1);
  Port& port = *ports_.emplace_back(std::make_unique<Port>(
      Interface{.index = index, .router = &router, .addresses = addresses}, internet_.next_seed()));
  join(port);
  changed();
  return index;
}

void Machine::set_addresses(std::uint32_t interface, const Addresses& addresses) {
  move(interface, *find_port(interface)->interface.router, addresses);
}

void Machine::move(std::uint32_t interface, Router& router, const Addresses& addresses) {
  Port& port = *find_port(interface);
  leave(port);
  port.interface.router = &router;
  port.interface.addresses = addresses;
  join(port);
  changed();
}

void Machine::set_link(std::uint32_t interface, bool is_up) {
  find_port(interface)->interface.is_up = is_up;
  changed();
}

void Machine::set_quality(std::uint32_t interface, const LinkQuality& up, const LinkQuality& down) {
  Port& port = *find_port(interface);
  port.up.set_quality(up);
  port.down.set_quality(down);
}

std::vector<Machine::Interface> Machine::interfaces() const {
  std::vector<Interface> out;
  out.reserve(ports_.size());
  for (const auto& port : ports_) out.push_back(port->interface);
  return out;
}

void Machine::bind(std::uint16_t port, Host& host) {
  const bool is_new = sockets_.emplace(port, &host).second;
  WARREN_CHECK(is_new);
}

void Machine::unbind(std::uint16_t port) {
  sockets_.erase(port);
}

bool Machine::send(std::uint16_t port, const UdpPath& to, ByteView bytes) {
  const auto route = route_to(to.remote, to.source);
  if (!route) return false;
  transmit(*route->port, {.flow = {.protocol = lab::Protocol::Udp,
                                   .source = {.address = route->source, .port = port},
                                   .destination = to.remote},
                          .payload = std::make_shared<const std::vector<std::uint8_t>>(
                              bytes.begin(), bytes.end()),
                          .segment = {}});
  return true;
}

std::shared_ptr<Stream> Machine::connect(const Endpoint& to,
                                         StreamEvents events,
                                         const StreamOptions& options) {
  const auto route = route_to(to, std::nullopt);
  lab::Flow flow{.protocol = lab::Protocol::Tcp, .source = {}, .destination = to};
  // Without a route the stream begins at no address, and times out.
  flow.source.address = route ? route->source : IpAddress::unspecified(to.address.is_v6());
  do {
    flow.source.port = next_port_;
    next_port_ = next_port_ == UINT16_MAX ? kFirstEphemeral : next_port_ + 1;
  } while (streams_.contains(flow));
  const auto stream = std::make_shared<Stream>(*this, flow, std::move(events), options);
  streams_.emplace(flow, stream);
  stream->start();
  return stream;
}

void Machine::listen(std::uint16_t port, Acceptor accept) {
  acceptors_[port] = std::move(accept);
}

void Machine::stop_listening(std::uint16_t port) {
  acceptors_.erase(port);
}

void Machine::reset_streams() {
  const auto streams = streams_;
  for (const auto& [flow, stream] : streams) stream->abort();
}

// The last link: always by an event, so that no program is called from another.
void Machine::take(Router& from, const Transit& packet) {
  const auto found = std::ranges::find_if(ports_, [&](const auto& port) {
    const Interface& it = port->interface;
    return it.router == &from && has(it.addresses, packet.flow.destination.address);
  });
  WARREN_CHECK(found != ports_.end());  // the router knows us by this address
  Port* const port = found->get();
  if (!port->interface.is_up) {
    internet_.lose(Loss::LinkDown, name_, packet);
    return;
  }
  const auto arrivals = port->down.carry(packet.size(), internet_.time().now());
  if (arrivals.empty()) internet_.lose(Loss::Link, name_, packet);
  for (const TimePoint arrival : arrivals) {
    internet_.time().at(
        arrival, [this, alive = std::weak_ptr(alive_), index = port->interface.index, packet] {
          if (!alive.expired()) receive(index, packet);
        });
  }
}

bool Machine::send_segment(const Transit& packet) {
  Port* const port = find_port_of(packet.flow.source.address);
  if (port == nullptr || !port->interface.is_up) {
    internet_.lose(port == nullptr ? Loss::NotOurs : Loss::LinkDown, name_, packet);
    return false;
  }
  transmit(*port, packet);
  return true;
}

void Machine::forget(const Stream& stream) {
  streams_.erase(stream.flow());
}

const Machine::Acceptor* Machine::acceptor(std::uint16_t port) const {
  const auto found = acceptors_.find(port);
  return found == acceptors_.end() ? nullptr : &found->second;
}

Machine::Port* Machine::find_port(std::uint32_t interface) {
  WARREN_CHECK(0 < interface && interface <= ports_.size());
  return ports_[interface - 1].get();
}

Machine::Port* Machine::find_port_of(const IpAddress& address) {
  const auto found = std::ranges::find_if(
      ports_, [&](const auto& port) { return has(port->interface.addresses, address); });
  return found == ports_.end() ? nullptr : found->get();
}

std::optional<Machine::Route> Machine::route_to(const Endpoint& remote,
                                                const std::optional<LocalAddress>& source) {
  const auto address_of = [&](const Port& port) {
    return remote.address.is_v4() ? port.interface.addresses.v4 : port.interface.addresses.v6;
  };
  Port* best = nullptr;
  for (const auto& port : ports_) {
    const Interface& it = port->interface;
    const auto address = address_of(*port);
    if (!it.is_up || !address) continue;
    if (source) {
      if (source->interface != 0 && source->interface != it.index) continue;
      if (!source->address.is_unspecified() && source->address != *address) continue;
    }
    const bool is_on_link = it.router->is_on_link(remote.address);
    if (best == nullptr || is_on_link) best = port.get();
    if (is_on_link) break;
  }
  if (best == nullptr) return std::nullopt;
  return Route{.port = best, .source = *address_of(*best)};
}

void Machine::join(Port& port) {
  const Interface& it = port.interface;
  if (it.addresses.v4) it.router->add(*it.addresses.v4, this);
  if (it.addresses.v6) it.router->add(*it.addresses.v6, this);
}

void Machine::leave(Port& port) {
  const Interface& it = port.interface;
  if (it.addresses.v4) it.router->remove(*it.addresses.v4);
  if (it.addresses.v6) it.router->remove(*it.addresses.v6);
}

std::uint64_t Machine::watch(std::function<void()> on_change) {
  watchers_.emplace(++last_watcher_, std::move(on_change));
  return last_watcher_;
}

void Machine::changed() {
  const auto watchers = watchers_;  // one may leave while it is told
  for (const auto& [id, on_change] : watchers) {
    if (watchers_.contains(id)) on_change();
  }
}

void Machine::transmit(Port& port, const Transit& packet) {
  internet_.send(*port.interface.router, port.up, packet);
}

void Machine::receive(std::uint32_t interface, const Transit& packet) {
  // The address may have gone while the packet was on its way.
  const Interface& it = find_port(interface)->interface;
  if (!it.is_up || !has(it.addresses, packet.flow.destination.address)) {
    internet_.lose(Loss::NotOurs, name_, packet);
    return;
  }
  if (internet_.is_traced()) internet_.note(name_, packet.description());
  if (packet.flow.protocol == lab::Protocol::Tcp) {
    receive_segment(packet);
    return;
  }
  const auto socket = sockets_.find(packet.flow.destination.port);
  if (socket == sockets_.end()) {
    internet_.lose(Loss::NoSocket, name_, packet);
    return;
  }
  socket->second->on_datagram(
      *packet.payload,
      {.remote = packet.flow.source,
       .source = LocalAddress{.address = packet.flow.destination.address, .interface = interface}});
}

void Machine::receive_segment(const Transit& packet) {
  const lab::Flow flow = reversed(packet.flow);
  if (const auto found = streams_.find(flow); found != streams_.end()) {
    const std::shared_ptr<Stream> stream = found->second;
    stream->on_segment(packet);
    return;
  }
  const bool is_syn =
      packet.segment.event == lab::TcpEvent::Open && packet.segment.acknowledged == 0;
  if (is_syn && acceptors_.contains(packet.flow.destination.port)) {
    const auto stream = std::make_shared<Stream>(*this, flow, StreamEvents{}, StreamOptions{});
    streams_.emplace(flow, stream);
    stream->on_segment(packet);
    return;
  }
  if (packet.segment.event == lab::TcpEvent::Reset) return;
  send_segment({.flow = flow, .payload = nullptr, .segment = {.event = lab::TcpEvent::Reset}});
}

}  // namespace warren::sim
