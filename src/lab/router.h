#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/json/object.hpp>

#include "base/log.h"
#include "base/result.h"
#include "io/epoll.h"
#include "io/timer_fd.h"
#include "lab/command.h"
#include "lab/host_device.h"
#include "lab/network.h"
#include "lab/topology.h"

namespace warren::lab {

// The network between the devices of its hosts. One thread: packets and commands take turns on the
// caller's event loop. The devices and the timer of delayed packets are in an epoll of their own,
// which the loop waits for, so a burst of packets costs the loop one event.
class Router final : public PacketSink {
 public:
  // Makes the devices. Nothing passes before start().
  static Result<std::unique_ptr<Router>> create(boost::asio::io_context& loop,
                                                const Topology& topology,
                                                Log& log);

  void start() { wait(); }

  void stop();

  Result<boost::json::object> perform(const Command& command);

 private:
  // A host, as commands change it.
  struct Host {
    std::string name;
    std::string behind;
    std::unique_ptr<HostDevice> device;
    bool is_gone = false;  // with its network namespace
  };

  Router(boost::asio::io_context& loop, const Topology& topology, Log& log);

  Result<void> open(const Topology& topology);
  bool deliver(NodeIndex host, const virtio::NetHeader& header, ByteView packet) override;

  void wait();
  bool turn();
  void read_from(NodeIndex index, Host& host);
  void arm();
  Host* find(std::string_view name);

  Result<void> do_command(const SetLink& command);
  Result<void> do_command(const SetLinkState& command);
  Result<void> do_command(const Forget& command);
  Result<void> do_command(const SetExternal& command);
  Result<void> do_command(const SetBlock& command);
  Result<void> do_command(const Move& command);

  Log& log_;
  std::map<std::string, std::vector<IpAddress>, std::less<>> gateways_;  // addresses of routers
  std::unique_ptr<Network> network_;
  std::map<NodeIndex, Host> hosts_;
  std::unique_ptr<io::Epoll> epoll_;
  std::unique_ptr<io::TimerFd> timer_;
  TimePoint armed_ = kNever;
  boost::asio::posix::stream_descriptor ready_;  // the epoll
  std::vector<std::uint8_t> packet_;
};

}  // namespace warren::lab
