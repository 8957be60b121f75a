#pragma once

#include <cstdint>
#include <map>
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
#include "netmap/model.h"
#include "proto/control/map.h"
#include "proto/ts2021/handshake.h"
#include "proto/ts2021/records.h"

// Test support: a machine as a server sees it, on the server's own loop.
namespace warren::control::testing {

class TestMachine {
 public:
  struct Answer {
    unsigned status = 0;
    std::string body;
    bool is_over = false;
    std::optional<http2::Code> reset;
  };

  // Connects and asks for the upgrade. It lives until the loop has nothing more for it.
  TestMachine(const boost::asio::any_io_executor& executor,
              const Endpoint& server,
              const MachinePublicKey& server_key,
              Random& random);
  TestMachine(const TestMachine&) = delete;
  TestMachine& operator=(const TestMachine&) = delete;

  bool is_open() const { return http_.has_value(); }

  bool is_closed() const { return is_closed_; }

  // What came with the first read.
  std::size_t first_read() const { return first_read_; }

  // As the model has it; `node_key` is its number.
  netmap::Machine machine(std::uint8_t node_key, std::string hostname = "nas") const;

  // 0: refused by our own side.
  http2::StreamId post(std::string_view path, std::string body, http2::Fields fields = {});

  // The first frame of its body, and then nothing more of anything.
  http2::StreamId post_in_part(std::string_view path, std::string body);

  const Answer& answer(http2::StreamId stream) { return answers_[stream]; }

  // The messages of a map stream since the last call, which was made without compression.
  std::vector<MapResponse> take(http2::StreamId stream);
  void reset(http2::StreamId stream);

  // Beneath HTTP/2, and beneath the records.
  void send_text(ByteView text);
  void send_raw(ByteView bytes);

  // For what HTTP/2 sessions do not do.
  http2::ClientSession& http() { return *http_; }

  void flush();
  void close();

 private:
  void read();
  void on_bytes(ByteView bytes);
  bool finish_upgrade();
  void on_events();
  void write();

  // Handlers that were about to run when the machine went find out by it.
  std::shared_ptr<int> life_ = std::make_shared<int>();
  boost::asio::ip::tcp::socket socket_;
  MachinePrivateKey key_;
  std::optional<ts2021::StartedHandshake> started_;
  std::optional<ts2021::RecordOpener> opener_;
  std::optional<ts2021::RecordSealer> sealer_;
  std::optional<http2::ClientSession> http_;
  http2::Events events_;
  std::map<http2::StreamId, Answer> answers_;
  std::array<std::uint8_t, 16384> buffer_{};
  std::vector<std::uint8_t> hello_;  // before the session
  std::vector<std::uint8_t> output_;
  bool is_writing_ = false;
  bool is_silent_ = false;
  bool is_closed_ = false;
  std::size_t first_read_ = 0;
};

}  // namespace warren::control::testing
