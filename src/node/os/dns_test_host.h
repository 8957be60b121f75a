#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"
#include "node/os/dns_backend.h"

namespace warren::node::testing {

// A directory that stands for a machine's root, with programs that write down how they are called.
// For tests.
class DnsTestHost {
 public:
  DnsTestHost() {
    std::string pattern = std::filesystem::temp_directory_path() / "warren-dns.XXXXXX";
    WARREN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root = pattern;
    for (const char* const directory : {"etc", "run/systemd/resolve", "state", "bin"}) {
      std::filesystem::create_directories(root / directory);
    }
    host.root = root;
    host.state_directory = root / "state";
    host.device = "lo";
    host.own = {IpAddress::v4({100, 100, 100, 100})};
    host.busctl = root / "bin/busctl";
    host.resolvconf = root / "bin/resolvconf";
  }

  DnsTestHost(const DnsTestHost&) = delete;
  DnsTestHost& operator=(const DnsTestHost&) = delete;

  ~DnsTestHost() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }

  void write(std::string_view name, std::string_view content) const {
    WARREN_CHECK(io::replace_file(root / name, content, 0644));
  }

  // Empty when there is none.
  std::string read(std::string_view name) const {
    return io::read_file(root / name, std::size_t{1} << 20).value_or(std::string());
  }

  // A shell script: its words, and what it gets, are in calls().
  void install(std::string_view name, std::string_view script) const {
    const std::string path = root / "bin" / name;
    const std::string text =
        "#!/bin/sh\nlog='" + (root / "calls").string() + "'\n" + std::string(script) + "\n";
    WARREN_CHECK(io::replace_file(path, text, 0755));
  }

  std::string calls() const { return read("calls"); }

  void forget_calls() const { std::filesystem::remove(root / "calls"); }

  std::filesystem::path root;
  DnsHost host;
};

// What a node tells a host that cannot split.
inline OsDnsConfig overlay_names() {
  return {.nameservers = {IpAddress::v4({100, 100, 100, 100})},
          .search = {"home.internal"},
          .match_domains = {}};
}

}  // namespace warren::node::testing
