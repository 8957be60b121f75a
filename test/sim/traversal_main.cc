#include <fmt/core.h>

#include "sim/traversal.h"

int main() {
  fmt::print("{}", warren::sim::traversal_page());
  return 0;
}
