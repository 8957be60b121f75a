#include "cli/lab_hub.h"

#include <array>
#include <filesystem>
#include <ostream>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "base/secret.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/wg_profile.h"
#include "crypto/keys.h"
#include "io/file.h"
#include "lab/lab.h"

namespace warren::cli {

namespace {

constexpr Duration kStartTime = 15s;  // of the server, which takes a tenth of a second
constexpr Duration kPause = 20ms;
constexpr std::string_view kServer = "server";

struct Part {
  std::string_view device;
  std::string_view host;
  std::string_view note;
};

constexpr std::array<Part, 3> kParts{{
    {"nas", "home", "behind a router and the carrier's NAT"},
    {"phone", "neighbour", "another customer of the same carrier"},
    {"notebook", "laptop", "in a hotel, whose NAT lets nobody through; it travels"},
}};

// What the server answers when a device is added, and what of that is needed here.
struct Added {
  std::string ipv4;
  std::string ipv6;
  WgProfile profile;
};

template <class Visitor, json::wire::Either<Added> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("ipv4", x.ipv4);
  visit("ipv6", x.ipv6);
  visit("profile", x.profile);
}

class HubScene {
 public:
  HubScene(const LabHubArgs& args, Context& context) : args_(args), context_(context) {}

  Result<void> play();
  std::string told() const;
  std::string json() const;

 private:
  std::string path(std::string_view name) const { return fmt::format("{}/{}", directory_, name); }

  std::string socket() const { return path("admin.sock"); }

  Result<void> make_lab();
  Result<void> start_server();
  Result<void> wait_for_server();
  Result<void> add(const Part& part);
  Result<void> run_on(std::string_view host, const std::vector<std::string>& command);

  const LabHubArgs& args_;
  Context& context_;
  std::string directory_;
  std::vector<Added> devices_;  // as kParts
};

// The program that was installed or built beside this one, or this one.
std::string beside_us(std::string_view program) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / program;
  return !error && std::filesystem::exists(path, error) ? path.string() : std::string(program);
}

// `warren wg` keeps what it must undo by the device's name, for all namespaces of the machine.
std::string unique_device(std::size_t number) {
  return fmt::format("wg{}-{}", getpid(), number);
}

Result<void> HubScene::play() {
  WARREN_TRY_VOID(make_lab());
  auto directory = context_.lab->make_directory(args_.lab);
  if (!directory && directory.error().code == Errc::AlreadyExists) {
    return fail(Errc::AlreadyExists, "it was begun already");
  }
  WARREN_TRY(directory_, std::move(directory));
  WARREN_TRY_VOID(start_server());
  for (const Part& part : kParts) WARREN_TRY_VOID(add(part));
  return {};
}

Result<void> HubScene::make_lab() {
  WARREN_TRY(const lab::LabStatus status, context_.lab->status(args_.lab));
  if (status.state == lab::LabState::Up) return {};
  return context_.lab->up(args_.lab);
}

Result<void> HubScene::run_on(std::string_view host, const std::vector<std::string>& command) {
  WARREN_TRY(const lab::Machine* const machine, lab::find_machine(host));
  WARREN_TRY(io::ChildOutcome outcome, context_.lab->run(args_.lab, *machine, command));
  if (outcome.status == 0) return {};
  while (outcome.output.ends_with('\n')) outcome.output.pop_back();
  return fail(Errc::Io, fmt::format("{} on {}: {}", command.front(), host, outcome.output));
}

Result<void> HubScene::start_server() {
  const std::string program = beside_us("warren-server");
  if (auto there = run_on(kServer, {program, "--version"}); !there) {
    there.error().detail += ": is the package warren-server installed?";
    return there;
  }
  const std::string config =
      json::ObjectText()
          .text("url", fmt::format("https://{}", kServer))
          .text("state-dir", path("server"))
          .json("listen", json::ObjectText().text("admin-socket", socket()).done())
          .done();
  WARREN_TRY_VOID(io::replace_file(path("server.json"), config, 0600));
  WARREN_TRY(const lab::Machine* const machine, lab::find_machine(kServer));
  WARREN_TRY_VOID(context_.lab->start(
      args_.lab, *machine, {program, "--config", path("server.json")}, path("server.log")));
  context_.socket = socket();
  return wait_for_server();
}

Result<void> HubScene::wait_for_server() {
  const TimePoint deadline = context_.now() + kStartTime;
  for (;;) {
    const auto answer = LocalApi::admin(context_).get("hub");
    if (answer) return {};
    if (context_.now() >= deadline) {
      return fail(Errc::Timeout, fmt::format("the server does not start: {} ({} has what it says)",
                                             answer.error().detail, path("server.log")));
    }
    context_.sleep(kPause);
  }
}

// As `warren admin device add` and wg-quick do it.
Result<void> HubScene::add(const Part& part) {
  const auto key = NodePrivateKey::generate(*context_.random);
  const std::string body = json::ObjectText()
                               .text("name", part.device)
                               .text("public_key", to_base64(key.public_key().bytes()))
                               .done();
  WARREN_TRY(const std::string answer, LocalApi::admin(context_).send("POST", "devices", body));
  WARREN_TRY(const Added added, read_answer<Added>(answer));
  WgProfile profile = added.profile;
  profile.dns.clear();  // `warren wg` leaves that to wg-quick
  std::string secret = to_base64(key.bytes());
  std::string config = wg_quick_text(profile, secret);
  const std::string file = path(fmt::format("{}.conf", part.device));
  const auto written = io::replace_file(file, config, 0600);
  for (std::string* const text : {&secret, &config}) {
    wipe({reinterpret_cast<std::uint8_t*>(text->data()), text->size()});
  }
  WARREN_TRY_VOID(written);
  WARREN_TRY_VOID(run_on(part.host, {beside_us("warren"), "wg", "--background", "--name",
                                     unique_device(devices_.size()), "--config", file}));
  WARREN_TRY(const lab::Machine* const machine, lab::find_machine(part.host));
  devices_.push_back(added);
  return context_.lab->set_resolv_conf(
      args_.lab, *machine,
      fmt::format("nameserver {}\nsearch {}\n", added.profile.dns, added.profile.search));
}

std::string HubScene::told() const {
  std::string out = "A server and three stock WireGuard devices, and no machine of the mesh:\n";
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    out += fmt::format("  {:<10}{:<16}on {:<11}{}\n", kParts[i].device, devices_[i].ipv4,
                       kParts[i].host, kParts[i].note);
  }
  const std::array<std::pair<std::string, std::string_view>, 6> rows{{
      {"exec laptop ping -c 3 nas", "by name, through the hub"},
      {"exec home python3 -m http.server &", "a web page on the NAS"},
      {"exec neighbour curl http://nas:8000/", "and on the phone"},
      {"move laptop neighbour", "it roams; ping again"},
      {fmt::format("exec server warren --socket {} admin hub", socket()), "the hub's view"},
      {"down", "remove it all"},
  }};
  out += "Try:\n";
  for (const auto& [command, note] : rows) {
    out += fmt::format("  {} {:<38}{}\n", args_.program, command, "  " + std::string(note));
  }
  return out;
}

std::string HubScene::json() const {
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    rows.push_back(json::ObjectText()
                       .text("name", kParts[i].device)
                       .text("host", kParts[i].host)
                       .text("ipv4", devices_[i].ipv4)
                       .text("ipv6", devices_[i].ipv6)
                       .text("config", path(fmt::format("{}.conf", kParts[i].device)))
                       .done());
  }
  return json::ObjectText()
      .text("name", args_.lab)
      .text("admin_socket", socket())
      .json("devices", fmt::format("[{}]", fmt::join(rows, ",")))
      .done();
}

}  // namespace

int run_lab_hub(const LabHubArgs& args, Context& context) {
  HubScene scene(args, context);
  if (const auto played = scene.play(); !played) {
    return fail_with(
        context, "lab hub", kFailed,
        fmt::format("{} (`{} down` removes it all)", played.error().detail, args.program));
  }
  context.out << (args.json ? indented(scene.json()) : scene.told());
  return 0;
}

}  // namespace warren::cli
