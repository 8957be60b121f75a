#include "plain/uapi_device.h"

#include <cerrno>
#include <utility>
#include <variant>

#include <net/if.h>

#include <fmt/format.h>

#include "plain/engine_config.h"
#include "proto/uapi/reply.h"

namespace warren::plain {

namespace {

// What `wg` prints for it with strerror(3).
int to_errno(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
      return EINVAL;
    case Errc::NotFound:
      return ENODEV;
    case Errc::AlreadyExists:
      return EADDRINUSE;
    case Errc::PermissionDenied:
      return EACCES;
    case Errc::Unsupported:
      return EOPNOTSUPP;
    case Errc::Unavailable:
      return ENOSPC;  // the table of peers is full
    case Errc::Timeout:
      return ETIMEDOUT;
    case Errc::Io:
      break;
  }
  return EIO;
}

Result<void> resolve_zones(uapi::SetRequest& request) {
  for (uapi::SetPeer& peer : request.peers) {
    if (!peer.endpoint || peer.endpoint->zone.empty()) continue;
    peer.endpoint->endpoint.scope = if_nametoindex(peer.endpoint->zone.c_str());
    if (peer.endpoint->endpoint.scope == 0) {
      return fail(Errc::NotFound, fmt::format("there is no interface {}", peer.endpoint->zone));
    }
  }
  return {};
}

}  // namespace

std::string UapiDevice::answer(std::string_view request) {
  auto decoded = uapi::decode_request(request);
  if (!decoded) {
    const bool is_ours = decoded.error() != DecodeError::NotThisMessage;
    return uapi::encode_errno(is_ours ? EINVAL : EPROTO);
  }
  if (std::holds_alternative<uapi::GetRequest>(*decoded)) return get();
  const auto done = set(std::get<uapi::SetRequest>(std::move(*decoded)));
  return uapi::encode_errno(done ? 0 : to_errno(done.error().code));
}

std::string UapiDevice::get() const {
  uapi::DeviceState device = describe_engine(tunnel_.engine());
  device.listen_port = tunnel_.listen_port();
  device.fw_mark = tunnel_.mark();
  return uapi::encode_get_reply(device);
}

// In the order in which wireguard-go applies it, and like it without a way back: what came before a
// failure stays.
Result<void> UapiDevice::set(uapi::SetRequest request) {
  WARREN_TRY_VOID(resolve_zones(request));
  if (request.listen_port) WARREN_TRY_VOID(tunnel_.set_listen_port(*request.listen_port));
  if (request.fw_mark) WARREN_TRY_VOID(set_mark_(*request.fw_mark));
  Result<void> applied;
  tunnel_.configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    applied = apply_set(request, engine, now, out);
  });
  return applied;
}

}  // namespace warren::plain
