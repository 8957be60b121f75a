#include "acme/store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "io/file.h"

namespace warren::acme {
namespace {

constexpr WallTime kNow{.seconds = 1'800'000'000};
const std::string kName = "warren.example.org";

class AcmeStore : public testing::Test {
 protected:
  AcmeStore() {
    std::string pattern = std::filesystem::temp_directory_path() / "acme.XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }

  void TearDown() override { std::filesystem::remove_all(directory_); }

  Store open() const { return Store::open(directory_, "ca.example-1", kName).value(); }

  std::filesystem::path file(const char* name) const {
    return directory_ / "acme/ca.example-1" / kName / name;
  }

  std::filesystem::path directory_;
};

TEST_F(AcmeStore, KeepsKeysAndLedgerForItsOwnerOnly) {
  const auto key = open().account_key();
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(open().account_key()->public_key(), key->public_key());
  EXPECT_EQ(open().ledger().value(), Ledger{});
  Ledger ledger;
  ledger.account = "https://ca.example/1";
  ledger.failures = 3;
  ASSERT_TRUE(open().keep(ledger));
  EXPECT_EQ(open().ledger().value(), ledger);
  struct stat status{};
  ASSERT_EQ(stat(file("ledger.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  std::ofstream(file("ledger.json")) << "{";
  EXPECT_FALSE(open().ledger());
}

TEST_F(AcmeStore, InstallsACertificateForThePendingKeyOnly) {
  EXPECT_FALSE(open().certificate().value());
  const auto own = io::TlsCertificate::make_self_signed({kName}, kNow);
  const auto other = io::TlsCertificate::make_self_signed({"other.example.org"}, kNow);
  ASSERT_TRUE(open().pending_key());
  EXPECT_FALSE(open().install(own->to_pem().substr(own->to_pem().find("-----BEGIN CERT"))));
  EXPECT_FALSE(open().install("junk"));
  ASSERT_TRUE(io::replace_file(file("pending.pem"), other->to_pem(), 0600));
  EXPECT_FALSE(open().install(""));
  ASSERT_TRUE(io::replace_file(file("pending.pem"), own->to_pem(), 0600));
  ASSERT_TRUE(open().install(""));
  EXPECT_FALSE(std::filesystem::exists(file("pending.pem")));
  const auto installed = open().certificate();
  ASSERT_TRUE(installed && *installed);
  EXPECT_EQ((**installed).fingerprint(), own->fingerprint());
}

TEST(AcmeAuthorityName, TellsDirectoriesOfOneHostApart) {
  EXPECT_NE(authority_name("https://ca.example/a"), authority_name("https://ca.example/b"));
  EXPECT_TRUE(authority_name("https://ca.example/a").starts_with("ca.example-"));
}

}  // namespace
}  // namespace warren::acme
