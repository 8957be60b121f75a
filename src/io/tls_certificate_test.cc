#include "io/tls_certificate.h"

#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "io/file.h"

namespace warren::io {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr WallTime kNow{.seconds = 1'800'000'000};
constexpr std::int64_t kYear = std::int64_t{365} * 86400;

class TlsCertificateFile : public testing::Test {
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

}  // namespace
}  // namespace warren::io
