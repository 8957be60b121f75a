#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

// Network namespaces with a name in /run/netns, as `ip netns` makes and shows them.
namespace warren::lab {

// Tells namespaces apart as long as they live.
struct NamespaceId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  auto operator<=>(const NamespaceId&) const = default;
};

// With its loopback interface up. AlreadyExists when there is one of this name.
Result<void> add_namespace(const std::string& name);
// One that is not there is fine. What uses the namespace keeps it alive, without the name.
Result<void> remove_namespace(const std::string& name);

bool has_namespace(const std::string& name);

// Of a name in /run/netns or a path such as /proc/1/ns/net; none when it is no namespace.
std::optional<NamespaceId> namespace_id(const std::string& path);

}  // namespace warren::lab
