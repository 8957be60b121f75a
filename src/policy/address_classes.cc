#include "policy/address_classes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/result.h"

namespace warren::policy {

namespace {

constexpr unsigned kMarkBits = 8;

}  // namespace

// Walks the cuts of one family in order and keeps what is open. Marks are members behind all
// others.
class AddressClasses::Builder {
 public:
  explicit Builder(AddressClasses& out) : out_(out) { intern({}); }

  void add_family(std::span<const Entry> entries, bool is_v6) {
    std::vector<Event> events;
    for (const Entry& entry : entries) {
      if (entry.range.first.is_v6() != is_v6) continue;
      if (entry.member) add_events(entry.range, *entry.member, events);
      for (unsigned bit = 0; bit < kMarkBits; ++bit) {
        if ((entry.marks >> bit & 1U) != 0) add_events(entry.range, mark_member(bit), events);
      }
    }
    std::ranges::sort(events, {}, &Event::at);
    Family& family = out_.families_[is_v6 ? 1 : 0];
    family = {.starts = {AddressNumber()}, .ids = {kNothing}};
    open_.clear();
    for (std::size_t i = 0; i < events.size() && !is_too_large();) {
      const AddressNumber at = events[i].at;
      for (; i < events.size() && events[i].at == at; ++i) apply(events[i]);
      const Id id = intern(open_members());
      if (at == AddressNumber()) {
        family.ids.front() = id;
      } else if (family.ids.back() != id) {
        family.starts.push_back(at);
        family.ids.push_back(id);
      }
    }
  }

  bool is_too_large() const { return out_.members_.size() > kMaxMembers; }

 private:
  struct Event {
    AddressNumber at;
    Member member = 0;
    int change = 0;
  };

  static Member mark_member(unsigned bit) { return kMaxMember + 1 + bit; }

  static void add_events(const AddressRange& range, Member member, std::vector<Event>& out) {
    const AddressNumber last = number_of(range.last);
    out.push_back({.at = number_of(range.first), .member = member, .change = 1});
    if (!last.is_last(range.last.is_v6())) {
      out.push_back({.at = last.next(), .member = member, .change = -1});
    }
  }

  void apply(const Event& event) {  // ranges of one member may overlap
    const auto open = open_.try_emplace(event.member, 0).first;
    open->second += event.change;
    if (open->second == 0) open_.erase(open);
  }

  std::vector<Member> open_members() const {
    std::vector<Member> out;
    out.reserve(open_.size());
    for (const auto& [member, depth] : open_) out.push_back(member);
    return out;
  }

  Id intern(std::vector<Member> members) {
    const auto [known, is_new] =
        known_.try_emplace(std::move(members), static_cast<Id>(out_.classes_.size()));
    if (!is_new) return known->second;
    Class made{.begin = static_cast<std::uint32_t>(out_.members_.size())};
    for (const Member member : known->first) {
      if (member > kMaxMember) {
        made.marks |= static_cast<std::uint8_t>(1U << (member - kMaxMember - 1));
      } else {
        out_.members_.push_back(member);
        ++made.size;
      }
    }
    out_.classes_.push_back(made);
    return known->second;
  }

  AddressClasses& out_;
  std::map<Member, int> open_;  // how many ranges of the member contain the place
  std::map<std::vector<Member>, Id> known_;
};

std::optional<AddressClasses> AddressClasses::create(std::span<const Entry> entries) {
  AddressClasses out;
  Builder builder(out);
  for (const Entry& entry : entries) WARREN_CHECK(entry.member.value_or(0) <= kMaxMember);
  for (const bool is_v6 : {false, true}) builder.add_family(entries, is_v6);
  if (builder.is_too_large()) return std::nullopt;
  return out;
}

AddressClasses::Id AddressClasses::find(const IpAddress& address) const {
  const Family& family = families_[address.is_v6() ? 1 : 0];
  const auto behind = std::ranges::upper_bound(family.starts, number_of(address));
  return family.ids[static_cast<std::size_t>(behind - family.starts.begin()) - 1];
}

}  // namespace warren::policy
