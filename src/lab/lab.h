#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "io/child_process.h"
#include "lab/firewall.h"
#include "lab/plan.h"

// What `warren lab` can do. A lab is known by its name (check_lab_name), hosts, places and routers
// by theirs (plan.h).
namespace warren::lab {

enum class LabState : std::uint8_t {
  Down,
  Broken,  // something of it is there, and its router is not: `up` and `down` both mend that
  Up,
};

struct RunningProcess {
  int id = 0;
  std::string command = {};
};

struct HostStatus {
  std::string name = {};
  std::string place = {};
  std::string network = {};                 // its namespace
  std::vector<std::string> addresses = {};  // all it has, also those of tunnels
  bool is_udp_blocked = false;
  std::vector<RunningProcess> processes = {};
};

struct RouterStatus {
  std::string name = {};
  std::string behind = {};                          // a router; empty: it is at the top
  std::vector<std::string> outside = {};            // the NAT's addresses
  std::uint64_t sessions = 0;                       // of NAT and firewall
  std::map<std::string, std::uint64_t> drops = {};  // by reason
};

struct LabStatus {
  std::string name = {};
  LabState state = LabState::Down;
  std::string control = {};  // the router's socket, for commands (command.h)
  std::vector<HostStatus> hosts = {};
  std::vector<RouterStatus> routers = {};
};

boost::json::object to_json(const LabStatus& status);
// For a terminal.
std::string to_text(const LabStatus& status);

class Lab {
 public:
  Lab() = default;
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  virtual ~Lab() = default;

  // Makes it all, or nothing. Removes first what a lab of this name that was killed has left;
  // AlreadyExists when one is up.
  virtual Result<void> up(const std::string& lab) = 0;
  // Ends every process in it and removes it all. False when there was nothing.
  virtual Result<bool> down(const std::string& lab) = 0;
  virtual Result<LabStatus> status(const std::string& lab) = 0;

  // The calling process becomes the command; returns only why not. Errc::NotFound: there is no such
  // command.
  virtual Error run_in(const std::string& lab,
                       const Machine& host,
                       const std::vector<std::string>& command) = 0;

  // Runs the command to its end, and waits for that (io/child_process.h).
  virtual Result<io::ChildOutcome> run(const std::string& lab,
                                       const Machine& host,
                                       const std::vector<std::string>& command) = 0;
  // Starts the command, which goes on until it ends or the lab is removed; what it prints goes to
  // the file.
  virtual Result<void> start(const std::string& lab,
                             const Machine& host,
                             const std::vector<std::string>& command,
                             const std::string& output) = 0;
  // What programs on the host read in /etc/resolv.conf.
  virtual Result<void> set_resolv_conf(const std::string& lab,
                                       const Machine& host,
                                       const std::string& text) = 0;
  // A directory for what runs there, that nobody but root reads, and that is gone with the lab.
  // AlreadyExists when somebody has made it.
  virtual Result<std::string> make_directory(const std::string& lab) = 0;

  virtual Result<void> set_block(const std::string& lab, const Machine& host, Block block) = 0;
  virtual Result<void> move(const std::string& lab, const Machine& host, const Place& place) = 0;
  // Its NAT and firewall forget everything.
  virtual Result<void> reboot_router(const std::string& lab, const std::string& router) = 0;

  // The router's own process: runs until SIGINT or SIGTERM.
  virtual Result<void> serve(const std::string& lab) = 0;
};

}  // namespace warren::lab
