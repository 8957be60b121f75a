#pragma once

namespace warren::wg {

// What the engine has unlinked but a packet worker may still hold: keypairs, paths, peers, outgrown
// tables. The engine collects them; its owner destroys them (which wipes keys) once no worker can
// have a pointer any more.
class Retired {
 public:
  Retired() = default;
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  virtual ~Retired() = default;
};

}  // namespace warren::wg
