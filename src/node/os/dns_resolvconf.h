#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/os/dns_backend.h"

namespace warren::node {

// The program resolvconf, of which there are two: openresolv's takes a record that excludes all
// others; Debian's puts ours before the others, which libc then asks only when ours is silent.
class DnsResolvconf final : public DnsBackend {
 public:
  DnsResolvconf(const DnsHost& host, DnsManager which) : host_(host), which_(which) {}

  // Which of the two is installed; None: none.
  static DnsManager find(const DnsHost& host);

  DnsManager manager() const override { return which_; }

  Result<void> set(const OsDnsConfig& config) override;

  bool holds() override { return true; }

  OsDnsBase base() const override;
  std::vector<std::string> watched() const override;

  // Of a run that was killed.
  static Result<bool> clean(const DnsHost& host);

 private:
  std::string record() const;
  Result<std::string> run(std::vector<std::string> arguments, std::string_view input) const;

  const DnsHost host_;
  const DnsManager which_;
};

}  // namespace warren::node
