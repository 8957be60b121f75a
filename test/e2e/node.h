#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/object.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "e2e/static_map.h"
#include "relay/client/client.h"
#include "tunnel/tunnel.h"

namespace warren::e2e {

// A node of the overlay that was told everything by a file: relay client and tunnel, brought
// together with a TUN device. It decides nothing; whatever it seems to do, they do.
//
// Until SIGINT or SIGTERM. Its device, with addresses and routes, goes with it.
class Node {
 public:
  using Print = std::function<void(const boost::json::object&)>;

  // Reads the file again.
  using Reload = std::function<Result<StaticMap>()>;

  // References outlive the object. `print` gets what happens, and the answer to each line on
  // standard input: "status" asks for everything, "reload" tells the node what is new of its peers.
  Node(Random& random, const WallClock& wall_clock, Log& log, Print print, Reload reload);

  Result<void> start(const StaticMap& map);
  // Until it is told to stop.
  Result<void> run();

 private:
  Result<void> start_tunnel(const StaticMap& map);
  Result<void> set_up_device(const StaticMap& map);
  void set_peers(const StaticMap& map);
  void observe();
  void wait_for_commands();
  void print_status();
  void reload_peers();
  void print(std::string_view event, boost::json::object what);

  Random& random_;
  const WallClock& wall_clock_;
  Log& log_;
  Print print_;
  Reload reload_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  boost::asio::posix::stream_descriptor input_;
  std::string received_;
  unsigned link_ = 0;  // index of the device
  std::unique_ptr<relay::client::Client> relay_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
  Result<void> outcome_;
};

}  // namespace warren::e2e
