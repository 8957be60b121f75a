#include "wg/index_table.h"

#include <algorithm>

namespace warren::wg {

namespace {

constexpr std::size_t kMinSlots = 64;

// Marks a slot whose keypair went: probing continues over it. Never dereferenced.
Keypair* erased() {
  return reinterpret_cast<Keypair*>(std::uintptr_t{1});  // NOLINT(performance-no-int-to-ptr)
}

bool is_keypair(const Keypair* entry) {
  return entry != nullptr && entry != erased();
}

}  // namespace

IndexTable::IndexTable() : slots_(std::make_unique<Slots>(kMinSlots)), published_(slots_.get()) {}

// Indexes are random, so their low bits are hash enough.
Keypair* IndexTable::find(std::uint32_t index) const {
  const auto& keypairs = published_.load(std::memory_order_acquire)->keypairs;
  const std::size_t mask = keypairs.size() - 1;
  for (std::size_t i = index & mask, probes = 0; probes < keypairs.size();
       i = (i + 1) & mask, ++probes) {
    Keypair* const entry = keypairs[i].load(std::memory_order_acquire);
    if (entry == nullptr) return nullptr;
    if (entry != erased() && entry->local_index() == index) return entry;
  }
  return nullptr;
}

void IndexTable::insert(Keypair& keypair, std::vector<std::unique_ptr<Retired>>& retired) {
  if ((used_ + 1) * 2 > slots_->keypairs.size())
    rebuild(std::max(kMinSlots, (size_ + 1) * 4), retired);
  const std::size_t mask = slots_->keypairs.size() - 1;
  std::size_t i = keypair.local_index() & mask;
  while (is_keypair(slots_->keypairs[i].load(std::memory_order_relaxed))) i = (i + 1) & mask;
  if (slots_->keypairs[i].load(std::memory_order_relaxed) == nullptr) ++used_;
  slots_->keypairs[i].store(&keypair, std::memory_order_release);
  ++size_;
}

void IndexTable::erase(std::uint32_t index) {
  const std::size_t mask = slots_->keypairs.size() - 1;
  for (std::size_t i = index & mask;; i = (i + 1) & mask) {
    Keypair* const entry = slots_->keypairs[i].load(std::memory_order_relaxed);
    if (entry == nullptr) return;
    if (entry == erased() || entry->local_index() != index) continue;
    slots_->keypairs[i].store(erased(), std::memory_order_release);
    --size_;
    return;
  }
}

void IndexTable::rebuild(std::size_t count, std::vector<std::unique_ptr<Retired>>& retired) {
  std::size_t size = kMinSlots;
  while (size < count) size *= 2;
  auto grown = std::make_unique<Slots>(size);
  for (const auto& slot : slots_->keypairs) {
    Keypair* const entry = slot.load(std::memory_order_relaxed);
    if (!is_keypair(entry)) continue;
    std::size_t i = entry->local_index() & (size - 1);
    while (grown->keypairs[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & (size - 1);
    grown->keypairs[i].store(entry, std::memory_order_relaxed);
  }
  used_ = size_;
  retired.push_back(std::move(slots_));
  slots_ = std::move(grown);
  published_.store(slots_.get(), std::memory_order_release);
}

}  // namespace warren::wg
