#include "netmap/tags.h"

#include <algorithm>

#include <fmt/format.h>

namespace warren::netmap {
namespace {

constexpr std::string_view kPrefix = "tag:";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool is_tag(std::string_view text) {
  if (!text.starts_with(kPrefix) || text.size() > kMaxTag) return false;
  const std::string_view name = text.substr(kPrefix.size());
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<std::vector<std::string>> to_tags(std::vector<std::string> texts) {
  for (const std::string& text : texts) {
    if (is_tag(text)) continue;
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no tag: \"tag:\", a letter, then letters, digits or '-'",
                            text.substr(0, kMaxTag)));
  }
  std::ranges::sort(texts);
  texts.erase(std::ranges::unique(texts).begin(), texts.end());
  if (texts.size() > kMaxTags) {
    return fail(Errc::InvalidArgument, fmt::format("more than {} tags", kMaxTags));
  }
  return texts;
}

}  // namespace warren::netmap
