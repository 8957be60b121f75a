#include "sim/traversal.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace warren::sim {
namespace {

TEST(Traversal, PageSaysWhatTheSimulatorFinds) {
  const std::ifstream file(WARREN_SOURCE_DIR "/docs/traversal.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), traversal_page())
      << "run: build/dev/test/sim/warren-traversal > docs/traversal.md";
}

}  // namespace
}  // namespace warren::sim
