#include "node/os/host_lookup.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/file.h"
#include "io/file_descriptor.h"
#include "io/resolver.h"
#include "io/socket_address.h"
#include "node/os/dns_query.h"
#include "proto/dns/message.h"

namespace warren::node {

namespace {

constexpr std::size_t kMaxHostsFile = std::size_t{8} << 20U;  // lists against advertising are long
constexpr Duration kDirect = 3s;  // then the system's name service may know more
constexpr std::string_view kBlank = " \t\r\n";

using Endpoints = std::vector<Endpoint>;

// Of one name, for both families.
struct Lookup {
  dns::Name name;
  std::array<std::uint16_t, 2> ids{};
  std::vector<Endpoint> servers;
  std::uint32_t mark = 0;
};

void append_addresses(ByteView message, std::uint16_t port, Endpoints& out) {
  dns::RecordReader records(message);
  while (const auto record = records.next()) {
    if (records.section() != dns::Section::Answer) break;
    const auto address = dns::address_of(*record);
    if (!address || out.size() >= io::kMaxResolved) continue;
    const Endpoint endpoint{.address = *address, .port = port};
    if (std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
  }
}

// Whether packets have a way there. Nothing is sent.
bool has_route(const Endpoint& to, std::uint32_t mark) {
  const io::FileDescriptor fd(
      socket(to.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return false;
  if (mark != 0) static_cast<void>(setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address({.address = to.address, .port = 1}, address);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

// Blocks.
Result<Endpoints> look_up(const Lookup& lookup, std::uint16_t port, TimePoint deadline) {
  Endpoints out;
  std::optional<Error> problem;
  for (const bool is_v6 : {true, false}) {
    const dns::Question question{.name = lookup.name,
                                 .type = is_v6 ? dns::RecordType::Aaaa : dns::RecordType::A};
    const auto query = dns::encode_query(lookup.ids.at(is_v6 ? 1 : 0), question, 0);
    const auto answer = ask_nameservers(lookup.servers, query, lookup.mark, deadline);
    if (answer) {
      append_addresses(*answer, port, out);
    } else {
      problem = answer.error();
    }
  }
  if (out.empty()) {
    return unexpected(problem.value_or(
        Error{.code = Errc::NotFound, .detail = lookup.name.to_string() + " has no address"}));
  }
  // What cannot be reached comes last (RFC 6724 section 6, rule 1).
  Endpoints sorted;
  for (const bool is_reachable : {true, false}) {
    std::ranges::copy_if(out, std::back_inserter(sorted), [&](const Endpoint& endpoint) {
      return has_route(endpoint, lookup.mark) == is_reachable;
    });
  }
  return sorted;
}

}  // namespace

bool is_in_hosts_file(std::string_view text, std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto is_same = [&](std::string_view word) {
    return std::ranges::equal(word, name, [](char a, char b) {
      const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      };
      return lower(a) == lower(b);
    });
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = line.substr(0, line.find('#'));
    bool is_address = true;
    for (;;) {
      const std::size_t begin = line.find_first_not_of(kBlank);
      if (begin == std::string_view::npos) break;
      line.remove_prefix(begin);
      const std::string_view word = line.substr(0, line.find_first_of(kBlank));
      line.remove_prefix(word.size());
      if (!std::exchange(is_address, false) && is_same(word)) return true;
    }
  }
  return false;
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives its callers
boost::asio::awaitable<Result<Endpoints>> HostLookup::resolve(io::BlockingPool& pool,
                                                              std::string host,
                                                              std::uint16_t port,
                                                              TimePoint deadline) const {
  const auto name = dns::Name::parse(host);
  if (!nameservers_.empty() && name && !name->is_root() && !IpAddress::parse(host)) {
    Lookup lookup{.name = *name, .ids = {}, .servers = {}, .mark = mark_};
    for (std::uint16_t& id : lookup.ids) id = static_cast<std::uint16_t>(random_.below(1U << 16U));
    for (const IpAddress& address : nameservers_) {
      lookup.servers.push_back({.address = address, .port = dns::kPort});
    }
    const TimePoint until = std::min(deadline, io::boot_now() + kDirect);
    auto call = [lookup = std::move(lookup), host, port, until]() -> Result<Endpoints> {
      const auto hosts = io::read_file("/etc/hosts", kMaxHostsFile);
      if (hosts && is_in_hosts_file(*hosts, host)) {
        return fail(Errc::NotFound, "left to the system's name service");
      }
      return look_up(lookup, port, until);
    };
    auto found = co_await io::run_blocking(pool, until + 1s, std::move(call));
    if (found) co_return found;
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none) co_return found;
  }
  co_return co_await io::async_resolve(pool, std::move(host), port, deadline);
}

}  // namespace warren::node
