#include "control/core/marks.h"

#include <algorithm>

namespace warren::control {
namespace {

constexpr Duration kAtOnce = 2ms;  // lets changes of one moment ride together
constexpr Duration kPath = 20ms;   // hole punching waits for it
constexpr Duration kCosmetic = 1s;

}  // namespace

Duration patience_of(Mark mark) {
  switch (mark) {
    case Mark::Path:
      return kPath;
    case Mark::Cosmetic:
      return kCosmetic;
    case Mark::Online:
    case Mark::Key:
    case Mark::Full:
      break;
  }
  return kAtOnce;
}

Duration patience_of(HeadMark mark) {
  return mark == HeadMark::Self ? kPath : kAtOnce;
}

void Marks::mark(Slot slot, Mark mark, TimePoint now) {
  hurry(patience_of(mark), now);
  const auto bit = static_cast<std::uint8_t>(mark);
  if (many_.empty()) {
    const auto found = std::ranges::find(few_, slot, &std::pair<Slot, std::uint8_t>::first);
    if (found != few_.end()) {
      found->second |= bit;
      return;
    }
    if (few_.size() < kFew) {
      few_.emplace_back(slot, bit);
      return;
    }
    for (const auto& [marked, bits] : few_) {
      if (marked >= many_.size()) many_.resize(marked + std::size_t{1});
      many_[marked] = bits;
    }
    few_.clear();
  }
  if (slot >= many_.size()) many_.resize(slot + std::size_t{1});
  many_[slot] |= bit;
}

void Marks::mark(HeadMark mark, TimePoint now) {
  hurry(patience_of(mark), now);
  head_ |= static_cast<std::uint8_t>(mark);
}

void Marks::remove(Slot slot, netmap::NodeId node, TimePoint now) {
  if (slot < many_.size()) many_[slot] = 0;
  std::erase_if(few_, [&](const auto& entry) { return entry.first == slot; });
  if (!was_told(slot)) return;
  told_[slot] = false;
  gone_.push_back(node);
  hurry(kAtOnce, now);
}

void Marks::set_told(Slot slot) {
  if (slot >= told_.size()) told_.resize(slot + std::size_t{1});
  told_[slot] = true;
}

bool Marks::is_empty() const {
  return due_ == kNever;
}

Marks::News Marks::take() {
  News out{.nodes = std::move(few_), .gone = std::move(gone_), .head = head_};
  for (Slot slot = 0; slot < many_.size(); ++slot) {
    if (many_[slot] != 0) out.nodes.emplace_back(slot, many_[slot]);
  }
  few_.clear();
  many_ = std::vector<std::uint8_t>();  // `= {}` would keep the memory
  gone_.clear();
  head_ = 0;
  due_ = kNever;
  return out;
}

void Marks::hurry(Duration patience, TimePoint now) {
  due_ = std::min(due_, now + patience);
}

}  // namespace warren::control
