#include "db/schema.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

namespace warren::db {

namespace {

struct TypeWord {
  std::string_view word;
  std::string_view sqlite;
  std::string_view postgresql;
  std::string_view check;  // '@' stands for the column
};

constexpr std::array kTypes = {
    TypeWord{"I64", "INTEGER", "BIGINT", ""},
    TypeWord{"TIME", "INTEGER", "BIGINT", ""},
    TypeWord{"BOOL", "INTEGER", "SMALLINT", "@ IN (0, 1)"},
    TypeWord{"TEXT", "TEXT", "TEXT", ""},
    TypeWord{"JSON", "TEXT", "TEXT", ""},
    TypeWord{"BYTES", "BLOB", "BYTEA", ""},
    TypeWord{"KEY32", "BLOB", "BYTEA", "length(@) = 32"},
};

// What starts an item of a table that is no column.
constexpr std::array<std::string_view, 5> kTableRules = {"PRIMARY", "UNIQUE", "FOREIGN", "CHECK",
                                                         "CONSTRAINT"};

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Takes the first word off; a parenthesis ends one, too.
std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n("));
  text = trim(text.substr(word.size()));
  return word;
}

// Whether the text starts with these words; takes them off when it does.
bool take_words(std::string_view& text, std::initializer_list<std::string_view> words) {
  std::string_view rest = text;
  for (const std::string_view word : words) {
    if (take_word(rest) != word) return false;
  }
  text = rest;
  return true;
}

std::string without_comments(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'') quoted = !quoted;
    if (!quoted && text.substr(i).starts_with("--")) {
      i = std::min(text.find('\n', i), text.size());
      out += '\n';
    } else {
      out += text[i];
    }
  }
  return out;
}

// The parts between separators that are neither in quotes nor in parentheses.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  bool quoted = false;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == separator && depth == 0) {
      out.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  out.push_back(trim(text.substr(start)));
  return out;
}

Result<std::string> column(std::string_view text, Engine engine) {
  std::string_view rest = text;
  const std::string_view name = take_word(rest);
  std::string_view word = take_word(rest);
  const bool nullable = word.ends_with('?');
  if (nullable) word.remove_suffix(1);
  const auto* const type = std::ranges::find(kTypes, word, &TypeWord::word);
  if (name.empty() || type == kTypes.end()) {
    return fail(Errc::Refused, fmt::format("column {}: unknown type '{}'", name, word));
  }
  std::string out =
      fmt::format("{} {}", name, engine == Engine::Sqlite ? type->sqlite : type->postgresql);
  if (!nullable) out += " NOT NULL";
  if (!type->check.empty()) {
    std::string check(type->check);
    check.replace(check.find('@'), 1, name);
    out += fmt::format(" CHECK ({})", check);
  }
  if (!rest.empty()) out += fmt::format(" {}", rest);
  return out;
}

Result<std::string> table(std::string_view text, Engine engine) {
  const std::string_view name = take_word(text);
  if (name.empty() || !text.starts_with('(') || !text.ends_with(')')) {
    return fail(Errc::Refused, fmt::format("table {}: no columns in parentheses", name));
  }
  std::string out = fmt::format("CREATE TABLE {} (", name);
  bool first = true;
  for (const std::string_view item : split(text.substr(1, text.size() - 2), ',')) {
    std::string_view rest = item;
    const bool is_rule = std::ranges::find(kTableRules, take_word(rest)) != kTableRules.end();
    if (!first) out += ", ";
    first = false;
    if (is_rule) {
      out += item;
      continue;
    }
    auto written = column(item, engine);
    if (!written) return with_context(fmt::format("table {}", name), std::move(written).error());
    out += *written;
  }
  return out + (engine == Engine::Sqlite ? ") STRICT" : ")");
}

Result<std::string> statement(std::string_view text, Engine engine) {
  std::string_view rest = text;
  if (take_words(rest, {"TABLE"})) return table(rest, engine);
  if (take_words(rest, {"INDEX"})) return fmt::format("CREATE INDEX {}", rest);
  if (take_words(rest, {"UNIQUE", "INDEX"})) return fmt::format("CREATE UNIQUE INDEX {}", rest);
  if (take_words(rest, {"ALTER", "TABLE"})) {
    const std::string_view name = take_word(rest);
    if (take_words(rest, {"ADD", "COLUMN"})) {
      auto written = column(rest, engine);
      if (!written) return with_context(fmt::format("table {}", name), std::move(written).error());
      return fmt::format("ALTER TABLE {} ADD COLUMN {}", name, *written);
    }
  }
  return std::string(text);
}

}  // namespace

Result<std::string> generate_schema(std::string_view text, Engine engine) {
  const std::string plain = without_comments(text);
  std::string out;
  for (const std::string_view part : split(plain, ';')) {
    if (part.empty()) continue;
    WARREN_TRY(const std::string written, statement(part, engine));
    out += written;
    out += ";\n";
  }
  return out;
}

}  // namespace warren::db
