#include "tunnel/reclaimer.h"

namespace warren::tunnel {

void Reclaimer::retire(std::vector<std::unique_ptr<wg::Retired>> objects) {
  if (objects.empty()) return;
  const std::uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst) + 1;
  waiting_.push_back({epoch, std::move(objects)});
}

void Reclaimer::collect() {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // see enter()
  const std::uint64_t seen = seen_.load(std::memory_order_seq_cst);
  while (!waiting_.empty() && (seen == kOffline || seen >= waiting_.front().epoch)) {
    waiting_.pop_front();
  }
}

}  // namespace warren::tunnel
