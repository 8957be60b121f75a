#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "acme/core/ledger.h"
#include "base/result.h"
#include "crypto/p256.h"
#include "io/tls_certificate.h"

namespace warren::acme {

// The files of one authority and one name below the server's state directory: the account's key,
// the ledger, the key that waits for its certificate, and the certificate with its key. All have
// mode 0600 and are replaced in one step: a process that is killed leaves the old one or the new
// one.
//
//   acme/AUTHORITY/account.pem
//   acme/AUTHORITY/NAME/ledger.json, pending.pem, certificate.pem
class Store {
 public:
  // Makes the directories. `name` is a name of DNS in lower case.
  static Result<Store> open(const std::string& state_directory,
                            const std::string& authority,
                            const std::string& name);

  // Made when there is none.
  Result<P256PrivateKey> account_key() const;
  // Empty when there is none. One that cannot be read is an error: what was asked of the authority
  // is not known then.
  Result<Ledger> ledger() const;
  Result<void> keep(const Ledger& ledger) const;

  // The same until a certificate for it is installed.
  Result<P256PrivateKey> pending_key() const;
  // A certificate and those that vouch for it, for the pending key and the name.
  Result<io::TlsCertificate> install(std::string_view chain) const;
  // None when there is none.
  Result<std::optional<io::TlsCertificate>> certificate() const;

 private:
  Store(std::string directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)) {}

  std::string in_name(std::string_view file) const;

  std::string directory_;
  std::string name_;
};

// The directory's host, and a part of the URL's hash: its path tells real ones from staging.
std::string authority_name(std::string_view directory_url);

}  // namespace warren::acme
