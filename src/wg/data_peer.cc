#include "wg/data_peer.h"

namespace warren::wg {

namespace {

// Always an exchange, never a load first: either the engine's drain comes later and sees the stamp,
// or it came before and this call says so.
bool claim_note(Activity& activity) {
  return !activity.noted.exchange(true, std::memory_order_acq_rel);
}

}  // namespace

bool note_sent(DataPeer& peer, PacketKind kind, std::uint64_t bytes, TimePoint now) {
  if (kind == PacketKind::Data) peer.activity.data_sent.set(now);
  peer.activity.authenticated_sent.set(now);
  peer.bytes_sent.fetch_add(bytes, std::memory_order_relaxed);
  return claim_note(peer.activity);
}

bool note_received(DataPeer& peer, PacketKind kind, std::uint64_t bytes, TimePoint now) {
  if (kind == PacketKind::Data) peer.activity.data_received.set(now);
  peer.activity.authenticated_received.set(now);
  peer.bytes_received.fetch_add(bytes, std::memory_order_relaxed);
  return claim_note(peer.activity);
}

bool note_unreachable(DataPeer& peer) {
  peer.activity.unreachable.store(true, std::memory_order_relaxed);
  return claim_note(peer.activity);
}

bool note_source_refused(DataPeer& peer) {
  peer.activity.source_refused.store(true, std::memory_order_relaxed);
  return claim_note(peer.activity);
}

}  // namespace warren::wg
