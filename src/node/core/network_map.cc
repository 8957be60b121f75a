#include "node/core/network_map.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace warren::node {

using control::Node;
using control::NodeId;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view without_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

std::string_view first_label(std::string_view name) {
  return name.substr(0, name.find('.'));
}

// How well a text names a node; the smallest wins.
enum class NameMatch : std::uint8_t { FullName, FirstLabel, HostName, None };

NameMatch match(const Node& node, std::string_view wanted) {
  const std::string name = lower(without_dot(node.name));
  if (name == wanted) return NameMatch::FullName;
  if (first_label(name) == wanted) return NameMatch::FirstLabel;
  if (node.hostinfo && lower(node.hostinfo->hostname) == wanted) return NameMatch::HostName;
  return NameMatch::None;
}

}  // namespace

control::FilterRules NetworkMap::filter_rules() const {
  control::FilterRules out;
  for (const auto& [name, rules] : filter_) out.insert(out.end(), rules.begin(), rules.end());
  return out;
}

std::string NetworkMap::name_suffix() const {
  if (!self_) return {};
  const std::string_view name = without_dot(self_->name);
  const std::size_t dot = name.find('.');
  return std::string(dot == std::string_view::npos ? "" : name.substr(dot + 1));
}

std::vector<std::string> NetworkMap::health() const {
  std::vector<std::string> out;
  for (const auto& [id, message] : messages_) {
    std::string& text = out.emplace_back(message.title);
    if (!message.title.empty() && !message.text.empty()) text += ": ";
    text += message.text;
    if (message.primary_action) {
      text += fmt::format(" {}: {}", message.primary_action->label, message.primary_action->url);
    }
  }
  out.insert(out.end(), health_.begin(), health_.end());
  return out;
}

const Node* NetworkMap::find(NodeId id) const {
  if (self_ && self_->id == id) return &*self_;
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : &found->second;
}

const Node* NetworkMap::find_by_address(const IpAddress& address) const {
  if (is_own_address(IpPrefix(address, address.bit_length()))) return &*self_;
  const auto owner = claims_.owner(address);
  return owner ? find(*owner) : nullptr;
}

const Node* NetworkMap::find_by_key(const NodePublicKey& key) const {
  if (self_ && self_->key == key) return &*self_;
  const auto owner = claims_.owner(key);
  return owner ? find(*owner) : nullptr;
}

Result<const Node*> NetworkMap::find_by_name(std::string_view text) const {
  const auto address = IpAddress::parse(text);
  if (address) {
    const Node* const node = find_by_address(*address);
    if (node == nullptr) return fail(Errc::NotFound, fmt::format("no node has address {}", text));
    return node;
  }
  const std::string wanted = lower(without_dot(text));
  if (wanted.empty()) return fail(Errc::InvalidArgument, "no name was given");
  std::array<const Node*, 3> first{};
  std::array<std::size_t, 3> count{};
  const auto consider = [&](const Node& node) {
    const NameMatch how = match(node, wanted);
    if (how == NameMatch::None) return;
    const auto index = static_cast<std::size_t>(how);
    if (count[index]++ == 0) first[index] = &node;
  };
  if (self_) consider(*self_);
  for (const auto& [id, peer] : peers_) consider(peer);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (count[i] == 1) return first[i];
    if (count[i] > 1) {
      return fail(Errc::InvalidArgument,
                  fmt::format("{} nodes are called {}: use an address", count[i], text));
    }
  }
  return fail(Errc::NotFound, fmt::format("there is no node called {}", text));
}

bool NetworkMap::is_expired(const Node& node) const {
  return node.expired || (node.key_expiry && *node.key_expiry <= judged_at_);
}

bool NetworkMap::has_key(const Node& peer) const {
  return claims_.owner(peer.key) == peer.id;
}

std::vector<IpPrefix> NetworkMap::allowed_ips(const Node& peer, bool with_subnets) const {
  std::vector<IpPrefix> out;
  const OwnAddresses own(peer);
  for (const IpPrefix& prefix : peer.effective_allowed_ips()) {
    if (prefix.length() == 0 || is_own_address(prefix)) continue;
    if (!with_subnets && !own.contain(prefix)) continue;
    if (claims_.owner(prefix) == peer.id) out.push_back(prefix);
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

bool NetworkMap::is_own_address(const IpPrefix& prefix) const {
  return self_ && std::ranges::find(self_->addresses, prefix) != self_->addresses.end();
}

}  // namespace warren::node
