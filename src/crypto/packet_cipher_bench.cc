#include <benchmark/benchmark.h>

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/packet_cipher.h"
#include "crypto/x25519.h"

// One packet alone, and 45 in a row (a full segmentation offload of 64 KiB at
// 1,420 bytes). Arguments: backend, bytes of text, packets in a run.
namespace warren {
namespace {

struct Packets {
  explicit Packets(benchmark::State& state)
      : cipher(create_packet_cipher(static_cast<CipherChoice>(state.range(0)))),
        memory(static_cast<std::size_t>(state.range(2)) * 2048),
        jobs(static_cast<std::size_t>(state.range(2))) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i] = {.key = key.data(),
                 .counter = i,
                 .data = memory.data() + i * 2048,
                 .size = static_cast<std::uint32_t>(state.range(1))};
    }
    if (!cipher) state.SkipWithError(cipher.error().detail.c_str());
  }

  void count(benchmark::State& state) const {
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(2));
    state.SetLabel(std::string((*cipher)->name()));
  }

  std::array<std::uint8_t, kKeySize> key{};
  Result<std::unique_ptr<PacketCipher>> cipher;
  std::vector<std::uint8_t> memory;
  std::vector<CipherJob> jobs;
};

void seal(benchmark::State& state) {
  Packets packets(state);
  if (!packets.cipher) return;
  while (state.KeepRunning()) (*packets.cipher)->seal(packets.jobs);
  packets.count(state);
}

// Opening turns the text of one pass into that of the next, so tags match only once: the cost is
// the same.
void open(benchmark::State& state) {
  Packets packets(state);
  if (!packets.cipher) return;
  while (state.KeepRunning()) (*packets.cipher)->open(packets.jobs);
  packets.count(state);
}

void arguments(benchmark::internal::Benchmark* benchmark) {
  for (const CipherChoice choice : {CipherChoice::IpsecMb, CipherChoice::Evp}) {
    for (const int size : {64, 1420}) {
      for (const int count : {1, 45}) benchmark->Args({static_cast<int>(choice), size, count});
    }
  }
}

BENCHMARK(seal)->Apply(arguments);
BENCHMARK(open)->Apply(arguments);

// What a flood of handshakes costs before its first Diffie-Hellman, and then.
void mac1_check(benchmark::State& state) {
  const std::array<std::uint8_t, 32> key{};
  const std::array<std::uint8_t, 116> message{};  // spec paths section 1.2: an initiation to mac1
  while (state.KeepRunning()) benchmark::DoNotOptimize(blake2s_mac16(key, message));
}

BENCHMARK(mac1_check);

void diffie_hellman(benchmark::State& state) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(9);
  const NodePrivateKey ours(bytes);
  const NodePublicKey theirs = ours.public_key();
  SharedSecret out;
  while (state.KeepRunning()) benchmark::DoNotOptimize(x25519(out, ours, theirs));
}

BENCHMARK(diffie_hellman);

}  // namespace
}  // namespace warren

BENCHMARK_MAIN();
