#include "cli/addresses.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/ip_address.h"
#include "base/json_writer.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/text_table.h"
#include "node/core/answers.h"

namespace warren::cli {

namespace {

struct IpArgs {
  std::string machine;
  std::string assert_ip;
  bool first = false;
  bool v4 = false;
  bool v6 = false;
  bool json = false;
};

std::string list_json(const std::vector<IpAddress>& addresses) {
  std::string text;
  json::Writer out(text);
  out.open_array();
  for (const IpAddress& address : addresses) {
    out.element();
    out.text(address.to_string());
  }
  out.close_array();
  return text;
}

int run_ip(const IpArgs& args, Context& context) {
  const auto fail_here = [&](int code, std::string_view why) {
    return fail_with(context, "ip", code, why);
  };
  if (int{args.first} + int{args.v4} + int{args.v6} > 1)
    return fail_here(kBadUsage, "choose one of -1, -4 and -6");
  const auto wanted = IpAddress::parse(args.assert_ip);
  if (!args.assert_ip.empty() && !wanted)
    return fail_here(kBadUsage, "--assert: expected an IP address");

  const auto status =
      fetch_running_status(context, args.machine.empty() ? Peers::Without : Peers::With);
  if (!status) return fail_with(context, "ip", status.error());
  std::vector<IpAddress> addresses = status->overlay_ips;
  if (!args.machine.empty()) {
    const auto machine = find_machine(*status, args.machine);
    if (!machine) return fail_with(context, "ip", machine.error());
    addresses = (*machine)->overlay_ips;
  }
  std::ranges::sort(addresses, {},
                    [](const IpAddress& ip) { return std::pair(!ip.is_v4(), ip.to_string()); });
  if (addresses.empty()) return fail_here(kFailed, "no address is known yet");
  if (wanted) {
    if (std::ranges::find(addresses, *wanted) != addresses.end()) return 0;
    return fail_here(kFailed, fmt::format("{} is not one of them", args.assert_ip));
  }
  if (args.v4 || args.v6) {
    std::erase_if(addresses, [&](const IpAddress& ip) { return ip.is_v4() != args.v4; });
    if (addresses.empty())
      return fail_here(kFailed, fmt::format("there is no IPv{} address", args.v4 ? 4 : 6));
  }
  if (args.first) addresses.resize(1);
  if (args.json) {
    context.out << indented(list_json(addresses));
  } else {
    for (const IpAddress& address : addresses) context.out << address.to_string() << '\n';
  }
  return 0;
}

struct WhoisArgs {
  std::string address;
  bool json = false;
};

std::string whois_text(const node::WhoIs& who) {
  std::string out;
  const auto line = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("  {:<12} {}\n", fmt::format("{}:", name), printable(value));
  };
  const auto to_text = [](const IpPrefix& prefix) { return prefix.to_string(); };
  const auto texts_of = [&](const std::vector<IpPrefix>& prefixes) {
    std::vector<std::string> texts(prefixes.size());
    std::ranges::transform(prefixes, texts.begin(), to_text);
    return fmt::format("{}", fmt::join(texts, ", "));
  };
  bool is_tagged = false;
  if (who.node) {
    out += "Machine:\n";
    line("Name", who.node->name.ends_with('.')
                     ? std::string_view(who.node->name).substr(0, who.node->name.size() - 1)
                     : std::string_view(who.node->name));
    line("ID", who.node->stable_id);
    line("Addresses", texts_of(who.node->addresses));
    std::vector<IpPrefix> others = who.node->effective_allowed_ips();
    std::erase_if(others, [&](const IpPrefix& prefix) {
      return std::ranges::find(who.node->addresses, prefix) != who.node->addresses.end();
    });
    if (!others.empty()) line("AllowedIPs", texts_of(others));
    is_tagged = !who.node->tags.empty();
    if (is_tagged) line("Tags", fmt::format("{}", fmt::join(who.node->tags, ", ")));
  }
  if (who.user_profile && !is_tagged) {
    out += "User:\n";
    line("Name", who.user_profile->login_name);
    line("ID", std::to_string(who.user_profile->id.value));
  }
  if (!who.cap_map.empty()) out += "Capabilities:\n";
  for (const auto& [name, values] : who.cap_map) {
    out += fmt::format("  - {}\n", printable(name));
    for (const json::Raw& value : values) {
      out += fmt::format("      {}\n", printable(value.text()));
    }
  }
  return out;
}

int run_whois(const WhoisArgs& args, Context& context) {
  const auto body = LocalApi::node(context).get("whois?addr=" + encode_component(args.address));
  if (!body && body.error().code == Errc::NotFound) {
    return fail_with(context, "whois", kFailed,
                     fmt::format("{} belongs to no machine of the network", args.address));
  }
  if (!body) return fail_with(context, "whois", body.error());
  if (args.json) {
    context.out << indented(*body);
    return 0;
  }
  const auto who = node::decode_who_is(*body);
  if (!who) return fail_with(context, "whois", who.error());
  context.out << whois_text(*who);
  return 0;
}

}  // namespace

void add_ip(CLI::App& root, Context& context) {
  auto args = std::make_shared<IpArgs>();
  CLI::App* const command =
      root.add_subcommand("ip", "The addresses of this machine, or of another one");
  command->footer(
      "Example:\n"
      "  warren ip -4                        for scripts\n"
      "  warren ip laptop\n"
      "  warren ip --assert=100.64.0.2       prints nothing, fails when it is another");
  command->add_option("machine", args->machine, "Its name or address (default: this one)")
      ->type_name("");
  command->add_flag("-1", args->first, "Only one, IPv4 where there is one");
  command->add_flag("-4", args->v4, "Only IPv4");
  command->add_flag("-6", args->v6, "Only IPv6");
  command->add_option("--assert", args->assert_ip, "Only say, by the exit code, whether it has it")
      ->type_name("IP");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &context] { context.exit_code = run_ip(*args, context); });
}

void add_whois(CLI::App& root, Context& context) {
  auto args = std::make_shared<WhoisArgs>();
  CLI::App* const command =
      root.add_subcommand("whois", "Which machine and whose it is, by an address");
  command->footer(
      "Example:\n"
      "  warren whois 100.64.0.2\n"
      "  warren whois --json 100.64.0.2:55012      as seen by a server's socket");
  command->add_option("address", args->address, "IP, IP:PORT or nodekey:...")
      ->required()
      ->type_name("");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &context] { context.exit_code = run_whois(*args, context); });
}

}  // namespace warren::cli
