#include "node/state_file.h"

#include <utility>

#include "base/secret.h"
#include "io/file.h"
#include "io/private_directory.h"

namespace warren::node {

namespace {

constexpr std::size_t kMaxState = std::size_t{1} << 20;
constexpr const char* kName = "/state.json";

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

Result<NodeState> load_or_make_state(const std::string& directory, Random& random) {
  WARREN_TRY_VOID(io::make_private_directory(directory));
  const std::string path = directory + kName;
  auto text = io::read_file(path, kMaxState);
  if (!text && text.error().code != Errc::NotFound) return unexpected(std::move(text).error());
  if (!text) {
    NodeState made;
    made.machine_key = MachinePrivateKey::generate(random);
    made.prefs = default_prefs();
    WARREN_TRY_VOID(save_state(directory, made));
    return made;
  }
  auto state = decode_node_state(*text);
  wipe_text(*text);
  if (!state) return with_context(path, std::move(state).error());
  return state;
}

Result<void> save_state(const std::string& directory, const NodeState& state) {
  std::string text = encode_node_state(state);
  auto saved = io::replace_file(directory + kName, text, 0600);
  wipe_text(text);
  if (!saved) return with_context("keep the state", std::move(saved).error());
  return {};
}

}  // namespace warren::node
