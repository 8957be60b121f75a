#include "node/os/dns_resolv_conf.h"

#include <algorithm>

#include <fmt/format.h>

namespace warren::node {

namespace {

constexpr std::string_view kOurs = "Written by Warren";
constexpr std::string_view kBlank = " \t\r";
constexpr std::size_t kMaxNameservers = 16;  // libc uses three
constexpr std::size_t kMaxSearch = 64;       // libc takes as many as fit; nobody has more
// It says that the nameservers check signatures: ours passes on what others say.
constexpr std::string_view kTrustAd = "trust-ad";

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return out;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t begin = line.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    out.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with(';');
}

void append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& each : from) {
    if (std::ranges::find(to, each) == to.end()) to.push_back(each);
  }
}

std::string list_line(std::string_view keyword, const std::vector<std::string>& values) {
  return values.empty() ? std::string() : fmt::format("{} {}\n", keyword, fmt::join(values, " "));
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf out;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (is_comment(line)) continue;
    std::vector<std::string> words = words_of(line);
    if (words.size() < 2) continue;
    const std::string keyword = std::move(words.front());
    words.erase(words.begin());
    if (keyword == "nameserver" && out.nameservers.size() < kMaxNameservers) {
      out.nameservers.push_back(std::move(words.front()));
    } else if (keyword == "search" || keyword == "domain") {
      if (words.size() > kMaxSearch) words.resize(kMaxSearch);
      out.search = std::move(words);
    } else if (keyword == "options" && out.options.size() + words.size() <= kMaxSearch) {
      append(out.options, words);
    }
  }
  return out;
}

OsDnsBase to_base(const ResolvConf& conf, const std::vector<IpAddress>& own) {
  OsDnsBase out{.can_split = false, .nameservers = {}, .search = conf.search};
  for (const std::string& text : conf.nameservers) {
    const auto address = IpAddress::parse(text);
    if (address && std::ranges::find(own, *address) == own.end()) {
      out.nameservers.push_back(*address);
    }
  }
  return out;
}

ResolvConfWriter writer_of(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.find_first_not_of(kBlank) == std::string_view::npos) continue;
    if (!is_comment(line)) break;
    if (line.find(kOurs) != std::string_view::npos) return ResolvConfWriter::Warren;
    // Before resolvconf, whose name may occur in its texts.
    if (line.find("systemd-resolved") != std::string_view::npos) return ResolvConfWriter::Resolved;
    if (line.find("NetworkManager") != std::string_view::npos) {
      return ResolvConfWriter::NetworkManager;
    }
    if (line.find("resolvconf") != std::string_view::npos) return ResolvConfWriter::Resolvconf;
  }
  return ResolvConfWriter::Unknown;
}

std::string make_record(const OsDnsConfig& config) {
  std::string out;
  for (const IpAddress& address : config.nameservers) {
    out += fmt::format("nameserver {}\n", address.to_string());
  }
  return out + list_line("search", config.search);
}

std::string make_resolv_conf(const OsDnsConfig& config,
                             const ResolvConf& host,
                             std::string_view backup) {
  std::string out = fmt::format(
      "# {} while this machine is in its network. Changes are lost.\n"
      "# `warren down` puts back what was here before; until then it is in\n"
      "# {}\n"
      "# `warren set --accept-dns=false` makes Warren leave this file alone.\n\n",
      kOurs, backup);
  OsDnsConfig all = config;
  append(all.search, host.search);
  out += make_record(all);
  if (config.nameservers.empty()) {
    for (const std::string& text : host.nameservers) out += fmt::format("nameserver {}\n", text);
  }
  std::vector<std::string> options = host.options;
  if (!config.nameservers.empty()) std::erase(options, kTrustAd);
  return out + list_line("options", options);
}

}  // namespace warren::node
