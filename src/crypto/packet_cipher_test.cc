#include "crypto/packet_cipher.h"

#include <sys/mman.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/testing.h"

namespace warren {
namespace {

constexpr std::size_t kLargest = 65535;

Bytes flipped(Bytes bytes, std::size_t bit) {
  bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  return bytes;
}

// Many packets, each in memory of its own at a chosen distance from a 64-byte boundary.
class PacketRun {
 public:
  void add(Random& random, std::size_t size, std::size_t misalignment) {
    Packet& packet = packets_.emplace_back();
    packet.key = random_bytes(random, kKeySize);
    packet.plaintext = random_bytes(random, size);
    packet.memory.resize(64 + misalignment + size + kAeadTagSize);
    const auto address = reinterpret_cast<std::uintptr_t>(packet.memory.data());
    packet.start = (64 - address % 64) % 64 + misalignment;
    // Small and large counters, most of them above 2^32.
    packet.counter = random.u64() >> random.below(64);
  }

  std::vector<CipherJob> jobs() {
    std::vector<CipherJob> out;
    out.reserve(packets_.size());
    for (Packet& packet : packets_) {
      out.push_back({.key = packet.key.data(),
                     .counter = packet.counter,
                     .data = packet.memory.data() + packet.start,
                     .size = static_cast<std::uint32_t>(packet.plaintext.size())});
    }
    return out;
  }

  void reset() {
    for (Packet& packet : packets_)
      std::ranges::copy(packet.plaintext, packet.memory.data() + packet.start);
  }

  void expect_plaintext() const {
    for (const Packet& packet : packets_) {
      const ByteView text = ByteView(packet.memory).subspan(packet.start, packet.plaintext.size());
      EXPECT_TRUE(std::ranges::equal(text, packet.plaintext)) << describe(packet);
    }
  }

  // libsodium is the third opinion.
  void expect_sealed() const {
    for (const Packet& packet : packets_) {
      Bytes expected(packet.plaintext.size() + kAeadTagSize);
      const SymmetricKey key(std::span<const std::uint8_t, kKeySize>(packet.key.data(), kKeySize));
      aead_seal(expected, key, packet.counter, packet.plaintext, {});
      const ByteView sealed = ByteView(packet.memory).subspan(packet.start, expected.size());
      EXPECT_TRUE(std::ranges::equal(sealed, expected)) << describe(packet);
    }
  }

 private:
  struct Packet {
    Bytes key;
    Bytes plaintext;
    Bytes memory;
    std::size_t start = 0;
    std::uint64_t counter = 0;
  };

  static std::string describe(const Packet& packet) {
    return "size " + std::to_string(packet.plaintext.size()) + " counter " +
           std::to_string(packet.counter);
  }

  std::vector<Packet> packets_;
};

class PacketCipherTest : public testing::TestWithParam<CipherChoice> {
 protected:
  void SetUp() override {
    auto cipher = create_packet_cipher(GetParam());
    if (!cipher) GTEST_SKIP() << cipher.error().detail;
    cipher_ = std::move(*cipher);
  }

  void round_trip(PacketRun& run) {
    run.reset();
    auto jobs = run.jobs();
    cipher_->seal(jobs);
    run.expect_sealed();
    cipher_->open(jobs);
    for (const CipherJob& job : jobs) EXPECT_TRUE(job.ok) << "size " << job.size;
    run.expect_plaintext();
  }

  std::unique_ptr<PacketCipher> cipher_;
};

TEST_P(PacketCipherTest, AgreesWithLibsodiumOverAllSmallSizes) {
  SeededRandom random(10);
  for (const std::size_t misalignment : {0U, 1U, 13U, 16U, 31U}) {
    PacketRun run;
    for (std::size_t size = 0; size <= 600; ++size) run.add(random, size, misalignment);
    round_trip(run);
  }
}

TEST_P(PacketCipherTest, AgreesWithLibsodiumOverUnequalSizesInOneRun) {
  SeededRandom random(11);
  PacketRun run;
  for (const std::size_t size : {1280U, 1408U, 1420U, 1500U, 8920U, 65519U, 65520U, 65534U})
    run.add(random, size, random.below(64));
  for (int i = 0; i < 80; ++i) run.add(random, random.below(kLargest + 1), random.below(64));
  run.add(random, 0, 5);
  run.add(random, kLargest, 3);
  round_trip(run);
}

TEST_P(PacketCipherTest, TakesRunsOfAnyLength) {
  SeededRandom random(12);
  for (const int count : {0, 1, 2, 45, 200, 600}) {  // 600: more than libipsec-mb's ring holds
    PacketRun run;
    for (int i = 0; i < count; ++i) run.add(random, random.below(1500), random.below(16));
    round_trip(run);
  }
}

TEST_P(PacketCipherTest, TakesTheSameKeyAgainAndOthersBetween) {
  SeededRandom random(13);
  const Bytes keys = random_bytes(random, 2 * kKeySize);
  Bytes key(kKeySize);
  for (const std::size_t which : {0U, 0U, 1U, 0U, 1U, 1U, 0U}) {
    // The bytes change where they lie: the cipher must not go by the address.
    std::ranges::copy(ByteView(keys).subspan(which * kKeySize, kKeySize), key.begin());
    const SymmetricKey reference(std::span<const std::uint8_t, kKeySize>(key.data(), kKeySize));
    Bytes expected(100 + kAeadTagSize);
    aead_seal(expected, reference, 9, Bytes(100, 0x11), {});
    Bytes packet(100, 0x11);
    packet.resize(100 + kAeadTagSize);
    CipherJob job[] = {{.key = key.data(), .counter = 9, .data = packet.data(), .size = 100}};
    cipher_->seal(job);
    EXPECT_EQ(packet, expected);
    cipher_->open(job);
    EXPECT_TRUE(job[0].ok);
  }
}

TEST_P(PacketCipherTest, RefusesAFlippedBitInEachPart) {
  SeededRandom random(14);
  for (const std::uint32_t size : {0U, 1U, 16U, 63U, 64U, 65U, 300U}) {
    const Bytes key = random_bytes(random, kKeySize);
    Bytes sealed = random_bytes(random, size + kAeadTagSize);
    CipherJob seal[] = {{.key = key.data(), .counter = 1, .data = sealed.data(), .size = size}};
    cipher_->seal(seal);

    // Opens it between two authentic packets: a forgery spoils nobody else's result.
    const auto opens = [&](const Bytes& its_key, const Bytes& packet, std::uint64_t counter) {
      Bytes before = sealed;
      Bytes candidate = packet;
      Bytes after = sealed;
      CipherJob jobs[] = {
          {.key = key.data(), .counter = 1, .data = before.data(), .size = size},
          {.key = its_key.data(), .counter = counter, .data = candidate.data(), .size = size},
          {.key = key.data(), .counter = 1, .data = after.data(), .size = size},
      };
      cipher_->open(jobs);
      EXPECT_TRUE(jobs[0].ok && jobs[2].ok);
      return jobs[1].ok;
    };

    EXPECT_TRUE(opens(key, sealed, 1));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit)
      EXPECT_FALSE(opens(key, flipped(sealed, bit), 1)) << "size " << size << " bit " << bit;
    for (std::size_t bit = 0; bit < key.size() * 8; ++bit)
      EXPECT_FALSE(opens(flipped(key, bit), sealed, 1)) << "size " << size << " key bit " << bit;
    for (unsigned bit = 0; bit < 64; ++bit)
      EXPECT_FALSE(opens(key, sealed, 1 ^ (1ULL << bit))) << "size " << size << " counter " << bit;
  }
}

TEST_P(PacketCipherTest, TouchesNothingBehindOrBeforeThePacket) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t room = 2 * page;
  void* const mapped =
      mmap(nullptr, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  std::uint8_t* const first = static_cast<std::uint8_t*>(mapped) + page;
  ASSERT_EQ(mprotect(first, room, PROT_READ | PROT_WRITE), 0);

  // The key as well lies against a guard page.
  void* const key_mapped = mmap(nullptr, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(key_mapped, MAP_FAILED);
  ASSERT_EQ(mprotect(key_mapped, page, PROT_READ | PROT_WRITE), 0);
  std::uint8_t* const key = static_cast<std::uint8_t*>(key_mapped) + page - kKeySize;

  for (std::uint32_t size = 0; size <= 2100; ++size) {
    for (std::uint8_t* const data : {first, first + room - kAeadTagSize - size}) {
      std::fill_n(first, room, 0xa5);
      CipherJob job[] = {{.key = key, .counter = size, .data = data, .size = size}};
      cipher_->seal(job);
      cipher_->open(job);
      EXPECT_TRUE(job[0].ok) << size;
      const std::size_t used = size + kAeadTagSize;
      const ByteView unused =
          data == first ? ByteView(first + used, room - used) : ByteView(first, room - used);
      EXPECT_TRUE(std::ranges::all_of(unused, [](std::uint8_t b) { return b == 0xa5; })) << size;
      EXPECT_TRUE(std::all_of(data, data + size, [](std::uint8_t b) { return b == 0xa5; })) << size;
    }
  }
  munmap(key_mapped, 2 * page);
  munmap(mapped, room + 2 * page);
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         PacketCipherTest,
                         testing::Values(CipherChoice::IpsecMb, CipherChoice::Evp),
                         [](const auto& info) {
                           return info.param == CipherChoice::Evp ? "Evp" : "IpsecMb";
                         });

TEST(PacketCipherBackends, OpenEachOthersPackets) {
  auto fast = create_packet_cipher(CipherChoice::IpsecMb);
  if (!fast) GTEST_SKIP() << fast.error().detail;
  auto portable = create_packet_cipher(CipherChoice::Evp);
  ASSERT_TRUE(portable);
  SeededRandom random(15);
  for (const auto& [sealer, opener] :
       {std::pair(fast->get(), portable->get()), std::pair(portable->get(), fast->get())}) {
    PacketRun run;
    for (int i = 0; i < 200; ++i) run.add(random, random.below(9000), random.below(64));
    run.reset();
    auto jobs = run.jobs();
    sealer->seal(jobs);
    opener->open(jobs);
    for (const CipherJob& job : jobs) EXPECT_TRUE(job.ok) << "size " << job.size;
    run.expect_plaintext();
  }
}

TEST(CipherChoice, IsParsedFromItsNamesOnly) {
  ASSERT_NE(parse_cipher_choice("auto"), nullptr);
  EXPECT_EQ(*parse_cipher_choice("auto"), CipherChoice::Auto);
  EXPECT_EQ(*parse_cipher_choice("ipsec-mb"), CipherChoice::IpsecMb);
  EXPECT_EQ(*parse_cipher_choice("evp"), CipherChoice::Evp);
  for (const std::string_view text : {"", "EVP", "evp ", "openssl", "ipsec"})
    EXPECT_EQ(parse_cipher_choice(text), nullptr) << text;
}

TEST(CipherChoice, DecidesTheBackend) {
  const auto evp = create_packet_cipher(CipherChoice::Evp);
  const auto ipsec_mb = create_packet_cipher(CipherChoice::IpsecMb);
  const auto automatic = create_packet_cipher(CipherChoice::Auto);
  ASSERT_TRUE(evp);
  ASSERT_TRUE(automatic);
  EXPECT_EQ((*evp)->name(), "evp");
  if (ipsec_mb) {
    EXPECT_EQ((*ipsec_mb)->name(), "ipsec-mb");
    EXPECT_EQ((*automatic)->name(), "ipsec-mb");
  } else {
    EXPECT_EQ(ipsec_mb.error().code, Errc::Unsupported);
    EXPECT_EQ((*automatic)->name(), "evp");
  }
}

}  // namespace
}  // namespace warren
