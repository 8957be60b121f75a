#include "lab/kernel_lab.h"

#include <cerrno>
#include <filesystem>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "io/address.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/netlink.h"
#include "lab/control_client.h"
#include "lab/enter_host.h"
#include "lab/lab_lock.h"
#include "lab/lab_record.h"
#include "lab/named_namespace.h"
#include "lab/namespace_processes.h"
#include "lab/net_namespace.h"
#include "lab/router_process.h"
#include "lab/runner.h"
#include "lab/topology_fields.h"

namespace warren::lab {

namespace {

constexpr std::size_t kMaxRecord = std::size_t{1} << 16;
constexpr Duration kCommandTime = 30s;  // for one that is waited for
constexpr std::string_view kNoNameServer =
    "# There is no name server in the lab; who has a name is in /etc/hosts.\n";

Result<void> need_root() {
  if (geteuid() == 0) return {};
  return fail(Errc::PermissionDenied, "a lab needs root: run it with sudo");
}

LabRecord record_of(const std::string& lab) {
  LabRecord out;
  for (const Machine& machine : machines()) {
    out.networks.push_back(namespace_name(lab, machine.name));
  }
  return out;
}

Result<void> write_record(const LabFiles& files, const LabRecord& record) {
  return io::replace_file(files.record(), format_record(record), 0600);
}

// NotFound when there is none, so nothing was made either.
Result<LabRecord> read_record(const LabFiles& files) {
  WARREN_TRY(const std::string text, io::read_file(files.record(), kMaxRecord));
  return parse_record(text);
}

bool is_up(const LabFiles& files) {
  const auto record = read_record(files);
  return record && record->phase == LabPhase::Up && find_router(files);
}

// Undoes what was made, in any state of it.
Result<void> take_apart(const LabFiles& files, const std::string& lab) {
  auto record = read_record(files);
  if (!record && record.error().code == Errc::NotFound) return {};
  // A damaged record: what we would have made ourselves is the best guess.
  if (!record) record = record_of(lab);
  // So that a router that is just being started does not find its lab either.
  WARREN_TRY(const RouterLock lock, end_router(files));
  std::set<NamespaceId> namespaces;
  for (const std::string& network : record->networks) {
    if (const auto id = namespace_id(namespace_path(network))) namespaces.insert(*id);
  }
  WARREN_TRY_VOID(end_processes(namespaces));
  for (const std::string& network : record->networks) WARREN_TRY_VOID(remove_namespace(network));
  std::error_code error;
  std::filesystem::remove_all(files.scene(), error);
  if (error) return unexpected(errno_error("remove " + files.scene(), error.value()));
  // The record last: until then the next one finds it. A router that was killed may not have closed
  // its socket yet, which the next one would take for that of another program.
  for (const std::string& path : {files.control(), files.log(), files.record()}) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return unexpected(errno_error("remove " + path, errno));
    }
  }
  return {};
}

Result<void> refuse_others_namespaces(const LabRecord& record) {
  for (const std::string& network : record.networks) {
    if (!has_namespace(network)) continue;
    return fail(Errc::AlreadyExists,
                fmt::format("there is a network namespace {0} that is not of a lab: remove it with "
                            "`ip netns delete {0}`, or choose another name with --name",
                            network));
  }
  return {};
}

std::string resolv_conf(const LabFiles& files, const Machine& machine) {
  return files.etc(machine.name) + "/resolv.conf";
}

Result<void> write_etc(const LabFiles& files, const Machine& machine) {
  const std::string directory = files.etc(machine.name);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return unexpected(errno_error("make " + directory, error.value()));
  WARREN_TRY_VOID(io::replace_file(directory + "/hosts", hosts_file(machine), 0644));
  return io::replace_file(resolv_conf(files, machine), kNoNameServer, 0644);
}

Result<void> build(const LabFiles& files, const std::string& lab, const StopSignals& stop) {
  const auto go_on = [&stop]() -> Result<void> {
    if (!stop.has_come()) return {};
    return fail(Errc::Unavailable, "interrupted");
  };
  LabRecord record = record_of(lab);
  WARREN_TRY_VOID(refuse_others_namespaces(record));
  WARREN_TRY_VOID(write_record(files, record));
  for (const Machine& machine : machines()) {
    WARREN_TRY_VOID(go_on());
    WARREN_TRY_VOID(write_etc(files, machine));
    WARREN_TRY_VOID(add_namespace(namespace_name(lab, machine.name)));
  }
  WARREN_TRY_VOID(start_router(files, lab, stop));
  WARREN_TRY_VOID(go_on());
  record.phase = LabPhase::Up;
  return write_record(files, record);
}

// All but the loopback's, and none that only its link knows.
std::vector<std::string> addresses_in(const std::string& network) {
  std::vector<std::string> out;
  const auto visit = NamespaceVisit::enter(namespace_path(network));
  if (!visit) return out;
  auto netlink = io::Netlink::open();
  if (!netlink) return out;
  const auto found = io::list_addresses(*netlink, 0);
  if (!found) return out;
  for (const io::LinkAddress& one : *found) {
    if (one.address.is_loopback() || one.address.is_link_local()) continue;
    out.push_back(fmt::format("{}/{}", one.address.to_string(), one.prefix_length));
  }
  return out;
}

std::vector<HostStatus> hosts_of(const std::string& lab, const NodeReports& reports) {
  std::map<std::string_view, NamespaceId> namespaces;
  std::set<NamespaceId> all;
  for (const Machine& machine : machines()) {
    const auto id = namespace_id(namespace_path(namespace_name(lab, machine.name)));
    if (!id) continue;
    namespaces[machine.name] = *id;
    all.insert(*id);
  }
  const auto processes = processes_in(all);
  std::vector<HostStatus> out;
  for (const Machine& machine : machines()) {
    HostStatus& host = out.emplace_back();
    host.name = machine.name;
    host.network = namespace_name(lab, machine.name);
    host.addresses = addresses_in(host.network);
    if (const auto report = reports.find(host.name); report != reports.end()) {
      const Place* const place = place_behind(report->second.behind);
      if (place != nullptr) host.place = place->name;
      host.is_udp_blocked = report->second.block == to_string(Block::Udp);
    }
    const auto id = namespaces.find(machine.name);
    const auto running = id == namespaces.end() ? processes.end() : processes.find(id->second);
    if (running == processes.end()) continue;
    for (const Process& process : running->second) {
      host.processes.push_back({process.id, process.command});
    }
  }
  return out;
}

std::vector<RouterStatus> routers_of(const Topology& topology, const NodeReports& reports) {
  std::vector<RouterStatus> out;
  for (const auto& [name, config] : topology.routers) {
    RouterStatus& router = out.emplace_back();
    router.name = name;
    router.behind = config.uplink.behind;
    const auto report = reports.find(name);
    if (report == reports.end()) continue;
    for (const IpAddress& address : report->second.external) {
      router.outside.push_back(address.to_string());
    }
    router.sessions = report->second.sessions;
    router.drops = report->second.drops;
  }
  return out;
}

boost::json::object command(std::string_view what) {
  boost::json::object out;
  out["do"] = what;
  return out;
}

Result<NodeReports> ask(const std::string& lab, const boost::json::object& what) {
  WARREN_TRY_VOID(need_root());
  const LabFiles files(lab);
  if (!is_up(files)) return fail(Errc::NotFound, "no lab is up: make one with `warren lab up`");
  return ask_router(files.control(), what);
}

}  // namespace

Result<void> KernelLab::up(const std::string& lab) {
  WARREN_TRY_VOID(need_root());
  if (access("/dev/net/tun", R_OK | W_OK) != 0) {
    return unexpected(
        errno_error("use /dev/net/tun, which a lab needs (`modprobe tun`; in a container, start it "
                    "with --device /dev/net/tun)",
                    errno));
  }
  WARREN_TRY(const StopSignals stop, StopSignals::hold());
  const LabFiles files(lab);
  WARREN_TRY(LabLock lock, LabLock::take(files));
  if (is_up(files)) {
    return fail(Errc::AlreadyExists,
                "a lab is up already, and there can be one of a name: `warren lab status` shows "
                "it, `warren lab down` removes it");
  }
  WARREN_TRY_VOID(take_apart(files, lab));
  auto built = build(files, lab, stop);
  if (built) return built;
  auto undone = take_apart(files, lab);
  if (undone) undone = lock.remove_directory(files);
  if (!undone) {
    built.error().detail +=
        fmt::format("; and what was made is not all gone (`warren lab down` tries again): {}",
                    undone.error().detail);
  }
  return built;
}

Result<bool> KernelLab::down(const std::string& lab) {
  WARREN_TRY_VOID(need_root());
  const LabFiles files(lab);
  if (access(files.directory().c_str(), F_OK) != 0) return false;
  WARREN_TRY(LabLock lock, LabLock::take(files));
  WARREN_TRY_VOID(take_apart(files, lab));
  WARREN_TRY_VOID(lock.remove_directory(files));
  return true;
}

Result<LabStatus> KernelLab::status(const std::string& lab) {
  WARREN_TRY_VOID(need_root());
  const LabFiles files(lab);
  LabStatus out{.name = lab, .control = files.control()};
  const auto record = read_record(files);
  if (!record && record.error().code == Errc::NotFound) return out;
  NodeReports reports;
  out.state = LabState::Broken;
  if (is_up(files)) {
    WARREN_TRY(reports, ask_router(files.control(), command("counters")));
    out.state = LabState::Up;
  }
  out.hosts = hosts_of(lab, reports);
  out.routers = routers_of(make_topology(lab), reports);
  return out;
}

Error KernelLab::run_in(const std::string& lab,
                        const Machine& host,
                        const std::vector<std::string>& command) {
  if (auto root = need_root(); !root) return root.error();
  const LabFiles files(lab);
  if (!is_up(files)) {
    return {.code = Errc::Unavailable, .detail = "no lab is up: make one with `warren lab up`"};
  }
  return run_in_host(files, lab, host, command);
}

Result<io::ChildOutcome> KernelLab::run(const std::string& lab,
                                        const Machine& host,
                                        const std::vector<std::string>& command) {
  // Another process enters the host, as run_in() would not leave it again.
  std::vector<std::string> words{"/proc/self/exe",      "lab", "--name", lab, "exec",
                                 std::string(host.name)};
  words.insert(words.end(), command.begin(), command.end());
  return io::run_program(words, {}, io::boot_now() + kCommandTime);
}

Result<void> KernelLab::start(const std::string& lab,
                              const Machine& host,
                              const std::vector<std::string>& command,
                              const std::string& output) {
  // Its session is its own, so a Ctrl-C is for us alone.
  std::vector<std::string> words{"sh", "-c", R"(exec setsid --fork "$@" </dev/null >>"$0" 2>&1)",
                                 output};
  words.insert(words.end(), command.begin(), command.end());
  WARREN_TRY(const io::ChildOutcome outcome, run(lab, host, words));
  if (outcome.status == 0) return {};
  return fail(Errc::Io, fmt::format("start {}: {}", command.front(), outcome.output));
}

Result<void> KernelLab::set_resolv_conf(const std::string& lab,
                                        const Machine& host,
                                        const std::string& text) {
  return io::replace_file(resolv_conf(LabFiles(lab), host), text, 0644);
}

Result<std::string> KernelLab::make_directory(const std::string& lab) {
  std::string path = LabFiles(lab).scene();
  if (mkdir(path.c_str(), 0700) == 0) return path;
  return unexpected(errno_error("make " + path, errno));
}

Result<void> KernelLab::set_block(const std::string& lab, const Machine& host, Block block) {
  boost::json::object what = command("block");
  what["of"] = host.name;
  what["what"] = to_string(block);
  WARREN_TRY([[maybe_unused]] const auto done, ask(lab, what));
  return {};
}

Result<void> KernelLab::move(const std::string& lab, const Machine& host, const Place& place) {
  boost::json::object what = command("move");
  what["host"] = host.name;
  what["behind"] = place.router;
  boost::json::array& addresses = what["addresses"].emplace_array();
  for (const InterfaceAddress& one : addresses_at(host, place)) {
    addresses.emplace_back(fmt::format("{}/{}", one.address.to_string(), one.prefix_length));
  }
  WARREN_TRY([[maybe_unused]] const auto done, ask(lab, what));
  return {};
}

Result<void> KernelLab::reboot_router(const std::string& lab, const std::string& router) {
  boost::json::object what = command("forget");
  what["router"] = router;
  WARREN_TRY([[maybe_unused]] const auto done, ask(lab, what));
  return {};
}

Result<void> KernelLab::serve(const std::string& lab) {
  WARREN_TRY_VOID(need_root());
  const LabFiles files(lab);
  // No file system must stay mounted because of us.
  if (chdir("/") != 0) return unexpected(errno_error("go to /", errno));
  WARREN_TRY(const RouterLock lock, RouterLock::take(files));
  return lab::run(make_topology(lab), {.control_path = files.control()}, log_, tell_ready);
}

}  // namespace warren::lab
