#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace warren::relay::client {

// --- connecting
inline constexpr Duration kConnectLimit = 10s;      // DNS to ServerInfo; spec: paths section 2.1
inline constexpr Duration kNodeDialLimit = 1500ms;  // DNS and TCP of one node; same
// Beyond it, one connection more closes the one written to least lately. Far more than the homes of
// the peers that a node talks to at once.
inline constexpr std::size_t kMaxConnections = 32;
inline constexpr Duration kIdleClose = 60s;  // since the last write; spec: paths section 2.4

// --- connecting again (demand R11: many clients lose the relay at once)
inline constexpr Duration kFirstRetryJitter = 50ms;  // spreads a thousand clients, unseen by one
inline constexpr Duration kRetryStep = 250ms;        // doubled with every failure
inline constexpr Duration kRetryCap = 5s;            // spec: paths section 2.4
// The longest step while nothing answers after a loss, and for how long: back within a second of a
// restart, of which logging in takes a part. Each machine is refused about four times a second.
inline constexpr Duration kQuickRetryStep = 500ms;
inline constexpr Duration kQuickRetries = 30s;
// A connection that lasted as long was good: the next one begins from the first retry.
inline constexpr Duration kProvenAfter = 5s;
inline constexpr Duration kMaxRestartWait = 30s;  // of a Restarting frame, whatever it asks for

// --- liveness (spec: paths section 10, "Relay liveness")
inline constexpr Duration kMinPongWait = 500ms;
inline constexpr Duration kMaxPongWait = 5s;
inline constexpr Duration kUnknownRoundTrip = 250ms;  // until one was measured
// Something was written and nothing heard since. As with a direct path (paths section 9.8).
inline constexpr Duration kQuietAfterWrite = 300ms;
// Servers keep alive every 60 to 65 s (spec: paths section 2.4).
inline constexpr Duration kQuietIdle = 70s;

// --- bytes
inline constexpr std::size_t kMaxHttpHead = 8192;  // of an answer; servers we know send 200 bytes
inline constexpr std::size_t kMaxRecord = 16384;   // RFC 8446 section 5.1
// Packets that wait for one region; the oldest go first (spec: data-plane section 6).
inline constexpr std::size_t kUrgentQueueBytes = std::size_t{64} << 10;
inline constexpr std::size_t kDataQueueBytes = std::size_t{256} << 10;

// --- the thread
inline constexpr Duration kMeasureLimit = 5s;            // spec: paths section 3.3
inline constexpr std::size_t kMaxMeasuring = 64;         // regions at once
inline constexpr std::size_t kMaxDialing = 64;           // with those nobody waits for any more
inline constexpr std::size_t kMaxCallsInFlight = 1024;   // from the control strand
inline constexpr std::size_t kMaxUpcallsInFlight = 256;  // messages to it
inline constexpr std::size_t kTurnBytes = std::size_t{512} << 10;  // then others get their turn
// TCP_NOTSENT_LOWAT: so that what waits waits in our queue (spec: data-plane section 6).
inline constexpr std::uint32_t kUnsentBytes = std::uint32_t{64} << 10;
inline constexpr Duration kTcpUserTimeout = 15s;  // spec: paths section 2.5

}  // namespace warren::relay::client
