#include "plain/ledger_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/result.h"

namespace warren::plain {

namespace {

constexpr std::size_t kMaxWords = 10;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

// The words of one line; none when it has too many, or an empty one.
class Words {
 public:
  explicit Words(std::string_view line) {
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(' '), line.size());
      if (count_ == kMaxWords || end == 0) {
        count_ = 0;
        return;
      }
      words_[count_++] = line.substr(0, end);
      line.remove_prefix(std::min(end + 1, line.size()));
    }
  }

  std::size_t size() const { return count_; }

  std::string_view operator[](std::size_t i) const { return i < count_ ? words_[i] : ""; }

  template <class T>
  bool number(std::size_t i, T& out) const {
    const std::string_view text = (*this)[i];
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && at == text.data() + text.size();
  }

 private:
  std::array<std::string_view, kMaxWords> words_;
  std::size_t count_ = 0;
};

// rule FAMILY PRIORITY TABLE NOT MARK MASK SUPPRESS, SUPPRESS "-" for none
std::optional<LedgerRecord> decode_rule(const Words& words) {
  PolicyRule rule;
  unsigned family = 0;
  unsigned inverted = 0;
  std::uint32_t suppress = 0;
  if (words.size() != 8 || !words.number(1, family) || !words.number(2, rule.priority) ||
      !words.number(3, rule.table) || !words.number(4, inverted) || !words.number(5, rule.mark) ||
      !words.number(6, rule.mask) || (family != 4 && family != 6) || inverted > 1) {
    return std::nullopt;
  }
  rule.is_v6 = family == 6;
  rule.not_marked = inverted == 1;
  if (words[7] != "-") {
    if (!words.number(7, suppress)) return std::nullopt;
    rule.suppress_prefix_length = suppress;
  }
  return RuleRecord{rule};
}

std::optional<LedgerRecord> decode_record(std::string_view line) {
  const Words words(line);
  if (words[0] == "namespace") {
    NamespaceRecord record;
    if (words.size() == 2 && words.number(1, record.cookie)) return record;
  } else if (words[0] == "slot") {
    SlotRecord record;
    if (words.size() == 2 && words.number(1, record.slot)) return record;
  } else if (words[0] == "rule") {
    return decode_rule(words);
  } else if (words[0] == "sysctl" && words.size() == 4) {
    return SysctlRecord{std::string(words[1]), std::string(words[2]), std::string(words[3])};
  } else if (words[0] == "socket" && words.size() == 2) {
    return SocketRecord{std::string(words[1])};
  }
  return std::nullopt;
}

}  // namespace

std::string encode_record(const LedgerRecord& record) {
  std::string out = std::visit(
      Overloaded{
          [](const NamespaceRecord& r) { return fmt::format("namespace {}", r.cookie); },
          [](const SlotRecord& r) { return fmt::format("slot {}", r.slot); },
          [](const RuleRecord& r) {
            const auto& suppress = r.rule.suppress_prefix_length;
            return fmt::format("rule {} {} {} {} {} {} {}", r.rule.is_v6 ? 6 : 4, r.rule.priority,
                               r.rule.table, r.rule.not_marked ? 1 : 0, r.rule.mark, r.rule.mask,
                               suppress ? std::to_string(*suppress) : "-");
          },
          [](const SysctlRecord& r) {
            return fmt::format("sysctl {} {} {}", r.name, r.original, r.ours);
          },
          [](const SocketRecord& r) { return fmt::format("socket {}", r.path); },
      },
      record);
  WARREN_CHECK(!out.contains('\n'));
  out.push_back('\n');
  return out;
}

std::vector<LedgerRecord> decode_ledger(std::string_view text) {
  std::vector<LedgerRecord> out;
  if (!text.starts_with(kLedgerHeader)) return out;
  text.remove_prefix(kLedgerHeader.size());
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (auto record = decode_record(text.substr(0, end))) out.push_back(std::move(*record));
    text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace warren::plain
