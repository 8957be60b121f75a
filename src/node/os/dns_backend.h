#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"
#include "node/core/os_dns.h"

namespace warren::node {

// Where the host's name resolution is set up. Tests have a directory for the root, and programs of
// their own.
struct DnsHost {
  std::string root;                 // before /etc and /run; empty: the system's
  std::string state_directory;      // ours
  std::string device = "warren0";   // which resolved is told of
  std::vector<IpAddress> own = {};  // our resolver's addresses: never among the host's own
  std::string busctl = "busctl";    // programs, by name or path
  std::string resolvconf = "resolvconf";
  // /etc belongs to a machine whose network is not ours: it stays as it is.
  bool is_foreign = false;

  std::string etc(std::string_view name) const { return root + "/etc/" + std::string(name); }
};

inline constexpr Duration kDnsCall = 1s;  // each call of a program (spec: node-features 4.7)

// How a host is told. In the status by these names.
enum class DnsManager : std::uint8_t { None, File, Resolved, OpenResolv, Resolvconf };

std::string_view to_string(DnsManager manager);

// One way to tell the host. Calls block, for seconds where they run programs; one at a time.
class DnsBackend {
 public:
  DnsBackend() = default;
  DnsBackend(const DnsBackend&) = delete;
  DnsBackend& operator=(const DnsBackend&) = delete;
  virtual ~DnsBackend() = default;

  virtual DnsManager manager() const = 0;

  // Makes it so; hands off: takes it back. Harmless when it is so already. What takes it back after
  // a crash or a power cut is on the disk before anything is changed.
  virtual Result<void> set(const OsDnsConfig& config) = 0;

  // Whether what set() did last is still there.
  virtual bool holds() = 0;

  // What the host would use without us, now.
  virtual OsDnsBase base() const = 0;

  // Files and directories: when something changes there, holds() or base() may.
  virtual std::vector<std::string> watched() const = 0;
};

// What the host needs (spec: node-features section 4.7).
DnsManager detect_dns_manager(const DnsHost& host);

std::unique_ptr<DnsBackend> make_dns_backend(const DnsHost& host, DnsManager manager);

// Takes back what a run that was killed, or lost its power, has left. True: there was something.
Result<bool> clean_dns(const DnsHost& host);

// Whether this process is in a network of its own but shares /etc with the machine's, as a program
// in a network namespace does. Needs root's capabilities; without them it assumes that it is not.
bool is_etc_of_another_network();

}  // namespace warren::node
