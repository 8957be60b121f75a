#pragma once

#include <string>

// What systemd is told of a service (sd_notify(3)); nothing happens without systemd.
namespace warren {

void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_reloading();
void notify_stopping();
void notify_alive();  // for WatchdogSec=

}  // namespace warren
