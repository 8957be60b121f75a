#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/ip_address.h"
#include "base/random.h"
#include "crypto/keys.h"
#include "io/http2/session.h"
#include "node/control_session.h"
#include "proto/control/map_frame.h"
#include "proto/ts2021/handshake.h"

// A machine as the coordination server sees it, and nothing more: no tunnel, no relay. One thread
// holds thousands.
namespace warren::bench {

class Client {
 public:
  struct Observer {
    std::function<void(Client&)> registered;
    // A message of its map stream, as JSON, and how long it was on the way.
    std::function<void(Client&, std::string_view json, std::size_t wire)> message;
    std::function<void(Client&, std::string_view why)> failed;  // once; it is closed then
  };

  struct Server {
    Endpoint endpoint;
    MachinePublicKey key;
    std::string auth_key;
  };

  // `server` and `observer` outlive it. `number` makes its source address, so that limits for each
  // address hold for each machine.
  Client(boost::asio::any_io_executor executor,
         const Server& server,
         const Observer& observer,
         std::size_t number,
         Random& random);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t number() const { return number_; }

  // Connects, registers, opens the map stream and says where it can be reached.
  void join();
  // A new endpoint; others hear of "198.18.0.0/15" addresses with this port.
  void move_to(std::uint16_t port);
  void close();

 private:
  void read();
  void on_bytes(ByteView bytes);
  bool finish_upgrade(ByteView& rest);
  void on_events();
  void on_answer(http2::StreamId stream, std::string_view body);
  void open_map();
  http2::StreamId post(std::string_view path, const std::string& body);
  void flush();
  void write();
  void fail(std::string_view why);

  boost::asio::any_io_executor executor_;
  const Server& server_;
  const Observer& observer_;
  std::size_t number_;
  Random& random_;
  MachinePrivateKey machine_;
  NodePrivateKey node_;
  DiscoPrivateKey disco_;

  // Of one connection.
  std::shared_ptr<int> life_;  // handlers of an earlier one find out by it
  std::optional<boost::asio::ip::tcp::socket> socket_;
  std::optional<ts2021::StartedHandshake> started_;
  std::optional<node::ControlSession> session_;
  std::optional<control::MapFrameReader> reader_;
  http2::Events events_;
  http2::StreamId register_stream_;
  http2::StreamId map_stream_;
  unsigned status_ = 0;  // of the map stream's answer
  std::string answer_;
  std::size_t wire_ = 0;  // bytes of the map stream since the last message
  std::array<std::uint8_t, 16384> buffer_{};
  std::vector<std::uint8_t> hello_;  // before the session
  std::vector<std::uint8_t> output_;
  std::vector<std::uint8_t> sending_;
};

}  // namespace warren::bench
