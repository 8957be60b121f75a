#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/noise_ik.h"
#include "io/http2/session.h"
#include "proto/ts2021/records.h"

namespace warren::control {

struct SessionLimits {
  // Of a key that belongs to no node (spec: server section 7.6).
  std::size_t stranger_body = std::size_t{64} << 10;
  std::size_t stranger_streams = 4;     // open at once; others are refused, and may come again
  std::size_t stranger_requests = 100;  // then it has to connect again, which listeners limit
  Duration stranger_idle = 60s;         // with no request open
  // Of everybody. What a member may send is bounded by the defaults of http2::Limits.
  Duration first_bytes = 15s;                      // spec: server section 7.6
  Duration body = 30s;                             // from a request's head to its end
  Duration slow = 60s;                             // spec: server section 1.6
  std::size_t max_unsent = std::size_t{16} << 20;  // twice the map of 10,000 nodes as plain JSON
};

// What a stream of requests did.
struct SessionNews {
  struct Asked {
    http2::StreamId stream;
    std::string method;
    std::string path;
    std::string body;
  };

  std::vector<Asked> asked;              // whole requests
  std::vector<http2::StreamId> gone;     // were asked, and wait for no answer any more
  std::vector<http2::StreamId> drained;  // everything written to them is sent
};

struct SessionCounters {
  std::uint64_t refused_streams = 0;  // too many at once, or too much unsent
  std::uint64_t large_bodies = 0;
  std::uint64_t late_bodies = 0;

  void add(const SessionCounters& other) {
    refused_streams += other.refused_streams;
    large_bodies += other.large_bodies;
    late_bodies += other.late_bodies;
  }
};

// A connection of a machine after the handshake, without its socket: sealed records with HTTP/2 in
// them on one side, requests and answers on the other (spec: control sections 2.6, 3.1).
//
// A request is heard of when it is complete. What a connection holds is bounded: bodies that are
// not complete by HTTP/2's windows, answers by the number of streams and `max_unsent`. A call that
// returns false ends the connection; what take_output() still gives may be sent before.
class MachineSession {
 public:
  MachineSession(NoiseKeys keys, const SessionLimits& limits, TimePoint now);

  // Its key belongs to a node (or not, or not any more).
  void set_member(bool is_member) { is_member_ = is_member; }

  bool is_member() const { return is_member_; }

  // --- the socket's side
  // The next bytes, cut anywhere.
  [[nodiscard]] bool receive(ByteView bytes, TimePoint now, SessionNews& news);
  // Appends sealed records with about `enough` bytes, or nothing when there is nothing to say.
  [[nodiscard]] bool take_output(std::vector<std::uint8_t>& out,
                                 std::size_t enough,
                                 TimePoint now,
                                 SessionNews& news);
  // The system took everything that take_output() gave, and that was all there was.
  void on_sent(TimePoint now, SessionNews& news);
  // Deadlines; call it once a second or so.
  [[nodiscard]] bool on_tick(TimePoint now);

  bool is_over() const { return http_.is_over(); }

  // --- answers; each does nothing when the stream is gone
  void respond(http2::StreamId stream,
               std::uint16_t status,
               const http2::Fields& fields,
               http2::Bytes body,
               TimePoint now);
  void open(http2::StreamId stream);
  // At most one message before SessionNews::drained names the stream.
  void write(http2::StreamId stream, http2::Bytes bytes, TimePoint now);
  void end(http2::StreamId stream, TimePoint now);
  // Ends every answer that is open and takes no more requests.
  void shut_down(TimePoint now);

  const SessionCounters& counters() const { return counters_; }

 private:
  struct Exchange {
    enum class State : std::uint8_t {
      Receiving,  // the request is not complete
      Asked,      // the owner is to answer
      Open,       // he answers bit by bit
      Answered,   // he is done; gone when everything is sent
    } state = State::Receiving;
    std::string method;
    std::string path;
    std::string body;
    TimePoint since;            // the head came
    TimePoint unsent = kNever;  // since when something waits to be sent
  };

  using Exchanges = std::map<http2::StreamId, Exchange>;

  bool take(TimePoint now, SessionNews& news);
  bool begin(http2::RequestHead head, TimePoint now);
  void take_body(const http2::Body& body, TimePoint now);
  void complete(http2::StreamId stream, SessionNews& news);
  void forget(http2::StreamId stream, SessionNews& news);
  void refuse(http2::StreamId stream, std::uint16_t status, std::string_view text, TimePoint now);
  std::size_t unsent() const;

  SessionLimits limits_;
  SessionCounters counters_;
  ts2021::RecordOpener opener_;
  ts2021::RecordSealer sealer_;
  http2::ServerSession http_;
  http2::Events events_;
  Exchanges exchanges_;  // http2::Limits::max_streams at most
  bool is_member_ = false;
  bool has_spoken_ = false;
  std::size_t requests_ = 0;  // that it began as a stranger
  TimePoint begun_;
  TimePoint idle_since_;  // of no meaning while exchanges are open
};

}  // namespace warren::control
