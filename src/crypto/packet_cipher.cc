#include "crypto/packet_cipher.h"

#include "crypto/packet_cipher_backends.h"

namespace warren {
namespace {

Result<std::unique_ptr<PacketCipher>> create_ipsec_mb() {
#ifdef WARREN_HAVE_IPSEC_MB
  return create_ipsec_mb_packet_cipher();
#else
  return fail(Errc::Unsupported,
              "this program was built without libipsec-mb (it needs x86-64 and libipsec-mb-dev); "
              "use --cipher=auto");
#endif
}

struct ChoiceName {
  std::string_view text;
  CipherChoice choice;
};

constexpr ChoiceName kChoiceNames[] = {
    {.text = "auto", .choice = CipherChoice::Auto},
    {.text = "ipsec-mb", .choice = CipherChoice::IpsecMb},
    {.text = "evp", .choice = CipherChoice::Evp},
};

}  // namespace

Result<std::unique_ptr<PacketCipher>> create_packet_cipher(CipherChoice choice) {
  if (choice != CipherChoice::Evp) {
    auto cipher = create_ipsec_mb();
    if (cipher || choice == CipherChoice::IpsecMb) return cipher;
  }
  return create_evp_packet_cipher();
}

const CipherChoice* parse_cipher_choice(std::string_view text) {
  for (const ChoiceName& name : kChoiceNames)
    if (name.text == text) return &name.choice;
  return nullptr;
}

}  // namespace warren
