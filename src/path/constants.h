#pragma once

#include <cstddef>

#include "base/time.h"

// Every limit and interval of path discovery. Those of stock clients are from spec: paths
// section 5.1; the quicker ones are the improvements of sections 9.6 to 9.8, which stock peers
// take part in without knowing.
namespace warren::path {

// --- stock
inline constexpr Duration kSessionActive = 45s;   // probing goes on after the last packet to a peer
inline constexpr Duration kHeartbeat = 3s;        // pings on the direct path of an active peer
inline constexpr Duration kTrust = 6500ms;        // that a pong earns its path
inline constexpr Duration kPingTimeout = 5s;      // a later pong is unknown
inline constexpr Duration kDirectUpgrade = 60s;   // all candidates again beside a direct path
inline constexpr Duration kGoodEnough = 5ms;      // a faster direct path is not improved on
inline constexpr Duration kEndpointsFresh = 27s;  // of our public endpoints, for a call-me-maybe
inline constexpr Duration kStunIntervalMin = 20s;
inline constexpr Duration kStunIntervalSpread = 6s;
inline constexpr Duration kFullReportInterval = 300s;  // section 3.3
inline constexpr Duration kReportLimit = 5s;           // section 3.3
inline constexpr Duration kStunLimit = 3s;             // section 3.3
inline constexpr Duration kStunRetry = 100ms;          // section 3.3, full plan
inline constexpr std::size_t kStunTries = 3;           // section 3.3, full plan
inline constexpr std::size_t kEnoughRegions = 3;       // section 3.3
inline constexpr Duration kLatencyHistory = 305s;      // section 3.3
inline constexpr Duration kHomeHysteresis = 10ms;      // section 3.4

// --- discovery (section 9.6)
inline constexpr Duration kPingPace = 1ms;      // between pings of one round
inline constexpr Duration kPingSpacing = 5ms;   // at least, to one candidate
inline constexpr Duration kPingBack = 250ms;    // an unproven address that pings us is pinged back
inline constexpr Duration kFirstRound = 500ms;  // until the second round; each interval doubles
inline constexpr Duration kLastRound = 30s;     // and no further: an open way is found within it
inline constexpr Duration kQuickCalls = 2s;     // how long each round calls
inline constexpr Duration kCallPause = 6s;  // then: longer than stock waits to ping, so it calls
inline constexpr Duration kRepings = 3s;    // how long after a round pings are repeated
inline constexpr Duration kRelayRoundTrip = 100ms;  // assumed while unknown
inline constexpr Duration kCallAnswer = 2s;         // own call-me-maybe in answer to one, at most
inline constexpr Duration kCallSpacing = 20ms;      // of calls that say the same
inline constexpr Duration kGoneRetryMin = 50ms;     // the relay says the peer is not there (yet)
inline constexpr Duration kGoneRetryMax = 5s;
inline constexpr Duration kSeenFor = 45s;  // a candidate known only from its pings, stock

// --- failover (section 9.8)
inline constexpr Duration kSuspicion = 300ms;     // silence while we send; at least 3 round trips
inline constexpr Duration kProbeInterval = 50ms;  // then; at least 2 round trips
inline constexpr unsigned kProbes = 3;            // unanswered: doubt
inline constexpr Duration kDoubtProbeMax = 1s;    // probes of a doubtful path slow down to this
inline constexpr Duration kKeepWarm = 10s;        // pings on the second-best path

// --- handshakes (section 9.7)
inline constexpr std::size_t kInitiationRepeats = 3;
inline constexpr Duration kInitiationRepeat = 500ms;  // doubles

// --- UDP blocked (section 9.4)
inline constexpr Duration kMeasureAfter = 200ms;  // HTTPS beside STUN that does not answer
inline constexpr std::size_t kMaxMeasured = 8;    // regions a report

// --- pings that somebody asked for
// A search that has run so long begins anew: its quick calls, and a pause in which stock calls.
inline constexpr Duration kSearchAnew = 10s;

// --- bounds
inline constexpr std::size_t kMaxRequestedPings = 64;  // waiting for an answer; more are refused
inline constexpr std::size_t kMaxConfigured = 32;      // candidates of a peer from the network map
inline constexpr std::size_t kMaxCalled = 64;          // from one call-me-maybe
inline constexpr std::size_t kMaxCandidates = 100;     // of a peer; section 5.1, prune trigger
inline constexpr std::size_t kMaxSentPings = 512;      // unanswered, of a peer; the oldest go
inline constexpr std::size_t kMaxOwnEndpoints = 24;
inline constexpr std::size_t kMaxObserved = 8;  // public endpoints that others saw us under
inline constexpr Duration kObservedFor = 60s;
inline constexpr std::size_t kMaxV6PerPrefix = 2;       // section 5.2
inline constexpr std::size_t kMaxProbesInFlight = 512;  // STUN requests
inline constexpr std::size_t kMaxReports = 16;          // kept for the choice of a home

// What one peer may ask of us: far above what any client sends.
inline constexpr Duration kPingLimitInterval = 5ms;  // 200 a second in the long run
inline constexpr std::size_t kPingLimitBurst = 400;
inline constexpr Duration kCallLimitInterval = 250ms;
inline constexpr std::size_t kCallLimitBurst = 16;

}  // namespace warren::path
