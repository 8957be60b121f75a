#include "node/state_file.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/secret.h"
#include "io/file.h"

namespace warren::node {

namespace {

constexpr std::size_t kMaxState = std::size_t{1} << 20;

}  // namespace

Result<NodeState> StateFile::load(Random& random) const {
  auto text = io::read_file(path_, kMaxState);
  if (!text && text.error().code != Errc::NotFound) return unexpected(text.error());
  if (!text) {
    NodeState out;
    out.machine_key = MachinePrivateKey::generate(random);
    out.prefs = default_prefs();
    WARREN_TRY_VOID(save(out));
    return out;
  }
  auto state = decode_node_state(*text);
  wipe({reinterpret_cast<std::uint8_t*>(text->data()), text->size()});
  if (!state) return with_context(path_, std::move(state).error());
  return state;
}

Result<void> StateFile::save(const NodeState& state) const {
  std::string text = encode_node_state(state);
  auto saved = io::replace_file(path_, text, 0600);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  if (!saved) return with_context("keep the state", std::move(saved).error());
  return {};
}

}  // namespace warren::node
