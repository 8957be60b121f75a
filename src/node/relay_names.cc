#include "node/relay_names.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"

namespace warren::node {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxNames = 64;
constexpr Duration kLookup = 3s;
constexpr Duration kRetry = 10s;     // DNS did not answer
constexpr Duration kRefresh = 5min;  // a server at home has another address every day
// The name service is slow when it is dead: what waits for it must not pile up.
constexpr std::size_t kMaxWaiting = 4;

bool needs_name(const relay::Node& node) {
  return !node.host_name.empty() && (node.ipv4.empty() || node.ipv6.empty());
}

}  // namespace

RelayNames::RelayNames(const asio::any_io_executor& executor,
                       const HostLookup& hosts,
                       Log log,
                       std::function<void()> changed)
    : lookup_(hosts),
      log_(std::move(log)),
      changed_(std::move(changed)),
      timer_(executor),
      lookups_(/*threads=*/1, kMaxWaiting),
      tasks_(executor, log_) {
  tasks_.spawn("node: names of relays", keep_asking());
}

bool RelayNames::fill(relay::Map& map) {
  bool is_known = true;
  std::set<std::string> names;
  for (relay::Region& region : map.regions) {
    for (relay::Node& node : region.nodes) {
      if (!needs_name(node) || (names.size() >= kMaxNames && !names.contains(node.host_name))) {
        continue;
      }
      names.insert(node.host_name);
      const Host& host = hosts_[node.host_name];
      is_known = is_known && host.was_asked;
      if (node.ipv4.empty()) node.ipv4 = host.ipv4;
      if (node.ipv6.empty()) node.ipv6 = host.ipv6;
    }
  }
  std::erase_if(hosts_, [&](const auto& entry) { return !names.contains(entry.first); });
  if (!is_known) ask_again();
  return is_known;
}

void RelayNames::ask_again() {
  is_due_ = true;
  timer_.cancel();
}

asio::awaitable<void> RelayNames::keep_asking() {
  while (!is_stopping_) {
    is_due_ = false;
    is_news_ = false;
    bool is_answered = true;
    std::vector<std::string> names;
    names.reserve(hosts_.size());
    for (const auto& [name, host] : hosts_) names.push_back(name);
    for (const std::string& name : names) {
      const bool has_answer = co_await ask(name);
      if (is_stopping_) co_return;
      is_answered = is_answered && has_answer;
    }
    if (is_news_) changed_();
    if (is_due_) continue;
    timer_.expires_after(is_answered ? kRefresh : kRetry);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<bool> RelayNames::ask(std::string name) {
  const auto found = co_await lookup_.resolve(lookups_, name, 0, io::boot_now() + kLookup);
  const auto known = hosts_.find(name);
  if (is_stopping_ || known == hosts_.end()) co_return true;
  Host& host = known->second;
  is_news_ = is_news_ || !std::exchange(host.was_asked, true);
  if (!found) {
    // What was known goes on to hold.
    log_.debug("node: relay {} has no address: {}", name, found.error().detail);
    co_return false;
  }
  const auto first = [&](bool is_v6) {
    const auto endpoint = std::ranges::find_if(
        *found, [&](const Endpoint& each) { return each.address.is_v6() == is_v6; });
    return endpoint == found->end() ? std::string("none") : endpoint->address.to_string();
  };
  const std::string ipv4 = first(false);
  const std::string ipv6 = first(true);
  is_news_ = is_news_ || ipv4 != host.ipv4 || ipv6 != host.ipv6;
  host.ipv4 = ipv4;
  host.ipv6 = ipv6;
  co_return true;
}

asio::awaitable<void> RelayNames::stop() {
  is_stopping_ = true;
  timer_.cancel();
  tasks_.cancel();
  co_await tasks_.wait();
}

}  // namespace warren::node
