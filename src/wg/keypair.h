#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "crypto/keys.h"
#include "wg/constants.h"
#include "wg/replay_window.h"
#include "wg/retired.h"

namespace warren::wg {

struct DataPeer;

// One session's keys, and all rules that decide about a data packet under them (design section 5,
// rule 8): the simulator's host and the tunnel's workers call the same functions.
//
// Made by the engine when a handshake completes; immutable but for the counters. Any thread may
// seal under it; one thread at a time receives under it. The engine unlinks it and hands it to its
// owner for reclamation (retired.h).
class Keypair final : public Retired {
 public:
  struct Params {
    DataPeer* peer = nullptr;
    std::uint32_t local_index = 0;
    std::uint32_t remote_index = 0;
    bool is_initiator = false;
    TimePoint created;
    Duration renew_after = kRekeyAfterTime;  // the initiator's part
  };

  Keypair(const Params& params, SymmetricKey send_key, SymmetricKey receive_key)
      : params_(params), send_key_(std::move(send_key)), receive_key_(std::move(receive_key)) {}

  DataPeer& peer() const { return *params_.peer; }

  std::uint32_t local_index() const { return params_.local_index; }  // in what we receive

  std::uint32_t remote_index() const { return params_.remote_index; }  // in what we send

  bool is_initiator() const { return params_.is_initiator; }

  TimePoint created() const { return params_.created; }

  const SymmetricKey& send_key() const { return send_key_; }

  const SymmetricKey& receive_key() const { return receive_key_; }

  // --- sending
  bool may_send(TimePoint now) const {
    return now - params_.created < kRejectAfterTime &&
           send_counter_.load(std::memory_order_relaxed) < kRejectAfterMessages;
  }

  // Takes `count` consecutive counters and returns the first; none when the key is used up. What is
  // taken must be used at once: a counter sent late is a replay to the receiver.
  std::optional<std::uint64_t> reserve(std::uint64_t count) {
    const std::uint64_t first = send_counter_.fetch_add(count, std::memory_order_relaxed);
    // 2^13 spare counters behind the limit absorb what other threads add before they see it.
    if (first > kRejectAfterMessages - count) return std::nullopt;
    return first;
  }

  // After sending: only the initiator renews by age, so that both ends do not at once.
  bool wants_rekey_after_send(TimePoint now) const {
    return send_counter_.load(std::memory_order_relaxed) > kRekeyAfterMessages ||
           (params_.is_initiator && now - params_.created > params_.renew_after);
  }

  // --- receiving
  bool may_receive(TimePoint now) const { return now - params_.created < kRejectAfterTime; }

  // Only for a packet that was authenticated. False: a replay.
  bool accept(std::uint64_t counter) { return window_.accept(counter); }

  bool wants_rekey_after_receive(TimePoint now) const {
    return params_.is_initiator && now - params_.created > kLastMinuteRekey;
  }

  // --- told to the engine once for each keypair: true for the first caller. Who then can't tell it
  // gives the claim back, and the next packet tries again.
  bool claim_confirmation() { return claim(confirmed_); }

  void unclaim_confirmation() { confirmed_.store(false, std::memory_order_relaxed); }

  bool claim_rekey() { return claim(rekey_claimed_); }

  void unclaim_rekey() { rekey_claimed_.store(false, std::memory_order_relaxed); }

 private:
  static bool claim(std::atomic<bool>& flag) {
    return !flag.load(std::memory_order_relaxed) && !flag.exchange(true, std::memory_order_relaxed);
  }

  Params params_;
  SymmetricKey send_key_;
  SymmetricKey receive_key_;
  alignas(64) std::atomic<std::uint64_t> send_counter_ =
      0;  // own cache line: several senders share it
  alignas(64) std::atomic<bool> confirmed_ = false;
  std::atomic<bool> rekey_claimed_ = false;
  ReplayWindow window_;
};

}  // namespace warren::wg
