#include "sim/mesh_pair.h"

#include <gtest/gtest.h>

namespace warren::sim {
namespace {

// Every pair of places.
TEST(MeshPair, TalksBetweenAllPlacesAndIsDirectWhereThatIsPossible) {
  for (const Site& left : all_sites()) {
    for (const Site& right : all_sites()) {
      SCOPED_TRACE(left.name + " and " + right.name);
      Trace trace;
      MeshPair pair(7, left, right, &trace);
      const auto took = pair.time_to_direct(10s);
      EXPECT_EQ(took.has_value(), can_be_direct(left, right)) << trace.text();
      const TimePoint from = pair.time.now();
      pair.talk(5s);
      EXPECT_LT(pair.silence(pair.a, from), 500ms) << trace.text();
      EXPECT_LT(pair.silence(pair.b, from), 500ms) << trace.text();
      if (took) {
        EXPECT_LT(*took, 1s);
        printf("%s and %s: %ld ms\n", left.name.c_str(), right.name.c_str(),
               static_cast<long>(*took / 1ms));
      }
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace warren::sim
