#include <intel-ipsec-mb.h>

#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/packet_cipher_backends.h"

// libipsec-mb's ChaCha20-Poly1305 by its job interface (spec: data-plane section 4.3).
//
// Version 1.3 completes every job where it is submitted. The interface promises less, so nothing
// here depends on it: each slot of the library's ring has its own nonce and tag, and jobs left
// pending are collected before a run ends.
//
// The library keeps no copy of a key: a job points to it, and the working state lies on the stack,
// which a build with SAFE_DATA clears.
namespace warren {
namespace {

constexpr std::size_t kNonceSize = 12;  // RFC 8439 section 2.8

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};

using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

enum class Direction : std::uint8_t { Open, Seal };

// What a job of the library points to while it runs. Nonces have room for a load of 16 bytes.
struct alignas(32) SlotMemory {
  std::array<std::uint8_t, 16> nonce;
  std::array<std::uint8_t, kAeadTagSize> tag;  // computed when opening
};

class IpsecMbPacketCipher final : public PacketCipher {
 public:
  explicit IpsecMbPacketCipher(Manager manager) : manager_(std::move(manager)) {}

  IpsecMbPacketCipher(const IpsecMbPacketCipher&) = delete;
  IpsecMbPacketCipher& operator=(const IpsecMbPacketCipher&) = delete;

  ~IpsecMbPacketCipher() override {
    for (SlotMemory& memory : slots_) wipe(memory.tag);
  }

  void seal(std::span<CipherJob> jobs) override { run(jobs, Direction::Seal); }

  void open(std::span<CipherJob> jobs) override { run(jobs, Direction::Open); }

  std::string_view name() const override { return "ipsec-mb"; }

 private:
  void run(std::span<CipherJob> jobs, Direction direction) {
    for (CipherJob& job : jobs) {
      fill(*IMB_GET_NEXT_JOB(manager_.get()), job, direction);
      if (const IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(manager_.get())) finish(*done);
    }
    while (const IMB_JOB* done = IMB_FLUSH_JOB(manager_.get())) finish(*done);
  }

  SlotMemory& memory_of(const IMB_JOB& slot) {
    return slots_[static_cast<std::size_t>(&slot - manager_->jobs)];
  }

  // Every field, each time: setting the constant ones once for each slot was not faster.
  void fill(IMB_JOB& slot, CipherJob& job, Direction direction) {
    const bool sealing = direction == Direction::Seal;
    SlotMemory& memory = memory_of(slot);
    store_le<std::uint32_t>(memory.nonce.data(), 0);
    store_le(memory.nonce.data() + 4, job.counter);

    slot.cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    slot.hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    slot.cipher_direction = sealing ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    slot.chain_order = sealing ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    slot.enc_keys = job.key;
    slot.dec_keys = job.key;
    slot.key_len_in_bytes = kKeySize;
    slot.iv = memory.nonce.data();
    slot.iv_len_in_bytes = kNonceSize;
    slot.src = job.data;
    slot.dst = job.data;
    slot.cipher_start_src_offset_in_bytes = 0;
    slot.msg_len_to_cipher_in_bytes = job.size;
    slot.hash_start_src_offset_in_bytes = 0;
    slot.msg_len_to_hash_in_bytes = job.size;
    slot.u.CHACHA20_POLY1305.aad = nullptr;
    slot.u.CHACHA20_POLY1305.aad_len_in_bytes = 0;
    slot.auth_tag_output = sealing ? job.data + job.size : memory.tag.data();
    slot.auth_tag_output_len_in_bytes = kAeadTagSize;
    slot.user_data = &job;
  }

  void finish(const IMB_JOB& slot) {
    CipherJob& job = *static_cast<CipherJob*>(slot.user_data);
    const bool completed = slot.status == IMB_STATUS_COMPLETED;
    if (slot.cipher_direction == IMB_DIR_ENCRYPT) {
      // A packet that is not sealed must not leave: the caller would send plaintext.
      WARREN_CHECK(completed);
      return;
    }
    job.ok = completed &&
             equal_constant_time(memory_of(slot).tag, ByteView(job.data + job.size, kAeadTagSize));
  }

  Manager manager_;
  std::array<SlotMemory, IMB_MAX_JOBS> slots_{};
};

}  // namespace

Result<std::unique_ptr<PacketCipher>> create_ipsec_mb_packet_cipher() {
  Manager manager(alloc_mb_mgr(0));
  if (manager == nullptr) return fail(Errc::Unavailable, "libipsec-mb cannot allocate a manager");
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &arch);
  if (arch < IMB_ARCH_AVX2) {
    return fail(Errc::Unsupported,
                "libipsec-mb is used only on a CPU with AVX2: OpenSSL is faster here");
  }
  if ((manager->features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
    return fail(Errc::Unsupported, "the self-test of libipsec-mb failed: it must not be used");
  }
  if ((manager->features & IMB_FEATURE_SAFE_DATA) == 0) {
    return fail(Errc::Unsupported,
                "libipsec-mb was built without SAFE_DATA: it would leave keys on the stack");
  }
  return std::make_unique<IpsecMbPacketCipher>(std::move(manager));
}

}  // namespace warren
