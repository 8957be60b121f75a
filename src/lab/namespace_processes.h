#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "lab/named_namespace.h"

namespace warren::lab {

struct Process {
  pid_t id = 0;
  std::string command;  // its name, at most 15 characters
};

// Whoever runs in these namespaces, but for this process.
std::map<NamespaceId, std::vector<Process>> processes_in(const std::set<NamespaceId>& namespaces);

// Asks them to end, and kills those that do not within two seconds. An error names one that stays.
Result<void> end_processes(const std::set<NamespaceId>& namespaces);

}  // namespace warren::lab
