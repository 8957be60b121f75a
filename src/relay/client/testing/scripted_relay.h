#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "proto/relay/frames.h"
#include "proto/relay/login.h"
#include "relay/client/actions.h"

// A relay's side of the stream, by hand: what tests answer an engine's actions with.
namespace warren::relay::client::testing {

using Bytes = std::vector<std::uint8_t>;

template <class... Parts>
Bytes join(const Parts&... parts) {
  Bytes out;
  (out.insert(out.end(), parts.begin(), parts.end()), ...);
  return out;
}

// The actions of one kind, in their order.
template <class T>
std::vector<T> only(const Actions& actions) {
  std::vector<T> out;
  for (const Action& action : actions) {
    if (const T* const one = std::get_if<T>(&action)) out.push_back(*one);
  }
  return out;
}

inline Bytes written(const Actions& actions) {
  Bytes out;
  for (const Write& write : only<Write>(actions)) out = join(out, write.bytes);
  return out;
}

inline Bytes frame(FrameType type, ByteView payload) {
  Bytes out(kFrameHeaderSize);
  encode_frame_header(out, type, payload.size());
  return join(out, payload);
}

inline Bytes packet(FrameType type, const NodePublicKey& key, ByteView content) {
  Bytes out(kPacketFrameOverhead + content.size());
  encode_packet(out, type, key, content);
  return out;
}

inline Node node(std::string name) {
  Node out;
  out.host_name = name + ".example";
  out.name = std::move(name);
  out.ipv4 = "192.0.2.1";
  return out;
}

inline Region region(std::uint16_t id, std::vector<Node> nodes) {
  Region out;
  out.id = RegionId{id};
  out.nodes = std::move(nodes);
  return out;
}

struct ScriptedRelay {
  SeededRandom random{7};
  RelayPrivateKey key = RelayPrivateKey::generate(random);

  Bytes server_key() const {
    const auto bytes = encode_server_key(key.public_key());
    return {bytes.begin(), bytes.end()};
  }

  Bytes server_info(const NodePublicKey& client, ServerInfo info = {.version = 2}) {
    return seal_server_info(info, key, client, random);
  }

  // The login frame at the front of `bytes`, opened.
  std::optional<OpenedClientInfo> open_login(ByteView bytes) const {
    const auto first = next_frame(bytes);
    if (!first || first->type != std::to_underlying(FrameType::ClientInfo)) return std::nullopt;
    auto opened = open_client_info(first->payload, key);
    if (!opened) return std::nullopt;
    return *opened;
  }
};

}  // namespace warren::relay::client::testing
