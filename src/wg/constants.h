#pragma once

#include <cstdint>

#include "base/time.h"

// Every limit and interval of the protocol, from wireguard.com/papers/wireguard.pdf section 6 and
// spec: paths sections 1.4 to 1.9. Jitter and retry rules are those of the deployed
// implementations.
namespace warren::wg {

inline constexpr std::uint64_t kReplayWindow = 8128;  // 127 blocks of 64 bits, paths section 1.5
inline constexpr std::uint64_t kRekeyAfterMessages = std::uint64_t{1} << 60;
inline constexpr std::uint64_t kRejectAfterMessages =
    UINT64_MAX - (std::uint64_t{1} << 13);  // 2^64 - 2^13 - 1

inline constexpr Duration kRekeyAfterTime = 120s;
inline constexpr Duration kRejectAfterTime = 180s;
inline constexpr Duration kRekeyTimeout = 5s;       // between initiations of one peer
inline constexpr Duration kMaxTimerJitter = 334ms;  // exclusive: 0 to 333 ms
inline constexpr unsigned kMaxRetries = 18;         // 20 initiations in 90 s, then give up
inline constexpr Duration kKeepaliveTimeout = 10s;  // passive keepalive
inline constexpr Duration kDeadPeerTimeout =
    15s;  // data sent, nothing heard: keepalive + rekey timeout
inline constexpr Duration kLastMinuteRekey =
    165s;                                   // on receive: reject - keepalive - rekey timeout
inline constexpr Duration kKeyWipe = 540s;  // three times reject-after-time

inline constexpr Duration kInitiationSpacing = 20ms;  // between accepted initiations of one peer
inline constexpr Duration kCookieLifetime = 120s;     // of a cookie and of the secret behind it
inline constexpr Duration kUnderLoadHold = 1s;
inline constexpr std::size_t kUnderLoadQueue = 128;  // handshake messages waiting
inline constexpr unsigned kHandshakesPerSecond =
    20;  // per source address, once it has shown a cookie
inline constexpr unsigned kHandshakeBurst = 5;

inline constexpr std::size_t kMaxPeers = 65536;  // paths section 1.9

}  // namespace warren::wg
