#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include <stdlib.h>

#include "plain/network.h"

// Stand-ins for tests of plain.
namespace warren::plain {

// A host in memory. `fail_after` steps, changes fail: a crash or a refusal at any point.
class FakeNetwork final : public Network {
 public:
  unsigned mtu = 0;
  std::set<wgquick::InterfaceAddress> addresses;
  std::set<DeviceRoute> routes;
  std::set<PolicyRule> rules;
  std::map<std::string, std::string> sysctls{{"net/ipv4/conf/all/src_valid_mark", "0"}};
  int fail_after = -1;  // -1: never

  Result<void> set_up(unsigned value) override {
    return change([&] { mtu = value; });
  }

  Result<void> add_address(const wgquick::InterfaceAddress& address) override {
    return change([&] { addresses.insert(address); });
  }

  Result<void> remove_address(const wgquick::InterfaceAddress& address) override {
    return change([&] { addresses.erase(address); });
  }

  Result<void> add_route(const DeviceRoute& route) override {
    return change([&] { routes.insert(route); });
  }

  Result<void> remove_route(const DeviceRoute& route) override {
    return change([&] { routes.erase(route); });
  }

  Result<void> add_rule(const PolicyRule& rule) override {
    return change([&] { rules.insert(rule); });
  }

  Result<void> remove_rule(const PolicyRule& rule) override {
    return change([&] { rules.erase(rule); });
  }

  Result<std::string> read_sysctl(const std::string& name) override { return sysctls[name]; }

  Result<void> write_sysctl(const std::string& name, const std::string& value) override {
    return change([&] { sysctls[name] = value; });
  }

 private:
  template <class F>
  Result<void> change(F&& apply) {
    if (fail_after == 0) return fail(Errc::Io, "the fake host refuses");
    if (fail_after > 0) --fail_after;
    apply();
    return {};
  }
};

// A directory that goes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "warren-test-XXXXXX").string();
    WARREN_CHECK(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace warren::plain
