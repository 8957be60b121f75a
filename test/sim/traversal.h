#pragma once

#include <string>

namespace warren::sim {

// The page docs/traversal.md: which places reach each other directly, and how soon, as measured in
// the simulator.
std::string traversal_page();

}  // namespace warren::sim
