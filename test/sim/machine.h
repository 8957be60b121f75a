#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/udp_path.h"
#include "lab/link.h"
#include "sim/host.h"
#include "sim/internet.h"
#include "sim/router.h"
#include "sim/stream.h"
#include "sim/transit.h"

namespace warren::sim {

// A computer in the Internet: interfaces, UDP sockets, TCP connections. Programs are attached to
// it and see what the operating system would show them. What goes away with the machine goes in
// silence, as by a power cut.
class Machine {
 public:
  static constexpr LinkQuality kPerfect{};

  Machine(Internet& internet, std::string name);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  const std::string& name() const { return name_; }

  Internet& internet() { return internet_; }

  // --- interfaces, by index from 1
  struct Interface {
    std::uint32_t index = 0;
    Router* router = nullptr;
    Addresses addresses;
    bool is_up = true;
  };

  // Joins the router's network; the first interface that is up has the default routes. Returns the
  // index.
  std::uint32_t attach(Router& router, const Addresses& addresses);

  std::uint32_t attach(Router& router) { return attach(router, router.lease()); }

  void set_addresses(std::uint32_t interface, const Addresses& addresses);
  void move(std::uint32_t interface, Router& router, const Addresses& addresses);
  void set_link(std::uint32_t interface, bool is_up);
  void set_quality(std::uint32_t interface, const LinkQuality& up, const LinkQuality& down);

  std::vector<Interface> interfaces() const;

  // Called after each change above that a program would hear of (netlink), until it is unwatched.
  std::uint64_t watch(std::function<void()> on_change);

  void unwatch(std::uint64_t watcher) { watchers_.erase(watcher); }

  // --- UDP. A socket has a port of all addresses; the host must unbind before it goes.
  void bind(std::uint16_t port, Host& host);
  void unbind(std::uint16_t port);
  // False when the kernel would not send: no route, or the wanted source is not ours.
  bool send(std::uint16_t port, const UdpPath& to, ByteView bytes);

  // --- TCP. Connects from an address that is chosen once; failure is heard later.
  std::shared_ptr<Stream> connect(const Endpoint& to,
                                  StreamEvents events,
                                  const StreamOptions& options = {});
  // `accept` answers with what shall hear of the stream.
  using Acceptor = std::function<StreamEvents(const std::shared_ptr<Stream>&)>;
  void listen(std::uint16_t port, Acceptor accept);
  void stop_listening(std::uint16_t port);
  // Ends all connections with resets, as when the program is killed.
  void reset_streams();

  std::size_t streams() const { return streams_.size(); }

  // --- for the network and for streams
  void take(Router& from, const Transit& packet);
  bool send_segment(const Transit& packet);
  void forget(const Stream& stream);
  const Acceptor* acceptor(std::uint16_t port) const;

 private:
  struct Port;  // an interface with its links

  Port* find_port(std::uint32_t interface);
  Port* find_port_of(const IpAddress& address);

  // Where packets to the destination leave, from which of our addresses.
  struct Route {
    Port* port = nullptr;
    IpAddress source;
  };

  std::optional<Route> route_to(const Endpoint& remote, const std::optional<LocalAddress>& source);
  void join(Port& port);
  void leave(Port& port);
  void changed();
  void transmit(Port& port, const Transit& packet);
  void receive(std::uint32_t interface, const Transit& packet);
  void receive_segment(const Transit& packet);

  Internet& internet_;
  std::string name_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::map<std::uint64_t, std::function<void()>> watchers_;
  std::uint64_t last_watcher_ = 0;
  std::unordered_map<std::uint16_t, Host*> sockets_;
  std::unordered_map<std::uint16_t, Acceptor> acceptors_;
  std::unordered_map<lab::Flow, std::shared_ptr<Stream>> streams_;  // by local and remote
  std::uint16_t next_port_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // packets on their way hold it weakly
};

}  // namespace warren::sim
