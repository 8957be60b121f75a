#pragma once

#include <memory>
#include <string_view>

#include <fmt/format.h>

// One event, one line: "tunnel: peer gone peer=ab12 reason=timeout idle=25s".
// trace follows packets (compiled out of release), debug is odd but handled, info is a change an
// operator cares about, warn wants a look tomorrow, error wakes someone now. What a peer can
// trigger is debug at most, and counted.
namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): theirs
}

namespace warren {

enum class LogLevel : unsigned char { Trace, Debug, Info, Warn, Error };

// Null when the text is none of trace, debug, info, warn, error.
const LogLevel* parse_log_level(std::string_view text);

// Thread-safe. main/ builds one and passes it by reference.
class Log {
 public:
  // For the journal, when that is where stderr leads: with priorities, without times.
  static Log to_stderr(LogLevel level);
  static Log nowhere();

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::Debug, format, std::forward<Args>(args)...);
  }

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::Info, format, std::forward<Args>(args)...);
  }

  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::Warn, format, std::forward<Args>(args)...);
  }

  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::Error, format, std::forward<Args>(args)...);
  }

  bool enabled(LogLevel level) const;
  // Of all copies.
  void set_level(LogLevel level);

 private:
  explicit Log(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

  template <class... Args>
  void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(level)) line(level, fmt::format(format, std::forward<Args>(args)...));
  }

  void line(LogLevel level, std::string_view text);

  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace warren
