#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace warren::lab {

inline constexpr std::string_view kLabsDirectory = "/run/warren/lab";

// Where a lab keeps what it knows, in a directory of its own that is gone when the lab is.
class LabFiles {
 public:
  // `lab` has passed check_lab_name().
  explicit LabFiles(std::string_view lab) : directory_(fmt::format("{}/{}", kLabsDirectory, lab)) {}

  const std::string& directory() const { return directory_; }

  std::string lock() const { return directory_ + "/lock"; }  // lab_lock.h

  std::string router_lock() const { return directory_ + "/router.lock"; }  // router_process.h

  std::string record() const { return directory_ + "/record.json"; }  // lab_record.h

  std::string control() const { return directory_ + "/router.sock"; }  // command.h

  std::string log() const { return directory_ + "/router.log"; }

  // Of what runs on its hosts.
  std::string scene() const { return directory_ + "/scene"; }

  // What a host sees in /etc instead of the machine's own.
  std::string etc(std::string_view machine) const {
    return fmt::format("{}/etc/{}", directory_, machine);
  }

 private:
  std::string directory_;
};

}  // namespace warren::lab
