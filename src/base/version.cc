#include "base/version.h"

namespace warren {

std::string_view version() {
  return WARREN_VERSION;
}

}  // namespace warren
