#include <algorithm>

#include <fmt/format.h>

#include "control/core/clean_hostinfo.h"
#include "control/core/engine_state.h"
#include "netmap/names.h"
#include "netmap/tags.h"
#include "proto/control/codec.h"

namespace warren::control {
namespace {

// Refused when it asks for what is no tag.
Result<netmap::Machine> machine_of(const Request& request, const RegisterRequest& wish) {
  // Cut here: a stranger's waits in memory for a person's approval.
  std::string hostname =
      wish.hostinfo ? wish.hostinfo->hostname.substr(0, netmap::kMaxHostname) : std::string();
  drop_controls(hostname);
  WARREN_TRY(auto tags, netmap::to_tags(wish.hostinfo ? wish.hostinfo->request_tags
                                                      : std::vector<std::string>()));
  return netmap::Machine{.key = request.caller.machine,
                         .node_key = wish.node_key,
                         .hostname = std::move(hostname),
                         .wants_ephemeral = wish.ephemeral,
                         .old_key = wish.old_node_key,
                         .requested_tags = std::move(tags)};
}

Respond reply(RequestId to, const RegisterResponse& response) {
  return {.to = to, .status = 200, .body = encode(response), .retry_after = std::nullopt};
}

// Every refusal is a 200 with a text: other statuses are not shown to the user (spec: control
// section 4.2).
Respond refusal(RequestId to, std::string why) {
  RegisterResponse response;
  response.error = std::move(why);
  return reply(to, response);
}

Respond pending(RequestId to, std::string link) {
  RegisterResponse response;
  response.auth_url = std::move(link);
  return reply(to, response);
}

constexpr std::string_view kNotStored =
    "the server cannot store anything now: its administrator should look at its disk";

}  // namespace

// Spec: control section 4.4.
void Engine::State::on_register(const Request& request, const Moment& moment) {
  const auto decoded = decode<RegisterRequest>(request.body);
  if (!decoded) {
    ++counters.malformed;
    return park_now(Respond{.to = request.id,
                            .status = 400,
                            .body = decoded.error().detail,
                            .retry_after = std::nullopt});
  }
  const RegisterRequest& wish = *decoded;
  if (request.caller.version < options.oldest) {
    return park_now(refuse_registration(
        request.id, fmt::format("this client is too old for this server (its version is {}, at "
                                "least {} is needed): update it",
                                request.caller.version, options.oldest)));
  }
  const netmap::Node* const node = model.tables().find_node(wish.node_key);
  const bool is_theirs = node != nullptr && node->kind != netmap::NodeKind::Device &&
                         node->machine == request.caller.machine;
  // A logout may bring an auth key along: so it is looked at first.
  if (wish.expiry && *wish.expiry <= moment.wall) {
    return log_out(request, is_theirs ? node : nullptr, moment);
  }
  if (node != nullptr && !is_theirs) {
    return park_now(refuse_registration(request.id, "this node key belongs to another machine"));
  }
  if (wish.node_key.is_zero()) {
    return park_now(refuse_registration(request.id, "the request names no node key"));
  }
  if (options.hub_machine == request.caller.machine) return admit_hub(request, wish, moment);
  if (!wish.followup.empty()) return follow_up(request, wish, moment);
  if (!wish.auth_key().empty()) return admit_by_key(request, wish, moment);
  if (!is_theirs) return ask_for_approval(request, wish, moment);
  if (node->is_expired(moment.wall)) {
    RegisterResponse response;
    response.node_key_expired = true;
    return park(reply(request.id, response), refusal(request.id, std::string(kNotStored)));
  }
  if (wish.expiry) {
    const auto done = model.shorten_key(node->id, *wish.expiry, changes);
    if (!done) return park_now(refuse_registration(request.id, done.error().detail));
  }
  ++counters.registered;
  park(registered(request.id, *model.tables().find_node(wish.node_key)),
       refusal(request.id, std::string(kNotStored)));
}

void Engine::State::log_out(const Request& request,
                            const netmap::Node* node,
                            const Moment& moment) {
  if (node != nullptr) {
    const auto done = node->is_ephemeral ? model.delete_node(node->id, moment.wall, changes)
                                         // Not the time that was asked for, which is in 1970.
                                         : model.set_key_expiry(node->id, moment.wall, changes);
    WARREN_CHECK(done.has_value());
  }
  RegisterResponse response;
  response.node_key_expired = true;
  park(reply(request.id, response), refusal(request.id, std::string(kNotStored)));
}

void Engine::State::admit_by_key(const Request& request,
                                 const RegisterRequest& wish,
                                 const Moment& moment) {
  const auto machine = machine_of(request, wish);
  if (!machine) return park_now(refuse_registration(request.id, machine.error().detail));
  const auto admission = model.admit_by_key(*machine, wish.auth_key(), moment.wall, changes);
  if (!admission) return park_now(refuse_registration(request.id, admission.error().detail));
  ++counters.registered;
  park(registered(request.id, *model.tables().find_node(admission->node)),
       refusal(request.id, std::string(kNotStored)));
}

// Nobody else has this machine key: no person and no auth key has to vouch for it.
void Engine::State::admit_hub(const Request& request,
                              const RegisterRequest& wish,
                              const Moment& moment) {
  auto machine = machine_of(request, wish);
  if (!machine) return park_now(refuse_registration(request.id, machine.error().detail));
  const auto admission = model.admit_hub(*machine, moment.wall, changes);
  if (!admission) return park_now(refuse_registration(request.id, admission.error().detail));
  ++counters.registered;
  park(registered(request.id, *model.tables().find_node(admission->node)),
       refusal(request.id, std::string(kNotStored)));
}

void Engine::State::ask_for_approval(const Request& request,
                                     const RegisterRequest& wish,
                                     const Moment& moment) {
  const auto machine = machine_of(request, wish);
  if (!machine) return park_now(refuse_registration(request.id, machine.error().detail));
  std::vector<RequestId> dropped;
  const PendingLogin& login =
      logins.ask(*machine, request.caller.address, moment.wall, moment.now, random, dropped);
  // They ask again, and get a link of their own.
  for (const RequestId id : dropped) park_now(pending(id, link_of(login)));
  park_now(pending(request.id, link_of(login)));
}

// The client waits until somebody has decided (spec: control section 4.3 item 3).
void Engine::State::follow_up(const Request& request,
                              const RegisterRequest& wish,
                              const Moment& moment) {
  const netmap::Node* const node = model.tables().find_node(wish.node_key);
  // Approved while the connection was away.
  if (node != nullptr && !node->is_expired(moment.wall)) {
    return park(registered(request.id, *node), refusal(request.id, std::string(kNotStored)));
  }
  const std::string id = wish.followup.substr(wish.followup.rfind('/') + 1);
  PendingLogin* const login = logins.find(id, request.caller.machine, wish.node_key);
  if (login == nullptr) return ask_for_approval(request, wish, moment);
  if (login->is_refused) {
    login->waiting.push_back(request.id);
    return refuse(*login);
  }
  if (login->waiting.size() >= kMaxWaitingRequests) {
    park_now(pending(login->waiting.front(), link_of(*login)));
    login->waiting.erase(login->waiting.begin());
  }
  login->waiting.push_back(request.id);
}

// The machine's connection may be away just now: then it is told later.
void Engine::State::refuse(PendingLogin& login) {
  login.is_refused = true;
  if (login.waiting.empty()) return;
  for (const RequestId id : logins.take(std::string(login.id)).waiting) {
    park_now(refuse_registration(id, "an administrator refused this machine"));
  }
}

void Engine::State::approve(const std::string& login, const netmap::Admission& admission) {
  ++counters.registered;
  for (const RequestId id : logins.take(login).waiting) {
    park(registered(id, *model.tables().find_node(admission.node)),
         refusal(id, std::string(kNotStored)));
  }
}

void Engine::State::expire_logins(const Moment& moment) {
  for (const PendingLogin& login : logins.take_expired(moment.now)) {
    // Its link is dead: the client asks once more and shows a new one.
    for (const RequestId id : login.waiting) park_now(pending(id, link_of(login)));
  }
}

Respond Engine::State::registered(RequestId to, const netmap::Node& node) const {
  netmap::User user{.id = netmap::kTaggedDevices,
                    .login = std::string(netmap::kTaggedDevicesLogin),
                    .display_name = std::string(netmap::kTaggedDevicesName),
                    .created = node.created};
  if (!node.owner.is_tagged()) user = *model.tables().find_user(node.owner.user);
  RegisterResponse response;
  response.user = User{.id = user.id,
                       .display_name = user.display_name,
                       .profile_pic_url = {},
                       .created = user.created};
  response.login = Login{.id = user.id,
                         .provider = "warren",
                         .login_name = user.login,
                         .display_name = user.display_name,
                         .profile_pic_url = {}};
  response.machine_authorized = true;
  return reply(to, response);
}

Respond Engine::State::refuse_registration(RequestId to, std::string why) {
  ++counters.refused;
  return refusal(to, std::move(why));
}

std::string Engine::State::link_of(const PendingLogin& login) const {
  return fmt::format("{}/register/{}", options.url, login.id);
}

}  // namespace warren::control
