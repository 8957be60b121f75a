#include "lab/namespace_processes.h"

#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include <unistd.h>

#include <fmt/format.h>

#include "io/clock.h"
#include "io/file.h"
#include "lab/process_handle.h"

namespace warren::lab {

namespace {

constexpr Duration kGrace = 2s;
constexpr auto kPause = std::chrono::milliseconds(10);

std::optional<pid_t> to_pid(const std::string& name) {
  pid_t out = 0;
  const auto [at, error] = std::from_chars(name.data(), name.data() + name.size(), out);
  const bool is_number = error == std::errc() && at == name.data() + name.size();
  return is_number ? std::optional(out) : std::nullopt;
}

std::string network_of(pid_t process) {
  return fmt::format("/proc/{}/ns/net", process);
}

std::string command_of(pid_t process) {
  auto name = io::read_file(fmt::format("/proc/{}/comm", process), 64);
  if (!name) return "?";
  if (name->ends_with('\n')) name->pop_back();
  return *name;
}

void send_signal(pid_t process, const std::set<NamespaceId>& namespaces, int signal) {
  const auto handle = ProcessHandle::open(process);
  if (!handle) return;
  // The number may be another's than when it was listed.
  const auto network = namespace_id(network_of(process));
  if (network && namespaces.contains(*network)) handle->send(signal);
}

}  // namespace

std::map<NamespaceId, std::vector<Process>> processes_in(const std::set<NamespaceId>& namespaces) {
  std::map<NamespaceId, std::vector<Process>> out;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const auto process = to_pid(entry->path().filename().string());
    if (!process || *process == getpid()) continue;
    const auto network = namespace_id(network_of(*process));
    if (!network || !namespaces.contains(*network)) continue;
    out[*network].push_back({*process, command_of(*process)});
  }
  return out;
}

Result<void> end_processes(const std::set<NamespaceId>& namespaces) {
  if (namespaces.empty()) return {};
  for (const int signal : {SIGTERM, SIGKILL}) {
    const TimePoint deadline = io::boot_now() + kGrace;
    std::set<pid_t> told;  // once each: a second SIGTERM may mean more than the first
    auto found = processes_in(namespaces);
    while (!found.empty() && io::boot_now() < deadline) {
      for (const auto& [network, processes] : found) {
        for (const Process& process : processes) {
          if (told.insert(process.id).second) send_signal(process.id, namespaces, signal);
        }
      }
      std::this_thread::sleep_for(kPause);
      found = processes_in(namespaces);
    }
    if (found.empty()) return {};
    if (signal == SIGKILL) {
      const Process& one = found.begin()->second.front();
      return fail(Errc::Unavailable,
                  fmt::format("process {} ({}) in the lab does not end", one.id, one.command));
    }
  }
  return {};
}

}  // namespace warren::lab
