#include "base/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include <unistd.h>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace warren {

namespace {

struct LevelName {
  std::string_view text;
  LogLevel level;
  spdlog::level::level_enum spdlog_level;
};

constexpr std::array<LevelName, 5> kLevels{{{"trace", LogLevel::Trace, spdlog::level::trace},
                                            {"debug", LogLevel::Debug, spdlog::level::debug},
                                            {"info", LogLevel::Info, spdlog::level::info},
                                            {"warn", LogLevel::Warn, spdlog::level::warn},
                                            {"error", LogLevel::Error, spdlog::level::err}}};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  return kLevels[std::to_underlying(level)].spdlog_level;
}

// "<6>" and the like: how the journal knows a line's priority (sd-daemon(3)).
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view text = text_of(message.level);
    out.append(text.data(), text.data() + text.size());
  }

  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }

 private:
  static std::string_view text_of(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::err:
        return "<3>";
      case spdlog::level::warn:
        return "<4>";
      case spdlog::level::info:
        return "<6>";
      default:
        return "<7>";
    }
  }
};

// systemd sets it where stderr leads to the journal (systemd.exec(5)).
bool is_for_journal() {
  return std::getenv("JOURNAL_STREAM") != nullptr && isatty(STDERR_FILENO) == 0;
}

}  // namespace

const LogLevel* parse_log_level(std::string_view text) {
  const auto* const found = std::ranges::find(kLevels, text, &LevelName::text);
  return found == kLevels.end() ? nullptr : &found->level;
}

Log Log::to_stderr(LogLevel level) {
  auto logger =
      std::make_shared<spdlog::logger>("warren", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(to_spdlog(level));
  if (is_for_journal()) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<Priority>('*').set_pattern("%*%v");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  }
  logger->flush_on(spdlog::level::trace);
  return Log(std::move(logger));
}

Log Log::nowhere() {
  auto logger =
      std::make_shared<spdlog::logger>("warren", std::make_shared<spdlog::sinks::null_sink_mt>());
  logger->set_level(spdlog::level::off);
  return Log(std::move(logger));
}

bool Log::enabled(LogLevel level) const {
  return logger_->should_log(to_spdlog(level));
}

void Log::set_level(LogLevel level) {
  logger_->set_level(to_spdlog(level));
}

void Log::line(LogLevel level, std::string_view text) {
  logger_->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace warren
