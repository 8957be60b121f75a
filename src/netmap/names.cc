#include "netmap/names.h"

#include <algorithm>

#include <fmt/format.h>

namespace warren::netmap {
namespace {

char label_character(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

void trim_hyphens(std::string& text) {
  while (!text.empty() && text.back() == '-') text.pop_back();
  text.erase(0, text.find_first_not_of('-'));
}

}  // namespace

bool is_label(std::string_view text) {
  if (text.empty() || text.size() > kMaxLabel || text.front() == '-' || text.back() == '-') {
    return false;
  }
  // What is no label character becomes a hyphen, an upper case letter a lower case one.
  return std::ranges::all_of(text, [](char c) { return label_character(c) == c; });
}

Result<void> check_name(std::string_view text) {
  if (is_label(text)) return {};
  return fail(Errc::InvalidArgument,
              fmt::format("\"{}\" is no name: up to {} of a-z, 0-9 and '-', not at the ends",
                          text.substr(0, kMaxHostname), kMaxLabel));
}

std::unexpected<Error> name_is_taken(std::string_view name) {
  return fail(Errc::AlreadyExists, fmt::format("the name {} is in use, or was until lately", name));
}

bool is_login(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLogin && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c != 0x7f && c != ':' && c != '/' && c != '"';
  });
}

std::string to_label(std::string_view hostname) {
  std::string out;
  for (const char c : hostname.substr(0, hostname.find('.')).substr(0, kMaxLabel)) {
    out += label_character(c);
  }
  trim_hyphens(out);
  return out.empty() ? "node" : out;
}

std::string numbered_label(std::string_view label, unsigned number) {
  const std::string suffix = fmt::format("-{}", number);
  return fmt::format("{}{}", label.substr(0, kMaxLabel - suffix.size()), suffix);
}

}  // namespace warren::netmap
