#pragma once

#include <cstddef>

#include "base/time.h"

namespace warren::relay {

// Every bound and period of a relay. The defaults serve thousands of machines on a small server;
// tests make them short.
struct Limits {
  // --- tables
  std::size_t connections = 16384;
  std::size_t connections_per_key = 8;  // beyond it the key's oldest is closed
  std::size_t flows_per_source = 4096;  // destinations remembered; an idle one gives way

  // --- bytes
  std::size_t client_info = 16384;     // a stock client sends about 150 (paths 2.2 allows 262,144)
  std::size_t data_queue = 512 << 10;  // per destination: 100 ms at 40 Mbit/s
  std::size_t disco_queue = 64 << 10;  // per destination: 500 probes
  std::size_t control_queue = 64 << 10;  // per connection, of frames we make ourselves
  // Memory of received frames: what one source's packets can hold, what the packets of connections
  // that closed can hold, and what all can.
  std::size_t slabs_per_source = 64;  // 4 MiB: what a sender at 100 Mbit/s sends in 350 ms
  std::size_t slabs_detached = 128;
  std::size_t slabs = 8192;  // 544 MiB

  // --- time
  Duration login = 10s;             // paths 2.1 item 5, from the start to a right ClientInfo
  Duration half_frame = 30s;        // a frame whose rest does not come
  Duration keep_alive = 60s;        // paths 2.4
  Duration keep_alive_jitter = 5s;  // paths 2.4: drawn once a connection
  Duration packet_wait = 1s;        // a queued packet older than this is worth nothing any more

  // --- rates
  Duration not_here_interval = 1s;  // paths 2.5: PeerGone(NotHere), to one sender
  std::size_t not_here_burst = 3;
  // Of one source to one destination; a peer that probes sends a few. What is beyond goes with the
  // data, or whoever marks everything as disco would starve it.
  Duration disco_interval = 31250us;  // 32 a second
  std::size_t disco_burst = 64;
};

}  // namespace warren::relay
