#include "proto/relay/login.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/hex.h"
#include "crypto/box.h"
#include "proto/relay/frames.h"

namespace warren::relay {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 8;      // the login is flat; the rest is for unknown members
constexpr std::size_t kMeshKeySize = 32;  // spec: paths section 0.1

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Stock software matches names so (spec: paths section 2.3).
bool is_name(std::string_view name, std::string_view expected) {
  return std::ranges::equal(name, expected, {}, lower, lower);
}

// Each leaves `out` alone for null, as stock software does, and returns false for another type.
bool read(const json::value& value, bool& out) {
  if (value.is_null()) return true;
  if (!value.is_bool()) return false;
  out = value.get_bool();
  return true;
}

bool read(const json::value& value, std::uint64_t& out) {
  if (value.is_null()) return true;
  if (value.is_uint64()) {
    out = value.get_uint64();
    return true;
  }
  if (!value.is_int64() || value.get_int64() < 0) return false;
  out = static_cast<std::uint64_t>(value.get_int64());
  return true;
}

bool read(const json::value& value, int& out) {
  if (value.is_null()) return true;
  if (!value.is_int64() || !std::in_range<int>(value.get_int64())) return false;
  out = static_cast<int>(value.get_int64());
  return true;
}

bool read_mesh_key(const json::value& value, std::string& out) {
  if (value.is_null()) return true;
  if (!value.is_string()) return false;
  std::array<std::uint8_t, kMeshKeySize> bytes{};
  if (!parse_hex(value.get_string(), bytes)) return false;
  out = to_hex(bytes);
  return true;
}

bool read_member(std::string_view name, const json::value& value, ClientInfo& out) {
  if (is_name(name, "meshKey")) return read_mesh_key(value, out.mesh_key);
  if (is_name(name, "version")) return read(value, out.version);
  if (is_name(name, "CanAckPings")) return read(value, out.can_ack_pings);
  if (is_name(name, "IsProber")) return read(value, out.is_prober);
  return true;
}

bool read_member(std::string_view name, const json::value& value, ServerInfo& out) {
  if (is_name(name, "version")) return read(value, out.version);
  if (is_name(name, "TokenBucketBytesPerSecond")) return read(value, out.rate_bytes_per_second);
  if (is_name(name, "TokenBucketBytesBurst")) return read(value, out.rate_burst_bytes);
  return true;
}

template <class Info>
Result<Info, DecodeError> parse_info(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  const json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) return unexpected(DecodeError::BadValue);
  Info out;
  for (const auto& [name, member] : value.get_object()) {
    if (!read_member(name, member, out)) return unexpected(DecodeError::BadValue);
  }
  return out;
}

// Members in a stock client's order, those that it omits left out.
std::string to_json(const ClientInfo& info) {
  json::object out;
  if (!info.mesh_key.empty()) out.emplace("meshKey", info.mesh_key);
  if (info.version != 0) out.emplace("version", info.version);
  out.emplace("CanAckPings", info.can_ack_pings);
  if (info.is_prober) out.emplace("IsProber", true);
  return json::serialize(out);
}

std::string to_json(const ServerInfo& info) {
  json::object out;
  if (info.version != 0) out.emplace("version", info.version);
  if (info.rate_bytes_per_second != 0) {
    out.emplace("TokenBucketBytesPerSecond", info.rate_bytes_per_second);
  }
  if (info.rate_burst_bytes != 0) out.emplace("TokenBucketBytesBurst", info.rate_burst_bytes);
  return json::serialize(out);
}

// Opens nonce and box, which `in` stands at.
template <class Info>
Result<Info, DecodeError> open_info(ByteReader in,
                                    std::span<const std::uint8_t, kKeySize> ours,
                                    std::span<const std::uint8_t, kKeySize> theirs) {
  const auto nonce = in.array<kBoxNonceSize>();
  const ByteView box = in.rest();
  if (!in.ok() || box.size() < kBoxOverhead) return unexpected(DecodeError::Truncated);
  BoxKey key;
  std::string text(box.size() - kBoxOverhead, '\0');
  const MutableByteView opened(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  if (!key.init(ours, theirs) || !key.open(opened, nonce, box)) {
    return unexpected(DecodeError::BadValue);
  }
  return parse_info<Info>(text);
}

// A frame of `clear`, a nonce and the box.
std::vector<std::uint8_t> seal_info(FrameType type,
                                    ByteView clear,
                                    const std::string& text,
                                    std::span<const std::uint8_t, kKeySize> ours,
                                    std::span<const std::uint8_t, kKeySize> theirs,
                                    Random& random) {
  BoxKey key;
  if (!key.init(ours, theirs)) return {};
  std::array<std::uint8_t, kBoxNonceSize> nonce{};
  random.fill(nonce);
  const std::size_t size = clear.size() + kBoxNonceSize + kBoxOverhead + text.size();
  std::vector<std::uint8_t> frame(kFrameHeaderSize + size);
  encode_frame_header(frame, type, size);
  ByteWriter out(MutableByteView(frame).subspan(kFrameHeaderSize));
  out.bytes(clear);
  out.bytes(nonce);
  key.seal(MutableByteView(frame).subspan(kFrameHeaderSize + out.written()), nonce, as_bytes(text));
  return frame;
}

}  // namespace

Result<OpenedClientInfo, DecodeError> open_client_info(ByteView payload,
                                                       const RelayPrivateKey& server) {
  if (payload.size() > kMaxLoginSize) return unexpected(DecodeError::BadLength);
  ByteReader in(payload);
  const NodePublicKey client(in.array<kKeySize>());
  WARREN_TRY(ClientInfo info, open_info<ClientInfo>(in, server.bytes(), client.bytes()));
  return OpenedClientInfo{.client = client, .info = std::move(info)};
}

Result<ServerInfo, DecodeError> open_server_info(ByteView payload,
                                                 const NodePrivateKey& client,
                                                 const RelayPublicKey& server) {
  if (payload.size() > kMaxLoginSize) return unexpected(DecodeError::BadLength);
  return open_info<ServerInfo>(ByteReader(payload), client.bytes(), server.bytes());
}

std::vector<std::uint8_t> seal_client_info(const ClientInfo& info,
                                           const NodePrivateKey& client,
                                           const RelayPublicKey& server,
                                           Random& random) {
  const NodePublicKey clear = client.public_key();
  return seal_info(FrameType::ClientInfo, clear.bytes(), to_json(info), client.bytes(),
                   server.bytes(), random);
}

std::vector<std::uint8_t> seal_server_info(const ServerInfo& info,
                                           const RelayPrivateKey& server,
                                           const NodePublicKey& client,
                                           Random& random) {
  return seal_info(FrameType::ServerInfo, {}, to_json(info), server.bytes(), client.bytes(),
                   random);
}

}  // namespace warren::relay
