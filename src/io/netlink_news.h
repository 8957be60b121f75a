#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <linux/netlink.h>

#include "base/result.h"
#include "io/file_descriptor.h"

// What the kernel tells of its own accord on a routing socket (rtnetlink(7)); the monitors of
// interfaces and of rules stand on it.
namespace warren::io {

// Never blocks. `groups`: RTMGRP_… of linux/rtnetlink.h; `of_what` for the error.
Result<FileDescriptor> open_netlink_news(std::uint32_t groups, std::string_view of_what);

struct NetlinkDrained {
  bool missed = false;  // the kernel dropped news, or the socket failed
  bool more = false;    // the bound was reached: drain again
};

// Calls `take` for each message that is there, at most of `max_datagrams` datagrams.
NetlinkDrained drain_netlink(const FileDescriptor& fd,
                             std::vector<std::uint8_t>& buffer,
                             std::size_t max_datagrams,
                             const std::function<void(const nlmsghdr&)>& take);

}  // namespace warren::io
