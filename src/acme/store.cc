#include "acme/store.h"

#include <cerrno>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "acme/core/url.h"
#include "base/hex.h"
#include "base/secret.h"
#include "crypto/sha256.h"
#include "io/file.h"
#include "io/private_directory.h"

namespace warren::acme {

namespace {

constexpr std::size_t kMaxPem = std::size_t{256} << 10;
constexpr mode_t kPrivate = 0600;

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

Result<P256PrivateKey> load_or_make_key(const std::string& path) {
  auto kept = io::read_file(path, kMaxPem);
  if (kept) {
    auto key = P256PrivateKey::from_pem(*kept);
    wipe_text(*kept);
    if (key) return key;
    return with_context(path + ": move it away, and a new one is made", std::move(key).error());
  }
  if (kept.error().code != Errc::NotFound) return unexpected(std::move(kept).error());
  WARREN_TRY(P256PrivateKey key, P256PrivateKey::generate());
  std::string pem = key.to_pem();
  const auto written = io::replace_file(path, pem, kPrivate);
  wipe_text(pem);
  if (!written) return unexpected(written.error());
  return key;
}

}  // namespace

std::string authority_name(std::string_view directory_url) {
  const auto url = parse_url(directory_url);
  const Sha256Hash hash = sha256(as_bytes(directory_url));
  return fmt::format("{}-{}", url ? url->host : "authority", to_hex(ByteView(hash).first(4)));
}

Result<Store> Store::open(const std::string& state_directory,
                          const std::string& authority,
                          const std::string& name) {
  const std::string all = state_directory + "/acme";
  const std::string directory = fmt::format("{}/{}", all, authority);
  WARREN_TRY_VOID(io::make_private_directory(all));
  WARREN_TRY_VOID(io::make_private_directory(directory));
  WARREN_TRY_VOID(io::make_private_directory(fmt::format("{}/{}", directory, name)));
  return Store(directory, name);
}

std::string Store::in_name(std::string_view file) const {
  return fmt::format("{}/{}/{}", directory_, name_, file);
}

Result<P256PrivateKey> Store::account_key() const {
  return load_or_make_key(directory_ + "/account.pem");
}

Result<Ledger> Store::ledger() const {
  const std::string path = in_name("ledger.json");
  const auto text = io::read_file(path, kMaxLedger);
  if (!text && text.error().code == Errc::NotFound) return Ledger{};
  if (!text) return unexpected(text.error());
  auto out = parse_ledger(*text);
  if (!out) return with_context(path, std::move(out).error());
  return out;
}

Result<void> Store::keep(const Ledger& ledger) const {
  return io::replace_file(in_name("ledger.json"), to_text(ledger), kPrivate);
}

Result<P256PrivateKey> Store::pending_key() const {
  return load_or_make_key(in_name("pending.pem"));
}

Result<io::TlsCertificate> Store::install(std::string_view chain) const {
  const std::string pending = in_name("pending.pem");
  WARREN_TRY(std::string pem, io::read_file(pending, kMaxPem));
  pem.append("\n").append(chain);
  auto out = io::TlsCertificate::from_pem(pem);
  wipe_text(pem);
  if (!out) return with_context("the authority's certificate", std::move(out).error());
  if (!out->covers({name_})) {
    return fail(Errc::Unavailable, "the authority's certificate is not for " + name_);
  }
  std::string clean = out->to_pem();  // nothing that came along with it
  const auto written = io::replace_file(in_name("certificate.pem"), clean, kPrivate);
  wipe_text(clean);
  if (!written) return unexpected(written.error());
  unlink(pending.c_str());  // if it stays, the next certificate has the same key
  return out;
}

Result<std::optional<io::TlsCertificate>> Store::certificate() const {
  const std::string path = in_name("certificate.pem");
  auto pem = io::read_file(path, kMaxPem);
  if (!pem && pem.error().code == Errc::NotFound) return std::optional<io::TlsCertificate>();
  if (!pem) return unexpected(std::move(pem).error());
  auto out = io::TlsCertificate::from_pem(*pem);
  wipe_text(*pem);
  if (!out) return with_context(path, std::move(out).error());
  return std::optional(std::move(*out));
}

}  // namespace warren::acme
