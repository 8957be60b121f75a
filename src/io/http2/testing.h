#pragma once

#include <string_view>
#include <utility>

#include "base/result.h"
#include "io/http2/session.h"

// What this folder's tests share: a client and a server with nothing but memory between them.
namespace warren::http2 {

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

struct Pair {
  explicit Pair(const Limits& server_limits = {}, const Limits& client_limits = kClientLimits)
      : client(client_limits), server(server_limits) {}

  // Lets both talk until neither has anything to say.
  void talk() {
    while (client.wants_output() || server.wants_output()) {
      move(client, at_client, server, at_server);
      move(server, at_server, client, at_client);
    }
  }

  StreamId request(std::string_view method, std::string_view path, Bytes body = {}) {
    auto id = client.request({.method = method,
                              .path = path,
                              .authority = "control.example.org",
                              .fields = {},
                              .body = std::move(body)});
    WARREN_CHECK(id.has_value());
    return *id;
  }

  // The events since the last call.
  Events client_events() { return std::exchange(at_client, {}); }

  Events server_events() { return std::exchange(at_server, {}); }

  ClientSession client;
  ServerSession server;
  Events at_client;
  Events at_server;

 private:
  static void move(Session& from, Events& from_events, Session& to, Events& to_events) {
    Bytes wire;
    WARREN_CHECK(from.take_output(wire, 1460, from_events).has_value());
    WARREN_CHECK(to.receive(wire, to_events).has_value());
  }
};

// The bodies of a stream, joined.
inline Bytes body_of(const Events& events, StreamId stream) {
  Bytes out;
  for (const Event& event : events) {
    const auto* body = std::get_if<Body>(&event);
    if (body == nullptr || body->stream != stream) continue;
    out.insert(out.end(), body->bytes.begin(), body->bytes.end());
  }
  return out;
}

template <class T>
std::vector<T> events_of(const Events& events) {
  std::vector<T> out;
  for (const Event& event : events) {
    if (const auto* found = std::get_if<T>(&event)) out.push_back(*found);
  }
  return out;
}

}  // namespace warren::http2
