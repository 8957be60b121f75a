#include "node/core/node_state.h"

#include <fmt/format.h>

#include "base/json_wire.h"
#include "crypto/key_text.h"

namespace warren::node {

namespace {

namespace wire = json::wire;

// A kilobyte as a rule.
constexpr wire::Limits kStateLimits{.bytes = std::size_t{256} * 1024, .depth = 16, .list = 4096};

// The file as it stands.
struct FileForm {
  std::int64_t version = 0;
  std::string machine_key;
  std::string node_key;    // empty: none
  std::string server_key;  // empty: none
  json::Raw prefs;
};

template <class Visitor, wire::Either<FileForm> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Version", x.version);
  visit.always("MachineKey", x.machine_key);
  visit("NodeKey", x.node_key);
  visit("ServerKey", x.server_key);
  visit.always("Prefs", x.prefs);
}

template <class Key>
std::string private_text(const Key& key) {
  const PrivateKeyText text = to_private_text(key);
  return std::string(as_text(text.bytes()));
}

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::InvalidArgument, fmt::format("damaged state: {}", what));
}

Result<NodeState> from_form(const FileForm& form) {
  if (form.version != kStateVersion) {
    return fail(Errc::Unsupported,
                fmt::format("the state is of version {}, this program knows version {}: update "
                            "Warren, or join anew with another state file",
                            form.version, kStateVersion));
  }
  NodeState out;
  if (!parse_private_key_text(form.machine_key, out.machine_key) || out.machine_key.is_zero()) {
    return damaged("MachineKey is no private key");
  }
  if (!form.node_key.empty() && !parse_private_key_text(form.node_key, out.node_key)) {
    return damaged("NodeKey is no private key");
  }
  if (!form.server_key.empty()) {
    if (!parse_key_text(form.server_key, out.server_key.emplace())) {
      return damaged("ServerKey is no machine key");
    }
  }
  auto prefs = decode_prefs(form.prefs.text() == "null" ? "{}" : form.prefs.text());
  if (!prefs) return damaged("Prefs: " + prefs.error().detail);
  out.prefs = *std::move(prefs);
  return out;
}

}  // namespace

NodeState NodeState::clone() const {
  return {.machine_key = machine_key.clone(),
          .node_key = node_key.clone(),
          .server_key = server_key,
          .prefs = prefs};
}

std::string encode_node_state(const NodeState& state) {
  FileForm form;
  form.version = kStateVersion;
  form.machine_key = private_text(state.machine_key);
  if (!state.node_key.is_zero()) form.node_key = private_text(state.node_key);
  if (state.server_key) form.server_key = to_text(*state.server_key);
  // It cannot fail: the text is ours.
  form.prefs = json::Raw::parse(encode_prefs(state.prefs)).value_or(json::Raw{});
  std::string out;
  json::Writer writer(out);
  json::write(writer, form);
  out.push_back('\n');
  wipe_text(form.machine_key);
  wipe_text(form.node_key);
  return out;
}

Result<NodeState> decode_node_state(std::string_view text) {
  auto form = wire::read_text<FileForm>(text, kStateLimits);
  if (!form) return damaged(form.error().detail);
  auto out = from_form(*form);
  wipe_text(form->machine_key);
  wipe_text(form->node_key);
  return out;
}

}  // namespace warren::node
