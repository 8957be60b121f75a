#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "node/os/dns_backend.h"

namespace warren::node {

// /etc/resolv.conf itself. The host's own, a file, a symbolic link or nothing, is kept beside it,
// on the disk before ours is there; ours says so in its first lines. Where resolv.conf is mounted,
// as in containers, it cannot be replaced: it is written in place, and the host's own is kept in
// our state directory.
//
// Whatever others write while ours is in force is the host's own from then on.
class DnsFile final : public DnsBackend {
 public:
  explicit DnsFile(const DnsHost& host);

  DnsManager manager() const override { return DnsManager::File; }

  Result<void> set(const OsDnsConfig& config) override;
  bool holds() override;
  OsDnsBase base() const override;
  std::vector<std::string> watched() const override;

  // As set() with hands off. True: there was something to take back.
  Result<bool> restore();

 private:
  // What is at a path.
  struct Entry {
    enum class Kind : unsigned char { Nothing, File, Link };

    Kind kind = Kind::Nothing;
    std::string content;  // of the file, or where the link leads to
    mode_t mode = 0;
    bool is_mounted = false;
  };

  static Result<Entry> look(const std::string& path);
  std::string read_through(const std::string& path) const;
  std::vector<std::string> places(bool is_mounted) const;
  std::optional<std::string> backup() const;
  std::string host_text() const;
  static Result<void> keep(const Entry& entry, const std::string& to);
  Result<void> write(const Entry& before, const std::string& text) const;
  Result<void> put_back(const std::string& from, const Entry& now) const;

  const DnsHost host_;
  const std::string path_;
  const std::string beside_;    // backups: the usual place,
  const std::string in_state_;  // and that of mounted files
  std::optional<std::string> written_;
};

}  // namespace warren::node
