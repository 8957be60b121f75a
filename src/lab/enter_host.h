#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "lab/lab_files.h"
#include "lab/plan.h"

namespace warren::lab {

// Makes this process one of the host's: its network, its name, its /etc/hosts and resolv.conf, and
// then the command, which is looked for in PATH. Returns only why that failed; the process is then
// of no more use. Errc::NotFound: there is no such command.
Error run_in_host(const LabFiles& files,
                  const std::string& lab,
                  const Machine& machine,
                  const std::vector<std::string>& command);

}  // namespace warren::lab
