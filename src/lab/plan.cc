#include "lab/plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace warren::lab {

namespace {

constexpr std::string_view kInternet = "internet";
constexpr std::string_view kCarrier = "carrier";
constexpr std::string_view kHomeRouter = "home-router";
constexpr std::string_view kNeighbourRouter = "neighbour-router";
constexpr std::string_view kHotelRouter = "hotel-router";
constexpr std::string_view kOfficeRouter = "office-router";
constexpr std::string_view kDualstackRouter = "dualstack-router";
constexpr std::string_view kV6onlyRouter = "v6only-router";

// Public ones are reserved for documentation (RFC 5737, RFC 3849), the carrier's inside for
// carriers (RFC 6598), the rest is private (RFC 1918).
constexpr std::array<Place, 7> kPlaces{{
    {"internet", kInternet, "203.0.113.", "2001:db8:1::"},
    {"home", kHomeRouter, "192.168.1.", ""},
    {"neighbour", kNeighbourRouter, "192.168.2.", ""},
    {"hotel", kHotelRouter, "10.40.0.", ""},
    {"office", kOfficeRouter, "10.50.0.", ""},
    {"dualstack", kDualstackRouter, "192.168.6.", "2001:db8:60::"},
    {"v6only", kV6onlyRouter, "", "2001:db8:70::"},
}};

constexpr std::array<Machine, 8> kMachines{{
    {"server", 10, "internet", "a rented machine, nothing in front of it"},
    {"home", 20, "home", "the home server"},
    {"neighbour", 30, "neighbour", "at another customer of the same carrier"},
    {"hotel", 40, "hotel", "another guest"},
    {"laptop", 80, "hotel", "travels: move laptop PLACE"},
    {"office", 50, "office", ""},
    {"dualstack", 60, "dualstack", ""},
    {"v6only", 70, "v6only", ""},
}};

constexpr std::uint16_t kForwardedPort = 8080;
constexpr std::string_view kForwardedTo = "192.168.1.20";
constexpr std::string_view kCarrierInside = "100.64.0.1";
constexpr std::string_view kCarrierOutside = "198.51.100.7";
constexpr std::string_view kHomeOutside = "100.64.0.20";

struct RouterPlan {
  std::string_view name;
  std::string_view behind;
  std::string_view outside;  // the NAT's address; empty: no NAT
  Duration delay;            // of its uplink, each way
  std::string_view note;
};

constexpr std::array<RouterPlan, 8> kRouters{{
    {kInternet, "", "", {}, ""},
    {kCarrier, kInternet, kCarrierOutside, 4ms,
     "carrier-grade NAT: all customers share this address"},
    {kHomeRouter, kCarrier, kHomeOutside, 2ms, "NAT; forwards TCP port 8080 to home, in vain"},
    {kNeighbourRouter, kCarrier, "100.64.0.30", 2ms, "NAT"},
    {kHotelRouter, kInternet, "198.51.100.40", 6ms,
     "symmetric NAT: another port for each destination"},
    {kOfficeRouter, kInternet, "198.51.100.50", 3ms,
     "NAT; lets TCP out to ports 80 and 443, nothing else"},
    {kDualstackRouter, kInternet, "198.51.100.60", 4ms, "NAT for IPv4, firewall for IPv6"},
    {kV6onlyRouter, kInternet, "", 8ms, "no IPv4; firewall"},
}};

constexpr Duration kLanDelay = 500us;  // Wi-Fi at home, each way

IpAddress parse_own(std::string_view text) {
  const auto address = IpAddress::parse(text);
  WARREN_CHECK(address.has_value());
  return *address;
}

NatConfig nat_of(const RouterPlan& router) {
  NatConfig out{.external = {parse_own(router.outside)}};
  if (router.name == kCarrier) {
    // RFC 6888: REQ-1 is RFC 4787, whose REQ-9 is hairpinning; REQ-3 limits what a customer takes.
    out.hairpin = Hairpin::ExternalSource;
    out.ports = PortChoice::Random;
    out.ports_per_host = 2048;
  } else if (router.name == kHotelRouter) {
    out.mapping = Dependence::AddressAndPort;
    out.ports = PortChoice::Random;
  } else if (router.name == kHomeRouter) {
    out.forwards = {{.protocol = Protocol::Tcp,
                     .port = kForwardedPort,
                     .to = {parse_own(kForwardedTo), kForwardedPort}}};
  }
  return out;
}

void add_address(std::vector<IpAddress>& to, std::string_view network) {
  if (!network.empty()) to.push_back(parse_own(fmt::format("{}1", network)));
}

RouterConfig config_of(const RouterPlan& router) {
  RouterConfig out;
  out.uplink.behind = router.behind;
  out.uplink.up.delay = out.uplink.down.delay = router.delay;
  if (!router.outside.empty()) out.nat = nat_of(router);
  if (const Place* const place = place_behind(router.name); place != nullptr) {
    add_address(out.addresses, place->v4);
    add_address(out.addresses, place->v6);
    out.firewall.is_stateful = router.name != kInternet && !place->v6.empty();
  }
  if (router.name == kCarrier) out.addresses.push_back(parse_own(kCarrierInside));
  if (router.name == kOfficeRouter) out.firewall.block = Block::AllButWeb;
  return out;
}

std::string joined(const auto& range, auto&& text_of) {
  std::string out;
  for (const auto& item : range) {
    out += out.empty() ? "" : ", ";
    out += text_of(item);
  }
  return out;
}

template <class T>
Result<const T*> find_in(std::span<const T> list, std::string_view name, std::string_view what) {
  const auto found = std::ranges::find(list, name, &T::name);
  if (found != list.end()) return &*found;
  return fail(Errc::NotFound, fmt::format("there is no {} \"{}\": choose {}", what, name,
                                          joined(list, [](const T& one) { return one.name; })));
}

// One line of the drawing, in columns.
std::string line_of(std::string_view tree,
                    std::string_view name,
                    std::string_view addresses,
                    std::string_view note) {
  std::string out = fmt::format("{:<26}{:<32}{}", fmt::format("{}{}", tree, name), addresses, note);
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

void draw_below(std::string_view router, const std::string& tree, std::string& out) {
  struct Child {
    std::string_view name;
    std::string addresses;
    std::string_view note;
    bool is_router = false;
  };

  std::vector<Child> children;
  const Place* const place = place_behind(router);
  for (const Machine& machine : kMachines) {
    if (place == nullptr || machine.place != place->name) continue;
    const auto addresses =
        joined(addresses_at(machine, *place), [](const auto& a) { return a.address.to_string(); });
    children.push_back({machine.name, addresses, machine.note});
  }
  for (const RouterPlan& below : kRouters) {
    if (below.behind != router) continue;
    children.push_back({below.name, std::string(below.outside), below.note, true});
  }
  for (const Child& child : children) {
    const bool is_last = &child == &children.back();
    out += line_of(tree + (is_last ? "`-- " : "|-- "), child.name, child.addresses, child.note);
    if (child.is_router) draw_below(child.name, tree + (is_last ? "    " : "|   "), out);
  }
}

}  // namespace

std::span<const Place> places() {
  return kPlaces;
}

std::span<const Machine> machines() {
  return kMachines;
}

Result<const Place*> find_place(std::string_view name) {
  return find_in(places(), name, "place");
}

Result<const Machine*> find_machine(std::string_view name) {
  return find_in(machines(), name, "host");
}

Result<void> check_router(std::string_view name) {
  WARREN_TRY([[maybe_unused]] const auto* const found,
             find_in(std::span<const RouterPlan>(kRouters), name, "router"));
  return {};
}

const Place* place_behind(std::string_view router) {
  const auto* const found = std::ranges::find(kPlaces, router, &Place::router);
  return found == kPlaces.end() ? nullptr : found;
}

std::vector<InterfaceAddress> addresses_at(const Machine& machine, const Place& place) {
  std::vector<InterfaceAddress> out;
  if (!place.v4.empty()) {
    out.push_back({parse_own(fmt::format("{}{}", place.v4, machine.number)), 24});
  }
  if (!place.v6.empty()) {
    out.push_back({parse_own(fmt::format("{}{}", place.v6, machine.number)), 64});
  }
  return out;
}

Result<void> check_lab_name(std::string_view lab) {
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const bool is_good = !lab.empty() && lab.size() <= 32 && is_plain(lab.front()) &&
                       std::ranges::all_of(lab, [&](char c) {
                         return is_plain(c) || c == '-' || c == '_' || c == '.';
                       });
  if (is_good) return {};
  return fail(Errc::InvalidArgument,
              fmt::format("--name {}: a lab's name has 1 to 32 letters, digits or -_. and begins "
                          "with a letter or digit",
                          lab));
}

std::string namespace_name(std::string_view lab, std::string_view machine) {
  return fmt::format("{}-{}", lab, machine);
}

Topology make_topology(std::string_view lab) {
  Topology out;
  for (const RouterPlan& router : kRouters) {
    out.routers.emplace(router.name, config_of(router));
  }
  for (const Machine& machine : kMachines) {
    const auto* const place = std::ranges::find(kPlaces, machine.place, &Place::name);
    HostConfig host;
    host.network = namespace_name(lab, machine.name);
    host.uplink.behind = place->router;
    host.uplink.up.delay = host.uplink.down.delay = kLanDelay;
    host.addresses = addresses_at(machine, *place);
    out.hosts.emplace(machine.name, std::move(host));
  }
  return out;
}

std::string hosts_file(const Machine& machine) {
  std::string out = "127.0.0.1 localhost\n::1 localhost\n";
  const Machine& server = kMachines.front();
  for (const InterfaceAddress& address : addresses_at(server, kPlaces.front())) {
    out += fmt::format("{} {}\n", address.address.to_string(), server.name);
  }
  // So that the own name is always known, wherever the machine is.
  if (machine.name != server.name) out += fmt::format("127.0.1.1 {}\n", machine.name);
  return out;
}

std::string drawing() {
  std::string out = fmt::format("{}\n", kInternet);
  draw_below(kInternet, "", out);
  return out;
}

std::string suggestions(std::string_view program) {
  const std::array<std::pair<std::string, std::string_view>, 8> rows{{
      {"exec laptop ping -c 3 server", "everybody reaches the server (the office by TCP only)"},
      {fmt::format("exec home python3 -m http.server {} &", kForwardedPort),
       "a web page at home, where the router forwards its port"},
      {fmt::format("exec neighbour curl http://{}:{}/", kHomeOutside, kForwardedPort),
       "so it is there, inside the carrier's network"},
      {fmt::format("exec laptop curl -m 3 http://{}:{}/", kCarrierOutside, kForwardedPort),
       "and not outside: the carrier's NAT knows nothing of it"},
      {"status", "which router dropped that: carrier, nat_no_mapping"},
      {"block-udp laptop", "as strict networks do; unblock-udp ends it"},
      {"shell laptop", "a shell there"},
      {"down", "remove it all"},
  }};
  std::string out = "Try:\n";
  for (const auto& [command, note] : rows) {
    out += fmt::format("  {} {:<51}{}\n", program, command, note);
  }
  return out;
}

}  // namespace warren::lab
