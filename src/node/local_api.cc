#include "node/local_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <pwd.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_map.h"
#include "base/version.h"
#include "crypto/key_text.h"
#include "io/metrics_text.h"
#include "node/api_types.h"
#include "node/core/answers.h"
#include "proto/control/codec.h"

namespace warren::node {
namespace {

constexpr std::string_view kPrefix = "/localapi/v0/";
constexpr Duration kPingTimeout = 5s;  // as the command line's default (18.4)
constexpr Duration kMostPingTimeout = 60s;

io::LocalResponse json(std::string body) {
  return {.status = 200, .content_type = "application/json", .body = std::move(body)};
}

io::LocalResponse text(unsigned status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

io::LocalResponse failure(const Error& error) {
  switch (error.code) {
    case Errc::InvalidArgument:
    case Errc::Unsupported:
      return text(400, error.detail);
    case Errc::NotFound:
      return text(404, error.detail);
    case Errc::PermissionDenied:
      return text(403, error.detail);
    default:
      return text(500, error.detail);
  }
}

io::LocalResponse done(const Result<void>& result) {
  return result ? io::LocalResponse{.status = 204, .content_type = {}, .body = {}}
                : failure(result.error());
}

std::string query(const io::LocalRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

std::optional<uid_t> user_id(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  return entry.pw_uid;
}

std::string region_code(const control::DerpMap& relays, relay::RegionId region) {
  if (!relays.regions) return {};
  const auto found = relays.regions->find(region);
  return found == relays.regions->end() ? std::string() : found->second.region_code;
}

struct Route {
  std::string_view method;
  std::string_view path;
  bool is_write;
};

// What there is; who may, is decided before anything is done.
constexpr std::array kRoutes = {
    Route{"GET", "status", false},
    Route{"GET", "prefs", false},
    Route{"PATCH", "prefs", true},
    Route{"POST", "start", true},
    Route{"POST", "login-interactive", true},
    Route{"POST", "logout", true},
    Route{"GET", "watch-ipn-bus", false},
    Route{"GET", "whois", false},
    Route{"POST", "ping", false},
    Route{"GET", "derpmap", false},
    Route{"GET", "dns-config", false},
    Route{"GET", "dns-osconfig", false},
    Route{"GET", "dns-query", false},
    Route{"GET", "warren/dns", false},
    Route{"GET", "warren/netcheck", false},
    Route{"POST", "warren/netcheck", false},
    Route{"GET", "warren/debug", true},
    Route{"POST", "bugreport", false},
    Route{"GET", "metrics", false},
    Route{"POST", "shutdown", true},
};

}  // namespace

LocalApi::LocalApi(const boost::asio::any_io_executor& executor,
                   Daemon& daemon,
                   Random& random,
                   const WallClock& wall_clock,
                   std::function<void()> shut_down,
                   Log& log)
    : executor_(executor),
      daemon_(daemon),
      wall_clock_(wall_clock),
      shut_down_(std::move(shut_down)),
      log_(log),
      dns_(executor, daemon, random, log) {}

bool LocalApi::may_write(const io::PeerCredentials& peer) const {
  return peer.user == 0 || peer.user == geteuid() ||
         peer.user == user_id(daemon_.prefs().operator_user);
}

void LocalApi::handle(const io::LocalRequest& request, const Reply& reply) {
  const std::string_view all = request.path;
  if (!all.starts_with(kPrefix)) return reply->finish(text(404, "there is no such path"));
  const std::string_view path = all.substr(kPrefix.size());
  const bool is_path = std::ranges::any_of(kRoutes, [&](const Route& r) { return r.path == path; });
  if (!is_path) return reply->finish(text(404, "there is no such path here"));
  const auto* const route = std::ranges::find_if(
      kRoutes, [&](const Route& r) { return r.path == path && r.method == request.method; });
  if (route == kRoutes.end()) return reply->finish(text(405, "not with this method"));
  if (route->is_write && !may_write(request.peer)) {
    return reply->finish(
        text(403, "access denied: use sudo, or let this user: sudo warren set --operator=$USER"));
  }
  serve(path, request, reply);
}

void LocalApi::serve(std::string_view path, const io::LocalRequest& request, const Reply& reply) {
  if (path == "status") return reply->finish(status(request));
  if (path == "prefs" && request.method == "PATCH") return reply->finish(patch_prefs(request));
  if (path == "prefs") return reply->finish(json(encode_prefs(daemon_.prefs())));
  if (path == "start") return reply->finish(start(request));
  if (path == "login-interactive") return reply->finish(done(daemon_.log_in()));
  if (path == "logout") return reply->finish(done(daemon_.log_out()));
  if (path == "watch-ipn-bus") return watch(request, reply);
  if (path == "whois") return reply->finish(who_is(request));
  if (path == "ping") return ping(request, reply);
  if (path == "derpmap") return reply->finish(json(control::encode(daemon_.map().relay_map())));
  if (dns_.serve(path, request, reply)) return;
  if (path == "warren/netcheck") return reply->finish(netcheck());
  if (path == "warren/debug") return reply->finish(debug());
  if (path == "bugreport") return reply->finish(bug_report());
  if (path == "metrics") return reply->finish(metrics());
  reply->finish({.status = 204, .content_type = {}, .body = {}});
  shut_down_();
}

io::LocalResponse LocalApi::status(const io::LocalRequest& request) const {
  return json(encode_status(daemon_.status(query(request, "peers") != "false")));
}

io::LocalResponse LocalApi::patch_prefs(const io::LocalRequest& request) {
  const auto changes = decode_masked_prefs(request.body);
  if (!changes) return failure(changes.error());
  if (const auto changed = daemon_.change_prefs(*changes); !changed) {
    return failure(changed.error());
  }
  return json(encode_prefs(daemon_.prefs()));
}

io::LocalResponse LocalApi::start(const io::LocalRequest& request) {
  const auto wish = decode_start_request(request.body);
  if (!wish) return failure(wish.error());
  return done(daemon_.start(*wish));
}

io::LocalResponse LocalApi::who_is(const io::LocalRequest& request) const {
  const std::string asked = query(request, "addr");
  const control::Node* node = nullptr;
  NodePublicKey key;
  auto address = IpAddress::parse(asked);
  const auto endpoint = address ? std::nullopt : Endpoint::parse(asked);
  if (endpoint) address = endpoint->address;
  if (parse_key_text(asked, key)) {
    node = daemon_.map().find_by_key(key);
  } else if (address) {
    node = daemon_.map().find_by_address(*address);
  } else if (const auto named = daemon_.map().find_by_name(asked)) {
    node = *named;
  } else {
    return failure(named.error());
  }
  const auto who = make_who_is(daemon_.map(), node, address);
  if (!who) return text(404, fmt::format("{} is nobody's in this network", asked));
  return json(encode_who_is(*who));
}

io::LocalResponse LocalApi::netcheck() const {
  if (daemon_.overlay() == nullptr) {
    return text(503, "this machine is not connected: run `warren up` first");
  }
  return json(encode_netcheck(make_netcheck(daemon_.overlay()->report(), wall_clock_.now())));
}

io::LocalResponse LocalApi::debug() const {
  return json(debug_text(daemon_));
}

io::LocalResponse LocalApi::metrics() const {
  return {.status = 200,
          .content_type = std::string(io::kPrometheusType),
          .body = io::to_prometheus(daemon_metrics(daemon_))};
}

// A mark in the log that somebody can be told.
io::LocalResponse LocalApi::bug_report() const {
  const WallTime now = wall_clock_.now();
  const std::string marker = fmt::format("BUG-{:x}-{:08x}", now.seconds, now.nanoseconds);
  log_.info("node: bug report {} state={} version={}", marker, to_string(daemon_.state()),
            version());
  return text(200, marker + "\n");
}

void LocalApi::watch(const io::LocalRequest& request, const Reply& reply) {
  std::uint64_t mask = 0;
  const std::string asked = query(request, "mask");
  std::from_chars(asked.data(), asked.data() + asked.size(), mask);
  reply->begin(200, "application/json");
  const std::uint64_t id = daemon_.watch([this, reply](const Notice& notice) {
    if (!reply->write(encode_notice(notice, daemon_.prefs()) + "\n")) return;
  });
  reply->on_gone([this, id] { daemon_.unwatch(id); });
  reply->write(encode_first_notice(daemon_, id, mask) + "\n");
}

void LocalApi::ping(const io::LocalRequest& request, const Reply& reply) {
  PingResult result;
  result.ip = query(request, "ip");
  const std::string type = query(request, "type");
  if (!type.empty() && type != "disco") {
    return reply->finish(text(400, "type: only disco pings are here yet"));
  }
  const auto finish = [&](std::string error) {
    result.err = std::move(error);
    reply->finish(json(encode_ping_result(result)));
  };
  const auto address = IpAddress::parse(result.ip);
  if (!address) return reply->finish(text(400, "ip: expected an address"));
  const control::Node* const node = daemon_.map().find_by_address(*address);
  if (node == nullptr) return finish("no machine of this network has this address");
  result.node_ip = result.ip;
  result.node_name = node->name.substr(0, node->name.find('.'));
  if (daemon_.map().self() && node->id == daemon_.map().self()->id) {
    result.is_local_ip = true;
    return finish(fmt::format("{} is this machine's own address", result.ip));
  }
  if (daemon_.overlay() == nullptr) return finish("this machine is not connected");

  // Whichever comes first, the answer or the end of the time.
  const auto timer = std::make_shared<boost::asio::steady_timer>(executor_);
  const auto relays = daemon_.map().relay_map();
  const auto ping = daemon_.overlay()->ping(
      *node, [reply, timer, result, relays](const path::PingAnswer& answer) mutable {
        timer->cancel();
        result.latency_seconds = std::chrono::duration<double>(answer.latency).count();
        if (answer.endpoint) {
          result.endpoint = answer.endpoint->to_string();
        } else {
          result.derp_region_id = answer.region;
          result.derp_region_code = region_code(relays, answer.region);
        }
        reply->finish(json(encode_ping_result(result)));
      });
  if (!ping) return finish(ping.error().detail);
  Duration timeout = kPingTimeout;
  if (const auto asked = json::parse_duration(query(request, "timeout"))) timeout = *asked;
  timer->expires_after(std::clamp<Duration>(timeout, 1ms, kMostPingTimeout));
  timer->async_wait(
      [this, reply, timer, result, ping = *ping](boost::system::error_code error) mutable {
        if (error) return;
        if (daemon_.overlay() != nullptr) daemon_.overlay()->cancel_ping(ping);
        result.err = "timed out";
        reply->finish(json(encode_ping_result(result)));
      });
}

}  // namespace warren::node
