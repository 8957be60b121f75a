#pragma once

#include <string_view>

namespace warren {

// Of all programs: "0.1.0".
std::string_view version();

}  // namespace warren
