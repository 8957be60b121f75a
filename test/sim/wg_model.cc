#include "sim/wg_model.h"

#include <utility>

#include "sim/packet.h"

namespace warren::sim {

namespace {

// The numbers of the specification, not the engine's constants.
constexpr Duration kOldestKey = 180s;
constexpr std::uint64_t kCounterLimit = UINT64_MAX - 8192;
constexpr Duration kSpacing = 5s;
// 20 in one attempt. Another attempt may begin without a packet up to 15.333 s after the last one
// (a dead peer, a keepalive without a key): up to four initiations of an earlier attempt fit in.
constexpr unsigned kMostInitiations = 20 + 4;

std::string text_of(const SymmetricKey& key) {
  return std::string(as_text(key.bytes()));
}

}  // namespace

void WgModel::require(bool holds, std::string_view rule) {
  if (!holds && !violation_) violation_ = rule;
}

void WgModel::on_sealed(const wg::Keypair& keypair, std::uint64_t counter) {
  require(time_.now() - keypair.created() < kOldestKey, "sent under a key of 180 s or more");
  require(counter < kCounterLimit, "sent beyond the message limit");
  require(sealed_.emplace(text_of(keypair.send_key()), counter).second, "used a nonce twice");
}

void WgModel::on_accepted(const wg::Keypair& keypair, std::uint64_t counter) {
  require(time_.now() - keypair.created() < kOldestKey, "received under a key of 180 s or more");
  require(accepted_.emplace(text_of(keypair.receive_key()), counter).second,
          "accepted a counter twice");
}

void WgModel::on_delivered(wg::PeerId /*peer*/, ByteView packet) {
  require(expected_.erase(packet_id(packet)) == 1,
          "delivered a packet that was not sent, may not be sent, or was delivered already");
  ++delivered_;
}

void WgModel::on_message(const wg::SendMessage& message) {
  if (message.message.view()[0] != 1) return;
  if (!message.peer) {
    require(false, "sent an initiation to nobody");
    return;
  }
  Attempts& attempts = attempts_[*message.peer];
  require(!attempts.last || time_.now() - *attempts.last >= kSpacing,
          "sent two initiations within 5 s");
  attempts.last = time_.now();
  ++attempts.count;
  require(endless_attempts_ || attempts.count <= kMostInitiations,
          "went on initiating without a reason");
}

void WgModel::on_reason(wg::PeerId peer) {
  attempts_[peer].count = 0;
}

void WgModel::check(const WgHost& host) {
  const wg::Engine& engine = host.engine();
  const auto peers = engine.peers();
  std::size_t keypairs = 0;
  for (const wg::PeerId peer : peers) {
    const wg::DataPeer& data = engine.data_peer(peer);
    for (const auto* const slot : {&data.previous, &data.current, &data.next}) {
      const wg::Keypair* const keypair = slot->load();
      if (keypair == nullptr) continue;
      ++keypairs;
      require(engine.index_table().find(keypair->local_index()) == keypair,
              "a keypair is not in the index table");
      require(&keypair->peer() == &data, "a keypair belongs to another peer");
    }
    require(host.staged(peer) <= WgHost::kMaxStaged, "staged too much");
  }
  require(engine.index_table().size() == keypairs, "the index table holds what no peer has");
}

}  // namespace warren::sim
