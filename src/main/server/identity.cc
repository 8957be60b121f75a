#include "main/server/identity.h"

#include <utility>

#include <fmt/format.h>

#include "base/hex.h"
#include "base/secret.h"
#include "io/file.h"

namespace warren::server {
namespace {

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

// In hexadecimal, alone in its file.
template <class Key>
Result<std::pair<Key, bool>> load_key(const std::string& path, Random& random) {
  auto kept = io::read_file(path, 2 * kKeySize + 1);
  if (kept) {
    Secret<kKeySize> bytes;
    const bool is_key =
        parse_hex(std::string_view(*kept).substr(0, 2 * kKeySize), bytes.mutable_bytes());
    wipe_text(*kept);
    if (is_key) return std::pair{Key(bytes.bytes()), false};
    return fail(Errc::InvalidArgument,
                fmt::format("{} holds no key: put the file of a backup there. Without it every "
                            "machine has to join again",
                            path));
  }
  if (kept.error().code != Errc::NotFound) return unexpected(kept.error());
  Key key = Key::generate(random);
  std::string text = to_hex(key.bytes());
  const auto written = io::replace_file(path, text, 0600);
  wipe_text(text);
  if (!written) return unexpected(written.error());
  return std::pair{std::move(key), true};
}

}  // namespace

Result<Identity> load_identity(const std::string& state_dir, Random& random) {
  WARREN_TRY(auto control, load_key<MachinePrivateKey>(state_dir + "/control.key", random));
  WARREN_TRY(auto relay, load_key<RelayPrivateKey>(state_dir + "/relay.key", random));
  return Identity{.control_key = std::move(control.first),
                  .relay_key = std::move(relay.first),
                  .is_new = control.second};
}

}  // namespace warren::server
