#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "sim/transit.h"

namespace warren::sim {

class Machine;

enum class StreamEnd : std::uint8_t {
  Finished,  // the other side closed
  Refused,   // nobody listens
  Reset,     // the other side, or a machine in its place, knows nothing of the connection
  TimedOut,  // nothing was acknowledged for too long
};

struct StreamEvents {
  std::function<void()> on_open = nullptr;
  std::function<void(ByteView)> on_message = nullptr;
  std::function<void(StreamEnd)> on_closed = nullptr;  // once, and nothing after it
};

struct StreamOptions {
  Duration connect_timeout = 10s;
  Duration silence_timeout = 100s;  // of what is sent; RFC 1122 section 4.2.3.5: at least 100 s
};

// One end of a TCP connection that carries messages, reliably and in order, for relays. A small
// TCP: its segments walk the Internet like any packet and meet its NATs, firewalls and losses.
// There is a window and a retransmission timer (RFC 6298) but no congestion control.
//
// Its machine keeps it until it has ended. Whoever holds it closes it before they go.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  static constexpr std::size_t kWindow = 64;        // segments not acknowledged
  static constexpr std::size_t kMaxWaiting = 1024;  // messages behind the window

  enum class State : std::uint8_t { Connecting, Open, Ended };

  // For Machine. `flow` is local to remote.
  Stream(Machine& machine,
         const lab::Flow& flow,
         StreamEvents events,
         const StreamOptions& options);

  State state() const { return state_; }

  const Endpoint& local() const { return flow_.source; }

  const Endpoint& remote() const { return flow_.destination; }

  const lab::Flow& flow() const { return flow_; }

  // False when there is no room, or the stream has ended. Before it is open messages wait.
  bool send(ByteView message);

  std::size_t waiting() const { return waiting_.size(); }

  // What was sent still arrives. No event follows.
  void close();
  // What was sent may be lost. No event follows.
  void abort();

  // For Machine: the first segment of the side that connects, and each that arrives.
  void start();
  void on_segment(const Transit& packet);
  // The machine is gone.
  void orphan();

 private:
  using Payload = std::shared_ptr<const std::vector<std::uint8_t>>;

  struct Sent {
    std::uint64_t sequence = 0;
    lab::TcpEvent event = lab::TcpEvent::None;
    Payload payload;
    TimePoint first;
    TimePoint last;
    bool is_repeated = false;
  };

  struct Early {
    lab::TcpEvent event = lab::TcpEvent::None;
    Payload payload;
  };

  enum class Recovery : std::uint8_t { None, Fast, Timeout };

  void queue(lab::TcpEvent event, Payload payload);
  void fill_window();
  void emit(const Transit::Segment& segment, Payload payload);
  void repeat(Sent& sent);
  void acknowledge();
  void on_acknowledged(std::uint64_t acknowledged, bool is_pure);
  void accept_in_sequence(const Transit& packet);
  void on_in_sequence(const Early& segment);
  void opened();
  void measure(Duration round_trip);
  void arm();
  Duration limit() const;
  void on_timer();
  void end(StreamEnd reason);
  void retire();

  Machine* machine_;  // null: gone
  lab::Flow flow_;
  StreamEvents events_;
  StreamOptions options_;
  State state_ = State::Connecting;
  bool is_accepted_ = false;  // the other side began
  bool is_silent_ = false;    // closed here: no events
  bool has_sent_fin_ = false;
  bool has_got_fin_ = false;

  std::deque<Sent> unacknowledged_;
  std::deque<Sent> waiting_;
  std::uint64_t next_sequence_ = 0;
  unsigned duplicate_acks_ = 0;
  Recovery recovery_ = Recovery::None;
  std::uint64_t recover_until_ = 0;
  TimePoint recovery_began_;

  std::uint64_t expected_ = 0;            // of theirs
  std::map<std::uint64_t, Early> early_;  // within a window of expected_

  std::optional<Duration> smoothed_;
  Duration variation_{};
  Duration timeout_ = 1s;  // RFC 6298 section 2.1
  unsigned backoff_ = 0;
  TimePoint deadline_ = kNever;
  TimePoint wake_ = kNever;  // the earliest timer in the queue
};

}  // namespace warren::sim
