#pragma once

#include "base/log.h"
#include "lab/lab.h"
#include "lab/lab_files.h"
#include "lab/stop_signals.h"

namespace warren::lab {

// Labs on this machine. Each method works on what earlier processes have left in the lab's files.
class KernelLab final : public Lab {
 public:
  // `log`: of the router, where it runs; outlives the object.
  explicit KernelLab(Log& log) : log_(log) {}

  Result<void> up(const std::string& lab) override;
  Result<bool> down(const std::string& lab) override;
  Result<LabStatus> status(const std::string& lab) override;
  Error run_in(const std::string& lab,
               const Machine& host,
               const std::vector<std::string>& command) override;
  Result<io::ChildOutcome> run(const std::string& lab,
                               const Machine& host,
                               const std::vector<std::string>& command) override;
  Result<void> start(const std::string& lab,
                     const Machine& host,
                     const std::vector<std::string>& command,
                     const std::string& output) override;
  Result<void> set_resolv_conf(const std::string& lab,
                               const Machine& host,
                               const std::string& text) override;
  Result<std::string> make_directory(const std::string& lab) override;
  Result<void> set_block(const std::string& lab, const Machine& host, Block block) override;
  Result<void> move(const std::string& lab, const Machine& host, const Place& place) override;
  Result<void> reboot_router(const std::string& lab, const std::string& router) override;
  Result<void> serve(const std::string& lab) override;

 private:
  Log& log_;
};

}  // namespace warren::lab
