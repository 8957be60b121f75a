#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/tagged.h"

// What goes into and comes out of HTTP/2 sessions (RFC 9113). Values; a session keeps none of them.
namespace warren::http2 {

using StreamId = TaggedNumber<struct StreamIdTag, std::int32_t>;
using Bytes = std::vector<std::uint8_t>;

// Names in lower case, without the ones that begin with a colon.
struct Field {
  std::string name;
  std::string value;

  bool operator==(const Field&) const = default;
};

using Fields = std::vector<Field>;

// The first field of that name; null when there is none.
const std::string* find(const Fields& fields, std::string_view name);

// RFC 9113 section 7; a peer may send others.
enum class Code : std::uint32_t {
  NoError = 0x0,
  ProtocolError = 0x1,
  InternalError = 0x2,
  FlowControlError = 0x3,
  StreamClosed = 0x5,
  RefusedStream = 0x7,  // nothing was done: the request may be sent again
  Cancel = 0x8,
  EnhanceYourCalm = 0xb,
};

struct Limits {
  // Open at once: by the peer of a server, by the owner of a client. Clients expect 100 at least
  // (spec: control section 3.1).
  std::uint32_t max_streams = 100;
  // Of a head: names, values and 32 bytes for each field (RFC 9113 section 6.5.2).
  std::uint32_t max_head = 16 << 10;
  // Of a request. A longer one is answered with 413. Responses have no limit but the windows.
  std::uint64_t max_body = 1 << 20;  // as stock servers (spec: control section 3.1)
  // Bytes of bodies that were received and not consumed, of a stream and of all.
  std::uint32_t stream_window = 1 << 20;
  std::uint32_t connection_window = 1 << 20;
};

// A map of a large network arrives without waiting for window updates. The window is the one that
// stock clients announce (spec: control section 3.1).
inline constexpr Limits kClientLimits = {
    .max_streams = 100,
    .max_head = 64 << 10,
    .stream_window = 4 << 20,
    .connection_window = 8 << 20,
};

// What a session refused, for the owner's metrics.
struct Counters {
  std::uint64_t large_heads = 0;
  std::uint64_t large_bodies = 0;
};

// --- Events. Those of one stream come in this order: head, bodies, End; Reset may come at any
// point and is the last. Later calls bring no more of a stream that the owner has reset nor, at a
// server, of one whose response he has ended; the list at hand may still hold some.

struct RequestHead {
  StreamId stream;
  std::string method;
  std::string path;
  std::string authority;
  Fields fields;

  bool operator==(const RequestHead&) const = default;
};

struct ResponseHead {
  StreamId stream;
  std::uint16_t status = 0;
  Fields fields;

  bool operator==(const ResponseHead&) const = default;
};

// Counts against the windows until consume().
struct Body {
  StreamId stream;
  Bytes bytes;

  bool operator==(const Body&) const = default;
};

// The peer's message is complete. At a client the stream is then gone.
struct End {
  StreamId stream;

  bool operator==(const End&) const = default;
};

// The stream is gone. At a server, EnhanceYourCalm may mean that the body was too long; it was
// answered.
struct Reset {
  StreamId stream;
  Code code = Code::NoError;

  bool operator==(const Reset&) const = default;
};

// The peer begins and takes no more streams; those that are open go on.
struct Goaway {
  Code code = Code::NoError;

  bool operator==(const Goaway&) const = default;
};

struct PingAnswered {
  std::uint64_t id = 0;

  bool operator==(const PingAnswered&) const = default;
};

using Event = std::variant<RequestHead, ResponseHead, Body, End, Reset, Goaway, PingAnswered>;
using Events = std::vector<Event>;

}  // namespace warren::http2
