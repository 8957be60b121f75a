#include "node/dns_api.h"

#include <string>
#include <utility>

#include "dns/core/route_table.h"
#include "dns/core/zone.h"
#include "io/clock.h"
#include "node/core/dns_answers.h"
#include "node/core/dns_plan.h"
#include "node/os/dns_query.h"
#include "proto/control/codec.h"
#include "proto/dns/message.h"
#include "proto/dns/record_text.h"

namespace warren::node {

namespace {

constexpr Duration kPatience = 9s;  // less than the command line has
constexpr std::size_t kMaxWaiting = 8;

io::LocalResponse json(std::string body) {
  return {.status = 200, .content_type = "application/json", .body = std::move(body)};
}

io::LocalResponse text(unsigned status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

// Whom the resolver asks about the name.
std::vector<control::Resolver> resolvers_for(const Names& names, const dns::Question& question) {
  std::vector<control::Resolver> out;
  const dns::ResolverConfig& config = names.plan().resolver;
  const dns::Zone zone(config.zone);
  if (names.service() == nullptr || zone.answer(question, names.hosts()) ||
      zone.authority(question.name)) {
    return out;
  }
  const dns::RouteTable routes(config.routes);
  const dns::Route* const route = routes.find(question.name);
  if (route == nullptr) return out;
  for (const dns::Upstream& upstream : route->upstreams) {
    const Endpoint& endpoint = upstream.endpoint;
    out.push_back(
        {.addr = endpoint.port == dns::kPort ? endpoint.address.to_string() : endpoint.to_string(),
         .bootstrap_resolution = {}});
  }
  return out;
}

}  // namespace

DnsApi::DnsApi(const boost::asio::any_io_executor& executor,
               Daemon& daemon,
               Random& random,
               Log& log)
    : daemon_(daemon), random_(random), pool_(/*threads=*/1, kMaxWaiting), tasks_(executor, log) {}

bool DnsApi::serve(std::string_view path,
                   const io::LocalRequest& request,
                   const std::shared_ptr<io::LocalReply>& reply) {
  if (path == "dns-config") {
    reply->finish(json(control::encode(daemon_.map().dns())));
  } else if (path == "dns-osconfig") {
    reply->finish(host());
  } else if (path == "warren/dns") {
    reply->finish(status());
  } else if (path == "dns-query") {
    const auto parameter = [&](const char* name) {
      const auto found = request.query.find(name);
      return found == request.query.end() ? std::string() : found->second;
    };
    tasks_.spawn("node: dns query", query(reply, parameter("name"), parameter("type")));
  } else {
    return false;
  }
  return true;
}

io::LocalResponse DnsApi::host() const {
  const Names* const names = daemon_.names();
  if (names == nullptr || names->setup() == nullptr) {
    return text(503, "this node leaves the host's names alone");
  }
  const OsDnsBase& base = names->setup()->base();
  return json(encode_dns_host(
      {.nameservers = base.nameservers, .search_domains = base.search, .match_domains = {}}));
}

io::LocalResponse DnsApi::status() const {
  DnsStatusAnswer out;
  out.accept_dns = daemon_.prefs().corp_dns;
  out.manager = to_string(DnsManager::None);
  if (const Names* const names = daemon_.names()) {
    out.is_served = names->plan().is_served;
    out.problems = names->health();
    if (names->setup() != nullptr) {
      const OsDnsConfig& told = names->setup()->told();
      out.manager = to_string(names->setup()->manager());
      const bool is_told = names->setup()->manager() != DnsManager::None;
      if (is_told) {
        out.told = {.nameservers = told.nameservers,
                    .search_domains = told.search,
                    .match_domains = told.match_domains};
      }
    }
    if (names->service() != nullptr) {
      const dns::ResolverCounters& counters = names->service()->resolver_counters();
      out.queries = static_cast<std::int64_t>(counters.queries);
      out.forwarded = static_cast<std::int64_t>(counters.forwarded);
      out.failed = static_cast<std::int64_t>(counters.failed);
    }
  }
  return json(encode_dns_status(out));
}

// As a program of this machine asks it, so what it says is what they get.
boost::asio::awaitable<void> DnsApi::query(std::shared_ptr<io::LocalReply> reply,
                                           std::string name,
                                           std::string type) {
  const auto parsed = dns::Name::parse(name);
  if (!parsed || name.empty()) co_return reply->finish(text(400, "name: expected a DNS name"));
  const auto record_type =
      type.empty() ? std::optional(dns::RecordType::A) : dns::parse_record_type(type);
  if (!record_type)
    co_return reply->finish(text(400, "type: expected A, AAAA, TXT, … or a number"));
  const Names* const names = daemon_.names();
  if (names == nullptr || !names->plan().is_served) {
    co_return reply->finish(
        text(503,
             "nobody answers for names of the network: run `warren up` first, and see "
             "`warren dns status`"));
  }
  const dns::Question question{.name = *parsed, .type = *record_type};
  DnsQueryAnswer out{.bytes = {}, .resolvers = resolvers_for(*names, question)};
  const auto id = static_cast<std::uint16_t>(random_.below(1U << 16U));
  const TimePoint deadline = io::boot_now() + kPatience;
  auto call = [query = dns::encode_query(id, question, dns::kMaxUdpMessage), deadline] {
    return ask_nameservers({{.address = kDnsAddressV4, .port = dns::kPort}}, query, 0, deadline);
  };
  auto answer = co_await io::run_blocking(pool_, deadline + 1s, std::move(call));
  if (!answer) co_return reply->finish(text(504, answer.error().detail));
  out.bytes = std::move(*answer);
  reply->finish(json(encode_dns_query(out)));
}

}  // namespace warren::node
