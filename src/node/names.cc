#include "node/names.h"

#include <algorithm>
#include <utility>

namespace warren::node {

std::unique_ptr<Names> Names::start(const boost::asio::any_io_executor& executor,
                                    NamesOptions options,
                                    std::uint32_t mark,
                                    HostLookup& lookup,
                                    Random& random,
                                    Log& log,
                                    std::function<void()> changed) {
  std::unique_ptr<Names> out(new Names(executor, mark, lookup, random, log, std::move(changed)));
  out->serves_own_addresses_ = options.serves_own_addresses;
  if (options.host) {
    Names* const names = out.get();
    auto setup = DnsSetup::open(executor, std::move(*options.host), log,
                                [names] { names->on_host_changed(); });
    if (setup) {
      out->setup_ = std::move(*setup);
    } else {
      out->problem_ = setup.error().detail;
      log.warn("node: the host's names are left alone: {}", out->problem_);
    }
  }
  if (options.serves_own_addresses) return out;
  if (options.sockets) {
    out->serve(std::move(*options.sockets));
  } else {
    out->problem_ = options.sockets.error().detail;
    log.warn("node: no resolver for names of the network: {}", out->problem_);
  }
  return out;
}

Names::Names(const boost::asio::any_io_executor& executor,
             std::uint32_t mark,
             HostLookup& lookup,
             Random& random,
             Log& log,
             std::function<void()> changed)
    : executor_(executor),
      mark_(mark),
      lookup_(lookup),
      random_(random),
      log_(log),
      changed_(std::move(changed)) {}

Names::~Names() = default;

void Names::serve(dns::Sockets sockets) {
  service_ = std::make_unique<dns::Service>(executor_, std::move(sockets),
                                            dns::ServiceOptions{.limits = {}, .mark = mark_},
                                            random_, log_);
}

// Once: a node keeps its addresses as long as it keeps its key.
void Names::serve_addresses_of(const NetworkMap& map) {
  if (!serves_own_addresses_ || service_ || !map.self() || map.self()->addresses.empty()) return;
  std::vector<IpAddress> addresses;
  for (const IpPrefix& prefix : map.self()->addresses) addresses.push_back(prefix.address());
  auto sockets = dns::Sockets::bind(addresses);
  problem_ = sockets ? std::string() : sockets.error().detail;
  if (sockets) {
    serve(std::move(*sockets));
  } else {
    log_.warn("node: no resolver for names of the network: {}", problem_);
  }
}

void Names::apply(const NetworkMap& map,
                  const MapChange& change,
                  const Prefs& prefs,
                  const DevicePlan& device) {
  if (!is_active_ || change.is_first || change.self) return apply_all(map, prefs, device);
  if (service_) update_hosts(map, change, prefs, service_->hosts());
  if (change.dns || change.device) {
    apply_plan(plan_dns(map, prefs, device, setup_ ? setup_->base() : OsDnsBase()));
  }
}

void Names::apply_all(const NetworkMap& map, const Prefs& prefs, const DevicePlan& device) {
  is_active_ = true;
  serve_addresses_of(map);
  if (service_) replace_hosts(map, prefs, service_->hosts());
  apply_plan(plan_dns(map, prefs, device, setup_ ? setup_->base() : OsDnsBase()));
}

void Names::clear() {
  if (!is_active_) return;
  is_active_ = false;
  if (service_) service_->hosts().clear();
  apply_plan({});
}

void Names::apply_plan(DnsPlan plan) {
  // A host must not ask where nobody answers.
  if (!service_) {
    plan.is_served = false;
    plan.os = {};
  }
  if (service_ && plan.resolver != plan_.resolver) service_->set_config(plan.resolver);
  plan_ = std::move(plan);
  if (setup_) setup_->apply(plan_.os);
  tell_lookup();
}

void Names::on_host_changed() {
  tell_lookup();
  if (is_active_) changed_();
}

void Names::tell_lookup() {
  const bool is_told = setup_ && setup_->manager() != DnsManager::None;
  const bool is_asked = is_told && (!plan_.os.is_hands_off() || !setup_->told().is_hands_off());
  lookup_.set_nameservers(is_asked ? setup_->base().nameservers : std::vector<IpAddress>());
}

const dns::HostTable& Names::hosts() const {
  static const dns::HostTable kNone;
  return service_ ? service_->hosts() : kNone;
}

void Names::look_again() {
  if (setup_) setup_->look_again();
}

std::vector<IpAddress> Names::service_addresses() const {
  if (!plan_.is_served || serves_own_addresses_) return {};
  return {kDnsAddressV4, kDnsAddressV6};
}

std::vector<std::string> Names::health() const {
  std::vector<std::string> out = plan_.problems;
  if (setup_ && is_active_) std::ranges::copy(setup_->health(), std::back_inserter(out));
  if (is_active_ && !problem_.empty()) {
    out.push_back("This machine does not resolve the network's names: " + problem_);
  }
  return out;
}

boost::asio::awaitable<void> Names::stop() {
  is_active_ = false;
  if (setup_) co_await setup_->stop();
  if (service_) co_await service_->stop();
}

}  // namespace warren::node
