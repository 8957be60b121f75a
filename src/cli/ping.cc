#include "cli/ping.h"

#include <cmath>
#include <memory>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_map.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/text_table.h"
#include "node/core/answers.h"

namespace warren::cli {

namespace {

constexpr Duration kInterval = 1s;  // node-features.md section 18.4
constexpr Duration kGrace = 2s;     // warrend ends the attempt; this is for warrend itself
constexpr unsigned kMaxCount = 100'000;

struct PingArgs {
  std::string peer;
  std::string timeout = "5s";
  unsigned count = 10;
  bool until_direct = true;
  bool icmp = false;
  bool json = false;
  bool verbose = false;
};

std::string pong_text(const node::PingResult& pong, bool icmp) {
  std::string via = "unknown";
  if (!pong.endpoint.empty()) {
    via = printable(pong.endpoint);
  } else if (pong.derp_region_id.value != 0) {
    via = fmt::format("DERP({})", printable(pong.derp_region_code));
  } else if (icmp) {
    via = "ICMP";
  }
  return fmt::format("pong from {} ({}) via {} in {}ms", printable(pong.node_name),
                     printable(pong.node_ip), via, std::lround(pong.latency_seconds * 1'000));
}

// The pongs of one run; `ip` is the address that is asked.
class Pinging {
 public:
  Pinging(const PingArgs& args, std::string ip, Duration timeout, Context& context)
      : args_(args),
        api_(LocalApi::node(context)),
        ip_(std::move(ip)),
        timeout_(timeout),
        context_(context) {}

  Result<void> run() {
    for (unsigned i = 0; i < args_.count && !is_done_; ++i) {
      const TimePoint began = context_.now();
      WARREN_TRY_VOID(attempt());
      if (is_done_ || i + 1 == args_.count) break;
      const Duration rest = began + kInterval - context_.now();
      if (rest > Duration::zero()) context_.sleep(rest);
    }
    if (pongs_ == 0) return fail(Errc::Io, "no reply");
    if (wants_direct() && !is_done_) return fail(Errc::Io, "direct connection not established");
    return {};
  }

 private:
  bool wants_direct() const { return args_.until_direct && !args_.icmp; }

  Result<void> attempt() {
    const auto target = fmt::format("ping?ip={}&type={}&timeout={}ms", encode_component(ip_),
                                    args_.icmp ? "ICMP" : "disco",
                                    std::chrono::ceil<std::chrono::milliseconds>(timeout_).count());
    WARREN_TRY(const auto json, api_.send("POST", target, {}, timeout_ + kGrace));
    WARREN_TRY(const auto pong, node::decode_ping_result(json));
    if (pong.is_local_ip) {
      is_done_ = true;
      ++pongs_;
      say(json, fmt::format("{} is this machine's own address", ip_));
    } else if (!pong.err.empty()) {
      // A lost probe is one thing, a peer that cannot be asked is another.
      say(json, pong.err.find("time") != std::string::npos
                    ? fmt::format("ping \"{}\" timed out", ip_)
                    : fmt::format("ping \"{}\": {}", ip_, printable(pong.err)));
    } else {
      ++pongs_;
      is_done_ = args_.icmp || (wants_direct() && !pong.endpoint.empty());
      say(json, pong_text(pong, args_.icmp));
    }
    return {};
  }

  void say(const std::string& json, const std::string& text) {
    context_.out << (args_.json ? indented(json) : text + "\n");
    context_.out.flush();
  }

  const PingArgs& args_;
  LocalApi api_;
  std::string ip_;
  Duration timeout_;
  Context& context_;
  unsigned pongs_ = 0;
  bool is_done_ = false;
};

int run_ping(const PingArgs& args, Context& context) {
  const auto timeout = json::parse_duration(args.timeout);
  if (!timeout || *timeout == Duration::zero()) {
    return fail_with(context, "ping", kBadUsage, "--timeout: expected a duration such as 5s");
  }
  const auto status = fetch_running_status(context, Peers::With);
  if (!status) return fail_with(context, "ping", status.error());
  const auto machine = find_machine(*status, args.peer);
  if (!machine) return fail_with(context, "ping", machine.error());
  if ((*machine)->overlay_ips.empty()) {
    return fail_with(context, "ping", kFailed,
                     fmt::format("{} has no address yet", name_of(**machine)));
  }
  const auto as_given = IpAddress::parse(args.peer);
  const IpAddress ip = as_given ? *as_given : (*machine)->overlay_ips.front();
  if (args.verbose && !as_given)
    context.err << fmt::format("{} is {}\n", args.peer, ip.to_string());
  const auto done = Pinging(args, ip.to_string(), *timeout, context).run();
  return done ? 0 : fail_with(context, "ping", done.error());
}

}  // namespace

void add_ping(CLI::App& root, Context& context) {
  auto args = std::make_shared<PingArgs>();
  CLI::App* const command =
      root.add_subcommand("ping", "Probe a machine, and see which path answers");
  command->footer(
      "Probes once a second until the answer comes directly; fails when it never does.\n"
      "\n"
      "Example:\n"
      "  warren ping laptop\n"
      "  warren ping --until-direct=false -c 3 100.64.0.2\n"
      "  warren ping --icmp laptop             through the tunnel and the system of the other end");
  command->add_option("machine", args->peer, "Its name or address")->required()->type_name("");
  command->add_option("-c,--count,--c", args->count, "How often at most")
      ->check(CLI::Range(1U, kMaxCount))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--timeout", args->timeout, "How long to wait for each answer")
      ->type_name("DURATION")
      ->capture_default_str();
  command
      ->add_flag("--until-direct,!--no-until-direct", args->until_direct,
                 "Stop at the first answer that comes directly; --until-direct=false never does")
      ->default_str("true");
  command->add_flag("--icmp", args->icmp, "An ICMP echo through the tunnel, once");
  command->add_flag("--verbose", args->verbose, "Say which address is asked");
  command->add_flag("--json", args->json, "Print JSON, an object for each answer");
  command->callback([args, &context] { context.exit_code = run_ping(*args, context); });
}

}  // namespace warren::cli
