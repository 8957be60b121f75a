#include "main/notify.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace warren {
namespace {

void notify(const std::string& state) {
  static_cast<void>(sd_notify(0, state.c_str()));
}

}  // namespace

void notify_ready(const std::string& status) {
  notify(fmt::format("READY=1\nSTATUS={}", status));
}

void notify_status(const std::string& status) {
  notify("STATUS=" + status);
}

void notify_reloading() {
  notify("RELOADING=1");
}

void notify_stopping() {
  notify("STOPPING=1");
}

void notify_alive() {
  notify("WATCHDOG=1");
}

}  // namespace warren
