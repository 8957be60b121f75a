#pragma once

#include <cstddef>
#include <cstdint>

// Numbers of the DNS (RFC 1035, RFC 6895, the IANA registry of DNS parameters).
namespace warren::dns {

inline constexpr std::uint16_t kPort = 53;
inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMinUdpMessage = 512;     // RFC 1035 section 4.2.1
inline constexpr std::size_t kMaxUdpMessage = 4095;    // spec: node-features section 4.1
inline constexpr std::size_t kMaxTcpMessage = 65'535;  // RFC 1035 section 4.2.2
inline constexpr std::size_t kMaxTcpRequest = 4096;    // spec: node-features section 4.1

// Values that are not here are possible.
enum class RecordType : std::uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Hinfo = 13,
  Txt = 16,
  Aaaa = 28,
  Opt = 41,
  Ixfr = 251,
  Axfr = 252,
  Any = 255,
};

enum class RecordClass : std::uint16_t { In = 1, Any = 255 };

enum class Opcode : std::uint8_t { Query = 0 };

enum class ResponseCode : std::uint16_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  BadVersion = 16,  // RFC 6891 section 9: needs EDNS
};

}  // namespace warren::dns
