#include "base/log.h"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/logger.h>
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

}  // namespace

const LogLevel* parse_log_level(std::string_view text) {
  const auto* const found = std::ranges::find(kLevels, text, &LevelName::text);
  return found == kLevels.end() ? nullptr : &found->level;
}

Log Log::to_stderr(LogLevel level) {
  auto logger =
      std::make_shared<spdlog::logger>("warren", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(to_spdlog(level));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
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
