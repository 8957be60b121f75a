#pragma once

#include <string>
#include <vector>

#include "node/os/dns_backend.h"

namespace warren::node {

// systemd-resolved over D-Bus, by `busctl`: our nameservers belong to our device, and go with it.
// resolved asks them about match_domains only, if there are any, and goes on to ask the others'
// about the rest.
class DnsResolved final : public DnsBackend {
 public:
  explicit DnsResolved(const DnsHost& host) : host_(host) {}

  // Whether resolved runs. It is not started for that.
  static bool is_there(const DnsHost& host);

  DnsManager manager() const override { return DnsManager::Resolved; }

  Result<void> set(const OsDnsConfig& config) override;
  bool holds() override;  // false: it was started anew since
  OsDnsBase base() const override;
  std::vector<std::string> watched() const override;

 private:
  using Words = std::vector<std::string>;

  Result<std::string> call(const std::string& method,
                           const std::string& signature,
                           const Words& arguments) const;
  Result<void> set_domains(const std::string& link, const OsDnsConfig& config) const;
  std::string owner() const;

  const DnsHost host_;
  std::string told_;  // who: its name on the bus, another with each start
};

}  // namespace warren::node
