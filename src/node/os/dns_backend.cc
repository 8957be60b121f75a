#include "node/os/dns_backend.h"

#include <algorithm>
#include <filesystem>

#include <sys/stat.h>

#include "io/file.h"
#include "node/os/dns_file.h"
#include "node/os/dns_resolv_conf.h"
#include "node/os/dns_resolvconf.h"
#include "node/os/dns_resolved.h"

namespace warren::node {

namespace {

constexpr std::string_view kStub = "127.0.0.53";  // where systemd-resolved is asked

// Programs that ask libc ask resolved: by its module, or because it is the only nameserver.
bool is_resolved_in_use(const DnsHost& host, const ResolvConf& conf) {
  if (conf.nameservers.size() == 1 && conf.nameservers.front() == kStub) return true;
  const std::string text =
      io::read_file(host.etc("nsswitch.conf"), kMaxResolvConf).value_or(std::string());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.starts_with("hosts:") && line.find(" resolve") != std::string_view::npos) return true;
    at = end + 1;
  }
  return false;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

std::string_view to_string(DnsManager manager) {
  switch (manager) {
    case DnsManager::None:
      return "none";
    case DnsManager::File:
      return "file";
    case DnsManager::Resolved:
      return "systemd-resolved";
    case DnsManager::OpenResolv:
      return "openresolv";
    case DnsManager::Resolvconf:
      return "resolvconf";
  }
  return "none";
}

DnsManager detect_dns_manager(const DnsHost& host) {
  if (host.is_foreign) return DnsManager::None;
  const auto text = io::read_file(host.etc("resolv.conf"), kMaxResolvConf);
  if (!text) return DnsManager::File;
  const ResolvConf conf = parse_resolv_conf(*text);
  switch (writer_of(*text)) {
    case ResolvConfWriter::Resolved:
    case ResolvConfWriter::NetworkManager:
      // NetworkManager writes the stub's address where it leaves names to resolved.
      if (is_resolved_in_use(host, conf) && DnsResolved::is_there(host)) {
        return DnsManager::Resolved;
      }
      return DnsManager::File;
    case ResolvConfWriter::Resolvconf:
      if (const DnsManager found = DnsResolvconf::find(host); found != DnsManager::None) {
        return found;
      }
      return DnsManager::File;
    case ResolvConfWriter::Unknown:
    case ResolvConfWriter::Warren:
      return DnsManager::File;
  }
  return DnsManager::File;
}

std::unique_ptr<DnsBackend> make_dns_backend(const DnsHost& host, DnsManager manager) {
  switch (manager) {
    case DnsManager::None:
      return nullptr;
    case DnsManager::File:
      return std::make_unique<DnsFile>(host);
    case DnsManager::Resolved:
      return std::make_unique<DnsResolved>(host);
    case DnsManager::OpenResolv:
    case DnsManager::Resolvconf:
      return std::make_unique<DnsResolvconf>(host, manager);
  }
  return nullptr;
}

Result<bool> clean_dns(const DnsHost& host) {
  if (host.is_foreign) return false;
  WARREN_TRY(const bool was_file, DnsFile(host).restore());
  WARREN_TRY(const bool was_record, DnsResolvconf::clean(host));
  return was_file || was_record;
}

bool is_etc_of_another_network() {
  struct stat own{};
  struct stat first{};
  if (stat("/proc/self/ns/net", &own) != 0 || stat("/proc/1/ns/net", &first) != 0) return false;
  if (is_same(own, first)) return false;
  // A file of its own may be mounted over the machine's.
  if (stat("/etc/resolv.conf", &own) == 0 && stat("/proc/1/root/etc/resolv.conf", &first) == 0) {
    return is_same(own, first);
  }
  return stat("/etc", &own) == 0 && stat("/proc/1/root/etc", &first) == 0 && is_same(own, first);
}

}  // namespace warren::node
