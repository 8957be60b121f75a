#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_map.h"
#include "control/core/admin_json.h"
#include "control/core/device_profile.h"
#include "control/core/engine_state.h"
#include "netmap/addresses.h"

// /api/warren/v1/devices. A private key never comes here: whoever adds a device makes one and sends
// the public half.
namespace warren::control {
namespace {

struct NewDevice {
  std::string name;
  std::string user;  // or tags; neither: the only user's
  std::vector<std::string> tags;
  std::string public_key;  // base64, as WireGuard's tools write it
  std::optional<Duration> lifetime;
};

template <class Visitor>
void fields(Visitor& visit, NewDevice& x) {
  visit.required("name", x.name);
  visit("user", x.user);
  visit("tags", x.tags);
  visit.required("public_key", x.public_key);
  visit("lifetime", x.lifetime);
}

struct NewDeviceKey {
  std::string public_key;
};

template <class Visitor>
void fields(Visitor& visit, NewDeviceKey& x) {
  visit.required("public_key", x.public_key);
}

// From now on; none: for ever.
struct Lifetime {
  std::optional<Duration> lifetime;
};

template <class Visitor>
void fields(Visitor& visit, Lifetime& x) {
  visit.required("lifetime", x.lifetime);
}

Result<NodePublicKey> to_key(const std::string& base64) {
  std::array<std::uint8_t, kKeySize> bytes{};
  if (parse_base64(base64, bytes)) return NodePublicKey(bytes);
  return fail(Errc::InvalidArgument,
              "the public key is none: 44 characters of base64, as `wg pubkey` prints it");
}

std::optional<WallTime> end_of(const std::optional<Duration>& lifetime, WallTime now) {
  if (!lifetime) return std::nullopt;
  return now.after(std::chrono::ceil<std::chrono::seconds>(*lifetime));
}

}  // namespace

// Empty: it runs.
std::string Engine::State::why_no_hub() const {
  const netmap::Node* const hub = model.tables().find_hub();
  const RosterEntry* const entry = hub == nullptr ? nullptr : roster.find(hub->id);
  if (entry != nullptr && entry->is_online) return {};
  if (std::string why = why_never_a_hub(); !why.empty()) return why;
  return "it has not come up yet: try again in a few seconds; if that does not help, the server's "
         "log says why";
}

std::string Engine::State::device_json(const netmap::Node& node,
                                       const std::optional<DeviceProfile>& profile) const {
  const netmap::Device* const device = model.tables().find_device(node.id);
  const netmap::Device none{.node = node.id, .is_disabled = true, .expires = std::nullopt};
  const netmap::Device& state = device == nullptr ? none : *device;
  json::ObjectText out;
  out.number("id", node.id.value)
      .text("name", node.name)
      .text("user", login_of(node.owner))
      .json("tags", to_json(node.owner.tags))
      .text("ipv4", node.v4.to_string())
      .text("ipv6", netmap::v6_of(node.v4).to_string())
      .text("public_key", to_base64(node.key.bytes()))
      .time("created", node.created)
      .time("expires", state.expires)
      .boolean("expired", state.expires && *state.expires <= judged_at)
      .boolean("disabled", state.is_disabled);
  if (profile) {
    const std::string why = why_no_hub();
    out.json("profile", to_json(*profile))
        .text("warning", why.empty() ? why : fmt::format("the hub is not running: {}", why));
  }
  return out.done();
}

// Empty: nothing is known that would keep it from running.
std::string Engine::State::why_never_a_hub() const {
  if (!hub_problem.empty()) return hub_problem;
  return options.hub_machine ? std::string()
                             : std::string("this server has none: its configuration leaves it out");
}

Result<DeviceProfile> Engine::State::profile_of(const netmap::Node& device) const {
  const netmap::Node* const hub = model.tables().find_hub();
  if (hub == nullptr) {
    return fail(Errc::Unavailable,
                fmt::format("devices go through the server's hub: {}", why_no_hub()));
  }
  return make_profile(device, *hub, options.url, options.hub_port, options.domain);
}

Result<std::string> Engine::State::create_device(std::string_view body, const Moment& moment) {
  WARREN_TRY(auto wish, json::read_text<NewDevice>(body));
  WARREN_TRY(const NodePublicKey key, to_key(wish.public_key));
  if (wish.user.empty() && wish.tags.empty() && model.tables().users().size() == 1) {
    wish.user = model.tables().users().begin()->second.login;
  }
  WARREN_TRY(auto owner, owner_of(wish.user, std::move(wish.tags)));
  if (const std::string why = why_never_a_hub(); !why.empty()) {
    return fail(Errc::Unavailable, fmt::format("devices go through the server's hub: {}", why));
  }
  WARREN_TRY_VOID(profile_of({}));  // nothing is made that could not be set up
  const netmap::DeviceWish device{.name = std::move(wish.name),
                                  .owner = std::move(owner),
                                  .key = key,
                                  .expires = end_of(wish.lifetime, moment.wall)};
  WARREN_TRY(const netmap::NodeId id, model.create_device(device, moment.wall, changes));
  const netmap::Node& node = *model.tables().find_node(id);
  WARREN_TRY(auto profile, profile_of(node));
  return device_json(node, std::move(profile));
}

Result<std::string> Engine::State::change_device(netmap::NodeId id,
                                                 std::string_view verb,
                                                 const AdminRequest& request,
                                                 const Moment& moment) {
  std::optional<DeviceProfile> profile;
  if (verb == "rename") {
    WARREN_TRY(const auto wish, json::read_text<Rename>(request.body));
    WARREN_TRY_VOID(model.rename_node(id, wish.name, moment.wall, changes));
  } else if (verb == "disable") {
    WARREN_TRY_VOID(model.disable_device(id, changes));
  } else if (verb == "enable") {
    WARREN_TRY_VOID(model.enable_device(id, changes));
  } else if (verb == "expiry") {
    WARREN_TRY(const auto wish, json::read_text<Lifetime>(request.body));
    const auto end = end_of(wish.lifetime, moment.wall);
    WARREN_TRY_VOID(model.set_device_expiry(id, end, moment.wall, changes));
  } else if (verb == "key") {
    WARREN_TRY(const auto wish, json::read_text<NewDeviceKey>(request.body));
    WARREN_TRY(const NodePublicKey key, to_key(wish.public_key));
    WARREN_TRY(profile, profile_of(*model.tables().find_node(id)));
    WARREN_TRY_VOID(model.set_device_key(id, key, changes));
  } else {
    return unknown(fmt::format("action {} of a device", verb));
  }
  return device_json(*model.tables().find_node(id), profile);
}

void Engine::State::admin_devices(const AdminRequest& request,
                                  std::string_view rest,
                                  const Moment& moment) {
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::vector<std::string> devices;
      for (const auto& [id, node] : model.tables().nodes()) {
        if (node.kind == netmap::NodeKind::Device) devices.push_back(device_json(node, {}));
      }
      return list_of("devices", devices);
    }
    if (request.method == "POST" && rest.empty()) return create_device(request.body, moment);
    const std::string_view name = rest.substr(0, rest.find('/'));
    const std::string_view verb =
        name.size() == rest.size() ? std::string_view() : rest.substr(name.size() + 1);
    const netmap::Node* const node = find_named_node(name);
    if (node == nullptr) return unknown(fmt::format("device {}", name));
    if (node->kind != netmap::NodeKind::Device) {
      return fail(Errc::NotFound, fmt::format("{} is a machine of the network, no device", name));
    }
    if (request.method == "GET" && verb.empty()) {
      const auto profile = profile_of(*node);
      return device_json(*node, profile ? std::optional(*profile) : std::nullopt);
    }
    if (request.method == "DELETE" && verb.empty()) {
      WARREN_TRY_VOID(model.delete_node(node->id, moment.wall, changes));
      return std::string("{}");
    }
    if (request.method != "POST") return fail(Errc::Unsupported, "not on a device");
    return change_device(node->id, verb, request, moment);
  };
  admin_done(request.id, run());
}

}  // namespace warren::control
