#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "wg/keypair.h"
#include "wg/retired.h"

namespace warren::wg {

// Receiver index to keypair: open addressing. One writer (the engine) inserts and erases in place;
// any number of readers look up without a lock. A reader's result is valid until its round ends,
// when retired objects may go.
class IndexTable {
 public:
  IndexTable();

  // Any thread. Null when the index is not ours.
  Keypair* find(std::uint32_t index) const;

  // Engine only. The keypair's local index must not be in the table. An outgrown table goes to
  // `retired`.
  void insert(Keypair& keypair, std::vector<std::unique_ptr<Retired>>& retired);
  void erase(std::uint32_t index);

  std::size_t size() const { return size_; }

 private:
  struct Slots final : Retired {
    explicit Slots(std::size_t count) : keypairs(count) {}

    std::vector<std::atomic<Keypair*>> keypairs;  // a power of two
  };

  void rebuild(std::size_t count, std::vector<std::unique_ptr<Retired>>& retired);

  std::unique_ptr<Slots> slots_;
  std::atomic<const Slots*> published_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;  // with the marks of erased entries
};

}  // namespace warren::wg
