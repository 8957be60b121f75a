#include "crypto/aead.h"
#include "crypto/packet_cipher.h"

// Differential: every backend seals and opens a run of jobs that the input describes, 16 bytes a
// job, and must agree with libsodium on every byte and with the truth about what was tampered with.
namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): a fuzz target

constexpr std::size_t kMaxJobs = 48;
constexpr std::size_t kMaxSize = 65535;

struct Packet {
  SymmetricKey key;
  std::vector<std::uint8_t> expected;
  std::vector<std::uint8_t> memory;
  std::size_t start = 0;
  std::size_t flipped_bit = 0;  // of the packet and its tag; past the end: none
};

std::vector<std::unique_ptr<PacketCipher>> make_ciphers() {
  std::vector<std::unique_ptr<PacketCipher>> out;
  for (const CipherChoice choice : {CipherChoice::IpsecMb, CipherChoice::Evp}) {
    if (auto cipher = create_packet_cipher(choice)) out.push_back(std::move(*cipher));
  }
  return out;
}

CipherJob read_job(ByteReader& in, Packet& packet) {
  CipherJob job;
  packet.key.mutable_bytes()[0] = in.u8() % 4;  // some jobs share a key
  packet.start = in.u8() % 64;
  job.size = in.le16();
  job.counter = in.le64();
  packet.flipped_bit = in.le32();
  std::vector<std::uint8_t> plaintext(job.size, static_cast<std::uint8_t>(job.counter * 31));
  packet.expected.resize(job.size + kAeadTagSize);
  aead_seal(packet.expected, packet.key, job.counter, plaintext, {});
  packet.memory.assign(packet.start + packet.expected.size(), plaintext.empty() ? 0 : plaintext[0]);
  job.key = packet.key.bytes().data();
  job.data = packet.memory.data() + packet.start;
  return job;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto ciphers = make_ciphers();
  for (const auto& cipher : ciphers) {
    ByteReader in(ByteView(data, size));
    std::vector<Packet> packets(std::min(size / 16, kMaxJobs));
    std::vector<CipherJob> jobs;
    std::size_t total = 0;
    for (Packet& packet : packets) {
      jobs.push_back(read_job(in, packet));
      total += jobs.back().size;
      if (total > 4 * kMaxSize) break;  // bounds the time of one input
    }
    cipher->seal(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Packet& packet = packets[i];
      WARREN_CHECK(
          std::ranges::equal(ByteView(packet.memory).subspan(packet.start), packet.expected));
      if (packet.flipped_bit / 8 < packet.expected.size()) {
        jobs[i].data[packet.flipped_bit / 8] ^=
            static_cast<std::uint8_t>(1U << (packet.flipped_bit % 8));
      }
    }
    cipher->open(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      WARREN_CHECK(jobs[i].ok == (packets[i].flipped_bit / 8 >= packets[i].expected.size()));
  }
  return 0;
}
