#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "io/address.h"
#include "io/file_descriptor.h"
#include "io/link.h"
#include "io/netlink.h"

namespace warren::io {

// The machine's side of the network.
struct NetworkState {
  // Of interfaces that are up and have a carrier, without loopback; ordered.
  std::vector<LinkAddress> addresses;
  unsigned default_v4 = 0;  // the interface that leads to the rest of the world; 0: none
  unsigned default_v6 = 0;

  bool operator==(const NetworkState&) const = default;
};

struct NetworkNews {
  bool any = false;          // read() may say something else now
  bool interrupted = false;  // an interface or an address went away, perhaps only for a moment
  bool more = false;         // the bound was reached: call drain() again
};

struct NetworkMonitorOptions {
  unsigned excluded_link = 0;  // the overlay's own interface, as if it did not exist
  std::uint32_t mark = 0;      // of packets that look for their way (policy routing)
};

// What the network looks like, and news of changes: addresses, interfaces, routes, rules. Use from
// one thread.
class NetworkMonitor {
 public:
  static constexpr std::size_t kMaxDatagrams = 64;  // a drain

  static Result<NetworkMonitor> open(const NetworkMonitorOptions& options);

  void set_mark(std::uint32_t mark) { options_.mark = mark; }

  int fd() const { return news_.get(); }  // readable when there is news; never blocks

  // News come in swarms: wait a little before read().
  NetworkNews drain();
  Result<NetworkState> read();

 private:
  NetworkMonitor(FileDescriptor news, Netlink netlink, const NetworkMonitorOptions& options)
      : news_(std::move(news)), netlink_(std::move(netlink)), options_(options), buffer_(32768) {}

  void take(const nlmsghdr& message, NetworkNews& out);
  void take_link(const nlmsghdr& message, NetworkNews& out);
  void take_address(const nlmsghdr& message, NetworkNews& out) const;
  void take_route(const nlmsghdr& message, NetworkNews& out) const;
  bool is_usable(const Link& link) const;
  unsigned default_link(const IpAddress& somewhere);

  FileDescriptor news_;
  Netlink netlink_;
  NetworkMonitorOptions options_;
  std::vector<std::uint8_t> buffer_;
  std::vector<unsigned> usable_links_;  // by the latest news
  std::vector<LinkAddress> addresses_;  // as last read
};

}  // namespace warren::io
