#include "io/tls_certificate.h"

#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "io/file.h"
#include "io/tls_test_server.h"

namespace warren::io {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr WallTime kNow{.seconds = 1'800'000'000};
constexpr std::int64_t kYear = std::int64_t{365} * 86400;

std::array<std::uint8_t, 20> from_hex(std::string_view text) {
  std::array<std::uint8_t, 20> out{};
  EXPECT_TRUE(parse_hex(text, out));
  return out;
}

TlsCertificate to_certificate(EVP_PKEY* key, X509* certificate) {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
  auto out = TlsCertificate::from_pem({data, size});
  BIO_free(bio);
  return std::move(out).value();
}

class TlsCertificateFile : public ::testing::Test {
 protected:
  TlsCertificateFile() {
    std::string pattern = std::filesystem::temp_directory_path() / "certificate.XXXXXX";
    directory = mkdtemp(pattern.data());
    path = directory / "tls.pem";
  }

  void TearDown() override { std::filesystem::remove_all(directory); }

  Result<TlsCertificate> load(const std::vector<std::string>& names, WallTime now = kNow) const {
    return TlsCertificate::load_or_make(path, names, now);
  }

  std::filesystem::path directory;
  std::string path;
};

std::string common_name(const x509_st* certificate) {
  char text[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                            static_cast<char*>(text), sizeof text);
  return static_cast<const char*>(text);
}

TEST(TlsCertificate, CoversTheNamesAndAddressesItWasMadeFor) {
  const std::vector<std::string> names = {"relay.example.org", "192.0.2.1", "2001:db8::1"};
  const auto made = TlsCertificate::make_self_signed(names, kNow);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->covers(names));
  EXPECT_FALSE(made->covers({"other.example.org"}));
  EXPECT_FALSE(made->covers({"192.0.2.2"}));
  EXPECT_TRUE(made->is_valid_at(kNow));
  EXPECT_TRUE(made->is_valid_at({.seconds = kNow.seconds + 9 * kYear}));
  EXPECT_FALSE(made->is_valid_at({.seconds = kNow.seconds + 11 * kYear}));
  EXPECT_FALSE(made->is_valid_at({.seconds = kNow.seconds - std::int64_t{2} * 86400}));
  EXPECT_EQ(X509_verify(made->chain().front().get(), made->key()), 1);
}

TEST(TlsCertificate, IsMadeForNamesOnly) {
  for (const std::string name : {"", "a b", "x,IP:1.2.3.4", "*.example.org"}) {
    EXPECT_FALSE(TlsCertificate::make_self_signed({name}, kNow)) << name;
  }
  EXPECT_FALSE(TlsCertificate::make_self_signed({}, kNow));
}

TEST(TlsCertificate, CarriesANoteLongerThanACommonNameMayBe) {
  auto made = TlsCertificate::make_self_signed({"x"}, kNow).value();
  const auto fingerprint = made.fingerprint();
  const std::string text = "derpkey" + std::string(64, 'a');
  ASSERT_TRUE(made.add_note(text, 2, kNow));
  ASSERT_THAT(made.chain(), SizeIs(2));
  const x509_st* const note = made.chain()[1].get();
  EXPECT_EQ(common_name(note), text);
  std::uint64_t serial = 0;
  EXPECT_EQ(ASN1_INTEGER_get_uint64(&serial, X509_get0_serialNumber(note)), 1);
  EXPECT_EQ(serial, 2U);
  EXPECT_EQ(made.fingerprint(), fingerprint);
}

TEST_F(TlsCertificateFile, IsKeptForItsOwnerOnly) {
  const auto made = load({"192.0.2.1"});
  ASSERT_TRUE(made);
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(load({"192.0.2.1"})->fingerprint(), made->fingerprint());
}

TEST_F(TlsCertificateFile, IsMadeAnewForOtherNamesAndAfterItsTime) {
  const auto first = load({"192.0.2.1"})->fingerprint();
  const auto second = load({"192.0.2.2"})->fingerprint();
  EXPECT_NE(first, second);
  EXPECT_NE(load({"192.0.2.2"}, {.seconds = kNow.seconds + 11 * kYear})->fingerprint(), second);
}

TEST_F(TlsCertificateFile, IsNotReplacedWhenItIsBroken) {
  ASSERT_TRUE(replace_file(path, "no certificate", 0600));
  const auto broken = load({"x"});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().detail, HasSubstr("move the file away"));
  EXPECT_EQ(read_file(path, 100), "no certificate");
  // A certificate with another's key.
  const auto a = TlsCertificate::make_self_signed({"a"}, kNow)->to_pem();
  const auto b = TlsCertificate::make_self_signed({"b"}, kNow)->to_pem();
  const std::size_t cut = a.find("-----BEGIN CERTIFICATE");
  EXPECT_FALSE(TlsCertificate::from_pem(a.substr(0, cut) + b.substr(b.find("-----BEGIN CERT"))));
}

TEST(TlsCertificateRequest, HasTheNamesAndIsSignedByItsKey) {
  const auto key = P256PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto der = make_certificate_request(*key, {"warren.example.org"});
  ASSERT_TRUE(der) << der.error().detail;
  const unsigned char* at = der->data();
  X509_REQ* const request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size()));
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(X509_REQ_verify(request, key->get()), 1);
  X509_REQ_free(request);
  EXPECT_FALSE(make_certificate_request(*key, {}));
  EXPECT_FALSE(make_certificate_request(*key, {"a,DNS:b"}));
}

// A certificate with the serial number and the authority's key identifier of the example in RFC
// 9773 section 4.1.
TEST(TlsCertificateRenewalId, IsThatOfTheExampleOfRfc9773) {
  const auto key = testing::make_key();
  const auto certificate = testing::make_certificate(key.get(), {.serial = 0x87654321});
  const auto issuer = from_hex("69885b6b87464041e1b37b847ba0ae2cde01c8d4");
  AUTHORITY_KEYID* const authority = AUTHORITY_KEYID_new();
  authority->keyid = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(authority->keyid, issuer.data(), static_cast<int>(issuer.size()));
  X509_add1_ext_i2d(certificate.get(), NID_authority_key_identifier, authority, 0, 0);
  AUTHORITY_KEYID_free(authority);
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  EXPECT_EQ(to_certificate(key.get(), certificate.get()).renewal_id(),
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

TEST(TlsCertificateRenewalId, IsEmptyWithoutAnAuthority) {
  const auto own = TlsCertificate::make_self_signed({"warren.example.org"}, kNow);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->renewal_id(), "");
  EXPECT_EQ(own->validity().not_before.seconds, kNow.seconds - 86400);
}

}  // namespace
}  // namespace warren::io
